//! Tokens of every making, right and wrong, put together by hand.

use std::path::Path;

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256,
    RsaKeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// A key pair of a kind that issuers use.
pub enum Key {
    /// EdDSA.
    Ed25519(Ed25519KeyPair),
    /// ES256.
    P256(EcdsaKeyPair),
    /// RS256.
    Rsa(Box<RsaKeyPair>),
}

impl Key {
    /// The key of the local issuer, as somebody who can read the folder has it.
    pub fn local(folder: &Path) -> Key {
        let der = std::fs::read(folder.join("local-issuer.key")).unwrap();
        Key::Ed25519(Ed25519KeyPair::from_pkcs8(&der).unwrap())
    }

    pub fn ed25519() -> Key {
        Key::Ed25519(Ed25519KeyPair::generate().unwrap())
    }

    pub fn p256() -> Key {
        Key::P256(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap())
    }

    pub fn rsa() -> Key {
        Key::Rsa(Box::new(RsaKeyPair::generate(KeySize::Rsa2048).unwrap()))
    }

    /// The algorithm its signatures go by.
    pub fn algorithm(&self) -> &'static str {
        match self {
            Key::Ed25519(_) => "EdDSA",
            Key::P256(_) => "ES256",
            Key::Rsa(_) => "RS256",
        }
    }

    /// The public half as bytes.
    pub fn public(&self) -> Vec<u8> {
        match self {
            Key::Ed25519(pair) => pair.public_key().as_ref().to_vec(),
            Key::P256(pair) => pair.public_key().as_ref().to_vec(),
            Key::Rsa(pair) => pair.public_key().as_ref().to_vec(),
        }
    }

    /// The public half as an entry of a JWKS.
    pub fn jwk(&self, id: &str) -> Value {
        let public = self.public();
        match self {
            Key::Ed25519(_) => {
                json!({"kty": "OKP", "crv": "Ed25519", "kid": id, "x": encode(&public)})
            }
            // An uncompressed point: one byte that says so, then two coordinates.
            Key::P256(_) => json!({
                "kty": "EC", "crv": "P-256", "kid": id,
                "x": encode(&public[1..33]), "y": encode(&public[33..65]),
            }),
            Key::Rsa(pair) => {
                let key = pair.public_key();
                let modulus = key.modulus().big_endian_without_leading_zero().to_vec();
                let exponent = key.exponent().big_endian_without_leading_zero().to_vec();
                json!({"kty": "RSA", "kid": id, "n": encode(&modulus), "e": encode(&exponent)})
            }
        }
    }

    fn signature(&self, text: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Key::Ed25519(pair) => pair.sign(text).as_ref().to_vec(),
            Key::P256(pair) => pair.sign(&random, text).unwrap().as_ref().to_vec(),
            Key::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, text, &mut signature).unwrap();
                signature
            }
        }
    }

    /// A token of these claims under the key's own algorithm.
    pub fn token(&self, claims: &Value) -> String {
        self.token_under(&json!({"alg": self.algorithm(), "typ": "JWT"}), &claims.to_string())
    }

    /// A token under any header, its claims as they stand.
    pub fn token_under(&self, header: &Value, claims: &str) -> String {
        let text = unsigned(header, claims);
        let signature = encode(&self.signature(text.as_bytes()));
        format!("{text}.{signature}")
    }
}

/// A token whose secret is `secret`, which a careless verifier takes for a public key.
pub fn symmetric(secret: &[u8], claims: &Value) -> String {
    let text = unsigned(&json!({"alg": "HS256", "typ": "JWT"}), &claims.to_string());
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    let signature = encode(hmac::sign(&key, text.as_bytes()).as_ref());
    format!("{text}.{signature}")
}

/// Header and claims, without a signature.
pub fn unsigned(header: &Value, claims: &str) -> String {
    format!("{}.{}", encode(header.to_string().as_bytes()), encode(claims.as_bytes()))
}

pub fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
