//! Tokens of every making, right and wrong, put together by hand.

use std::path::Path;

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256,
    RSA_PKCS1_SHA512, RSA_PSS_SHA256, RsaEncoding, RsaKeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// A key pair of a kind that issuers use.
#[derive(Debug)]
pub enum Key {
    /// EdDSA.
    Ed25519(Ed25519KeyPair),
    /// ES256.
    P256(EcdsaKeyPair),
    /// RS256, PS256 or RS512.
    Rsa(Box<RsaKeyPair>, &'static str),
}

impl Key {
    /// The key of the local issuer, as somebody who can read the folder has it.
    pub fn local(folder: &Path) -> Key {
        let der = std::fs::read(folder.join("local-issuer.key")).expect("a process made the key");
        Key::Ed25519(Ed25519KeyPair::from_pkcs8(&der).expect("it is a key"))
    }

    /// A new Ed25519 key.
    pub fn ed25519() -> Key {
        Key::Ed25519(Ed25519KeyPair::generate().expect("the machine has randomness"))
    }

    /// A new key on P-256.
    pub fn p256() -> Key {
        Key::P256(
            EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)
                .expect("the machine has randomness"),
        )
    }

    /// A new RSA key that signs by RS256.
    pub fn rsa() -> Key {
        Key::rsa_by("RS256")
    }

    /// A new RSA key that signs by RS256, PS256 or RS512.
    pub fn rsa_by(algorithm: &'static str) -> Key {
        Key::Rsa(
            Box::new(RsaKeyPair::generate(KeySize::Rsa2048).expect("the machine has randomness")),
            algorithm,
        )
    }

    /// The algorithm its signatures go by.
    pub fn algorithm(&self) -> &'static str {
        match self {
            Key::Ed25519(_) => "EdDSA",
            Key::P256(_) => "ES256",
            Key::Rsa(_, algorithm) => algorithm,
        }
    }

    /// The public half as bytes.
    pub fn public(&self) -> Vec<u8> {
        match self {
            Key::Ed25519(pair) => pair.public_key().as_ref().to_vec(),
            Key::P256(pair) => pair.public_key().as_ref().to_vec(),
            Key::Rsa(pair, _) => pair.public_key().as_ref().to_vec(),
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
            Key::Rsa(pair, _) => {
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
            Key::P256(pair) => pair.sign(&random, text).expect("the key signs").as_ref().to_vec(),
            Key::Rsa(pair, algorithm) => {
                let encoding: &dyn RsaEncoding = match *algorithm {
                    "RS256" => &RSA_PKCS1_SHA256,
                    "RS512" => &RSA_PKCS1_SHA512,
                    _ => &RSA_PSS_SHA256,
                };
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(encoding, &random, text, &mut signature).expect("the key signs");
                signature
            }
        }
    }

    /// A token of these claims under the key's own algorithm.
    pub fn token(&self, claims: &Value) -> String {
        self.token_under(&json!({"alg": self.algorithm(), "typ": "JWT"}), &claims.to_string())
    }

    /// A token of these claims that names the key it is signed with.
    pub fn token_of(&self, id: &str, claims: &Value) -> String {
        let header = json!({"alg": self.algorithm(), "typ": "JWT", "kid": id});
        self.token_under(&header, &claims.to_string())
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

/// Bytes as tokens and keys write them.
pub fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
