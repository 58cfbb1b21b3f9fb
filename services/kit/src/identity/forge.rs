//! Keys and tokens of every making, for the tests of this module.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256,
    RSA_PKCS1_SHA512, RSA_PSS_SHA256, RsaEncoding, RsaKeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use terms::Instant;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::Clock;
use crate::config::{DEFAULTS, Identity, Kit, load};

/// The issuer of the tests.
pub(super) const ISSUER: &str = "https://issuer.example";
/// The second at which the clocks of the tests stand: some day in 2026.
pub(super) const NOW: i64 = 1_780_000_000;

type Sign = dyn Fn(&[u8]) -> Vec<u8>;

/// A key pair that signs by one algorithm.
pub(super) struct Signer {
    pub(super) algorithm: &'static str,
    jwk: Value,
    sign: Box<Sign>,
}

impl Signer {
    pub(super) fn ed25519() -> Signer {
        let pair = Ed25519KeyPair::generate().unwrap();
        let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": encode(pair.public_key().as_ref())});
        Signer {
            algorithm: "EdDSA",
            jwk,
            sign: Box::new(move |text| pair.sign(text).as_ref().to_vec()),
        }
    }

    pub(super) fn p256() -> Signer {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let point = pair.public_key().as_ref();
        let (x, y) = (encode(&point[1..33]), encode(&point[33..65]));
        let jwk = json!({"kty": "EC", "crv": "P-256", "x": x, "y": y});
        let sign =
            move |text: &[u8]| pair.sign(&SystemRandom::new(), text).unwrap().as_ref().to_vec();
        Signer { algorithm: "ES256", jwk, sign: Box::new(sign) }
    }

    /// An RSA key and its signatures by `algorithm`.
    pub(super) fn rsa(algorithm: &'static str) -> Signer {
        let encoding: &'static dyn RsaEncoding = match algorithm {
            "RS256" => &RSA_PKCS1_SHA256,
            "RS512" => &RSA_PKCS1_SHA512,
            _ => &RSA_PSS_SHA256,
        };
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let n = encode(pair.public_key().modulus().big_endian_without_leading_zero());
        let e = encode(pair.public_key().exponent().big_endian_without_leading_zero());
        let sign = move |text: &[u8]| {
            let mut signature = vec![0; pair.public_modulus_len()];
            pair.sign(encoding, &SystemRandom::new(), text, &mut signature).unwrap();
            signature
        };
        let jwk = json!({"kty": "RSA", "n": n, "e": e});
        Signer { algorithm, jwk, sign: Box::new(sign) }
    }

    /// The public half with more members, such as `kid`.
    pub(super) fn jwk(&self, more: Value) -> Value {
        let mut jwk = self.jwk.clone();
        let members = jwk.as_object_mut().unwrap();
        members.extend(more.as_object().unwrap().clone());
        jwk
    }

    /// A token of these claims, under the name of a key.
    pub(super) fn token(&self, id: &str, claims: &Value) -> String {
        self.token_under(&json!({"alg": self.algorithm, "kid": id}), claims)
    }

    /// A token of these claims under a header as it stands.
    pub(super) fn token_under(&self, header: &Value, claims: &Value) -> String {
        let part = |value: &Value| encode(value.to_string().as_bytes());
        let text = format!("{}.{}", part(header), part(claims));
        let signature = encode(&(self.sign)(text.as_bytes()));
        format!("{text}.{signature}")
    }
}

/// A set of these keys.
pub(super) fn jwks(keys: &[Value]) -> Vec<u8> {
    json!({ "keys": keys }).to_string().into_bytes()
}

/// Claims that are all right, with some of them changed.
pub(super) fn claims(more: Value) -> Value {
    let mut claims = json!({
        "iss": ISSUER, "sub": "somebody", "aud": "arrs", "iat": NOW, "exp": NOW + 600,
        "arrs_grants": ["auditor@england"],
    });
    let members = claims.as_object_mut().unwrap();
    members.extend(more.as_object().unwrap().clone());
    claims
}

/// A clock that stands at [`NOW`].
pub(super) fn clock() -> Clock {
    Clock::fixed(Instant(NOW * 1_000_000))
}

/// Moves a clock on by so many seconds.
pub(super) fn advance(clock: &Clock, seconds: i64) {
    clock.move_to(Instant(clock.now().0 + seconds * 1_000_000));
}

/// The default settings, with the issuer of the tests.
pub(super) fn settings() -> Identity {
    #[derive(serde::Deserialize)]
    struct Only {
        kit: Kit,
    }

    let only: Only = load(&[DEFAULTS], None).unwrap();
    Identity { issuer: ISSUER.to_owned(), ..only.kit.identity }
}

/// Answers one question of HTTP with these bytes, and waits until the peer hangs up.
pub(super) async fn answer<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, words: &[u8]) {
    let mut question = Vec::new();
    while !question.ends_with(b"\r\n\r\n") {
        if stream.read_buf(&mut question).await.unwrap() == 0 {
            return;
        }
    }
    stream.write_all(words).await.ok();
    stream.read_to_end(&mut Vec::new()).await.ok();
}

pub(super) fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
