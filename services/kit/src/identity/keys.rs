//! An issuer's public keys, as a JSON Web Key Set brings them.
//!
//! Each key is pinned to its algorithms here. `none` and the algorithms of shared secrets are
//! deliberately absent: no key can stand for them, so no token can ask for them.

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256, RsaPublicKeyComponents,
    VerificationAlgorithm,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::Value;

use super::recent::Recent;

/// The most keys of a set: a token that names none may be tried with each of its algorithm.
const KEYS: usize = 32;
/// The bits of an RSA key: fewer can be broken, more would cost too much to check.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// How a token may be signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Algorithm {
    /// RSA with PKCS #1 padding and SHA-256.
    Rs256,
    /// RSA with PKCS #1 padding and SHA-512; by setting.
    Rs512,
    /// RSA with PSS padding and SHA-256.
    Ps256,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// Ed25519.
    EdDsa,
}

impl Algorithm {
    /// The algorithm that a header or a key names, if it is an accepted one.
    pub(super) fn named(name: &str) -> Option<Algorithm> {
        match name {
            "RS256" => Some(Algorithm::Rs256),
            "RS512" => Some(Algorithm::Rs512),
            "PS256" => Some(Algorithm::Ps256),
            "ES256" => Some(Algorithm::Es256),
            "EdDSA" => Some(Algorithm::EdDsa),
            _ => None,
        }
    }

    fn verification(self) -> &'static dyn VerificationAlgorithm {
        match self {
            Algorithm::Rs256 => &RSA_PKCS1_2048_8192_SHA256,
            Algorithm::Rs512 => &RSA_PKCS1_2048_8192_SHA512,
            Algorithm::Ps256 => &RSA_PSS_2048_8192_SHA256,
            Algorithm::Es256 => &ECDSA_P256_SHA256_FIXED,
            Algorithm::EdDsa => &ED25519,
        }
    }
}

/// A public key, for one algorithm.
#[derive(Debug)]
pub(super) struct Key {
    id: Option<String>,
    algorithm: Algorithm,
    public: ParsedPublicKey,
}

impl Key {
    /// Whether `signature` is this key's, of `text`.
    pub(super) fn signed(&self, text: &[u8], signature: &[u8]) -> bool {
        self.public.verify_sig(text, signature).is_ok()
    }

    fn order(&self) -> (Option<&str>, Algorithm, &[u8]) {
        (self.id.as_deref(), self.algorithm, self.public.as_ref())
    }
}

/// The keys that are in force together, and the tokens seen under them.
#[derive(Debug)]
pub(super) struct KeySet {
    keys: Vec<Key>,
    /// Forgotten with the keys, so that a token does not outlive the key it was signed with.
    pub(super) recent: Recent,
}

impl PartialEq for KeySet {
    fn eq(&self, other: &KeySet) -> bool {
        self.keys.iter().map(Key::order).eq(other.keys.iter().map(Key::order))
    }
}

/// An entry of a set. What else issuers put there (certificates, dates) is not looked at.
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    crv: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    key_ops: Option<Vec<String>>,
    kid: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

#[derive(Deserialize)]
struct Jwks {
    keys: Vec<Value>,
}

impl KeySet {
    /// The one key of the local issuer.
    pub(super) fn local(public: &[u8]) -> KeySet {
        let public = ParsedPublicKey::new(&ED25519, public).expect("it is of a pair that was read");
        let key = Key { id: None, algorithm: Algorithm::EdDsa, public };
        KeySet { keys: vec![key], recent: Recent::default() }
    }

    /// Reads a JSON Web Key Set; answers the keys that can be used, and of each other key why it
    /// cannot. Refused if none can.
    pub(super) fn parse(text: &[u8], rs512: bool) -> Result<(KeySet, Vec<String>), String> {
        let set: Jwks = serde_json::from_slice(text)
            .map_err(|error| format!("this is not a JSON Web Key Set: {error}"))?;
        if set.keys.len() > KEYS {
            return Err(format!("the set has {} keys, and {KEYS} is the most", set.keys.len()));
        }
        let mut keys = Vec::new();
        let mut unused = Vec::new();
        for (index, entry) in set.keys.into_iter().enumerate() {
            let id = entry.get("kid").and_then(Value::as_str).map(str::to_owned);
            let name = id.map_or(format!("key {}", index + 1), |id| format!("key {id:?}"));
            // The parser's words would quote the value, which may be a secret.
            let entry = serde_json::from_value(entry).map_err(|_| "is malformed".to_owned());
            match entry.and_then(|jwk| usable(jwk, rs512)) {
                Ok(more) => keys.extend(more),
                Err(problem) => unused.push(format!("{name} {problem}")),
            }
        }
        if keys.is_empty() {
            let why = if unused.is_empty() { "it is empty".to_owned() } else { unused.join("; ") };
            return Err(format!("the set holds no key that can be used: {why}"));
        }
        keys.sort_by(|one, other| one.order().cmp(&other.order()));
        Ok((KeySet { keys, recent: Recent::default() }, unused))
    }

    /// The keys that may have signed a token of this header: of its algorithm, and of its name
    /// where both have one.
    pub(super) fn candidates(
        &self,
        algorithm: Algorithm,
        id: Option<&str>,
    ) -> impl Iterator<Item = &Key> {
        self.keys.iter().filter(move |key| {
            let named = id.is_none() || key.id.is_none() || key.id.as_deref() == id;
            named && key.algorithm == algorithm
        })
    }

    /// Whether a token that names this key can be checked, be it with a key without a name.
    pub(super) fn knows(&self, id: &str) -> bool {
        self.keys.iter().any(|key| key.id.as_deref().is_none_or(|known| known == id))
    }

    /// The names of the keys, for a log line.
    pub(super) fn names(&self) -> String {
        let mut names: Vec<&str> =
            self.keys.iter().map(|key| key.id.as_deref().unwrap_or("(without a name)")).collect();
        names.dedup();
        names.join(", ")
    }
}

/// The key for each of its algorithms, or why it is not used.
fn usable(jwk: Jwk, rs512: bool) -> Result<Vec<Key>, String> {
    if jwk.kty == "oct" {
        return Err("is a shared secret, which must never be published: change it".to_owned());
    }
    if jwk.usage.as_deref().is_some_and(|usage| usage != "sig") {
        return Err("is not for signatures".to_owned());
    }
    if jwk.key_ops.as_ref().is_some_and(|ops| !ops.iter().any(|op| op == "verify")) {
        return Err("is not for verifying".to_owned());
    }
    let (mut algorithms, public) = match (jwk.kty.as_str(), jwk.crv.as_deref()) {
        ("RSA", _) => {
            let n = bytes("n", jwk.n.as_deref())?;
            let e = bytes("e", jwk.e.as_deref())?;
            let bits = n.len() * 8 - n.first().map_or(0, |byte| byte.leading_zeros() as usize);
            if !RSA_BITS.contains(&bits) {
                return Err(format!("has {bits} bits, and an RSA key must have 2048 to 8192"));
            }
            let components = RsaPublicKeyComponents { n, e };
            let public = components.as_der().map_err(|_| "is no RSA key".to_owned())?;
            let algorithms = vec![Algorithm::Rs256, Algorithm::Rs512, Algorithm::Ps256];
            (algorithms, public.as_ref().to_vec())
        }
        ("EC", Some("P-256")) => {
            let (x, y) = (bytes("x", jwk.x.as_deref())?, bytes("y", jwk.y.as_deref())?);
            // An uncompressed point: one byte that says so, then two coordinates.
            (vec![Algorithm::Es256], [&[4], x.as_slice(), y.as_slice()].concat())
        }
        ("OKP", Some("Ed25519")) => (vec![Algorithm::EdDsa], bytes("x", jwk.x.as_deref())?),
        (kty, crv) => {
            return Err(format!("is of a kind that is not used: {kty:?} {:?}", crv.unwrap_or("")));
        }
    };
    if let Some(name) = &jwk.alg {
        algorithms.retain(|algorithm| Algorithm::named(name) == Some(*algorithm));
    }
    algorithms.retain(|algorithm| rs512 || *algorithm != Algorithm::Rs512);
    if algorithms.is_empty() {
        return Err(format!("is for {:?}, which is not accepted", jwk.alg.unwrap_or_default()));
    }
    let key = |algorithm: Algorithm| {
        let public = ParsedPublicKey::new(algorithm.verification(), &public)
            .map_err(|_| "is no key of its kind".to_owned())?;
        Ok(Key { id: jwk.kid.clone(), algorithm, public })
    };
    algorithms.into_iter().map(key).collect()
}

fn bytes(name: &str, text: Option<&str>) -> Result<Vec<u8>, String> {
    let text = text.ok_or_else(|| format!("has no {name}"))?;
    URL_SAFE_NO_PAD.decode(text).map_err(|_| format!("has a malformed {name}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::forge::{Signer, encode, jwks};
    use super::*;

    /// The algorithms that an entry is good for, or why it is not used.
    fn read(entry: Value) -> Result<Vec<Algorithm>, String> {
        let (keys, unused) = KeySet::parse(&jwks(&[entry]), false)?;
        assert_eq!(unused, [""; 0]);
        Ok(keys.keys.iter().map(|key| key.algorithm).collect())
    }

    #[track_caller]
    fn refused(entry: Value, why: &str) {
        let problem = read(entry).unwrap_err();
        assert!(problem.contains(why), "{problem}");
    }

    #[test]
    fn a_key_is_pinned_to_the_algorithms_of_its_kind() {
        let rsa = Signer::rsa("RS256");
        let all = vec![Algorithm::Rs256, Algorithm::Ps256];

        assert_eq!(read(rsa.jwk(json!({}))), Ok(all.clone()));
        assert_eq!(read(rsa.jwk(json!({"use": "sig", "key_ops": ["verify"]}))), Ok(all));
        assert_eq!(read(rsa.jwk(json!({"alg": "RS256"}))), Ok(vec![Algorithm::Rs256]));
        assert_eq!(read(rsa.jwk(json!({"alg": "PS256"}))), Ok(vec![Algorithm::Ps256]));
        assert_eq!(read(Signer::p256().jwk(json!({}))), Ok(vec![Algorithm::Es256]));
        assert_eq!(read(Signer::ed25519().jwk(json!({}))), Ok(vec![Algorithm::EdDsa]));
        for (alg, why) in [
            ("RS512", "RS512"), // Only by setting.
            ("RS384", "RS384"),
            ("RSA-OAEP", "RSA-OAEP"),
            ("ES256", "ES256"),
            ("HS256", "HS256"),
            ("none", "none"),
        ] {
            refused(rsa.jwk(json!({"alg": alg})), why);
        }
    }

    #[test]
    fn rs512_is_accepted_by_setting() {
        let rsa = Signer::rsa("RS512");

        for (more, count) in [(json!({}), 3), (json!({"alg": "RS512"}), 1)] {
            let (keys, _) = KeySet::parse(&jwks(&[rsa.jwk(more)]), true).unwrap();
            assert_eq!(keys.keys.len(), count);
        }
    }

    #[test]
    fn keys_that_are_weak_or_for_something_else_are_refused() {
        let rsa = Signer::rsa("RS256");
        let modulus = |bytes: usize| rsa.jwk(json!({"n": encode(&vec![0xff; bytes])}));

        refused(json!({"kty": "oct", "k": encode(b"hush")}), "shared secret");
        refused(rsa.jwk(json!({"use": "enc"})), "not for signatures");
        refused(rsa.jwk(json!({"key_ops": ["encrypt"]})), "not for verifying");
        refused(modulus(128), "1024 bits");
        refused(rsa.jwk(json!({"n": encode(&[&[0x7f][..], &[0xff; 255]].concat())})), "2047 bits");
        refused(modulus(1025), "8200 bits");
        refused(rsa.jwk(json!({"n": ""})), "0 bits");
        refused(rsa.jwk(json!({"e": encode(&[0])})), "no RSA key");
        refused(rsa.jwk(json!({"e": null})), "has no e");
        refused(rsa.jwk(json!({"n": "?"})), "malformed n");
        refused(json!({"kty": "EC", "crv": "P-384", "x": "", "y": ""}), "P-384");
        refused(json!({"kty": "OKP", "crv": "X25519", "x": ""}), "X25519");
        refused(json!({"kty": "future"}), "future");
        let off_the_curve = json!({"x": encode(&[1; 32]), "y": encode(&[1; 32])});
        refused(Signer::p256().jwk(off_the_curve), "no key of its kind");
        refused(Signer::ed25519().jwk(json!({"x": encode(&[1; 31])})), "no key of its kind");
        refused(json!({"kty": 1}), "malformed");
        refused(json!("hush"), "malformed");
    }

    #[test]
    fn a_set_is_good_for_the_keys_in_it_that_can_be_used() {
        let good = Signer::ed25519().jwk(json!({"kid": "good", "x5c": 1, "exp": "ignored"}));
        let secret = json!({"kty": "oct", "kid": "bad", "k": encode(b"hush")});

        let (keys, unused) =
            KeySet::parse(&jwks(&[secret, good.clone(), json!(7)]), false).unwrap();

        assert_eq!(keys.names(), "good");
        assert_eq!(unused.len(), 2);
        assert!(unused[0].starts_with("key \"bad\" is a shared secret"), "{unused:?}");
        assert!(unused[1].starts_with("key 3 is malformed"), "{unused:?}");
        assert_eq!(KeySet::parse(&jwks(&[good]), false).unwrap().0, keys, "order and rest aside");
    }

    #[test]
    fn what_is_no_set_is_refused_and_no_secret_is_quoted() {
        let secret = encode(b"hush");
        let many = vec![Signer::ed25519().jwk(json!({})); KEYS + 1];
        for (text, why) in [
            (Vec::new(), "not a JSON Web Key Set"),
            (b"<html>".to_vec(), "not a JSON Web Key Set"),
            (b"{\"keys\": 1}".to_vec(), "not a JSON Web Key Set"),
            (jwks(&[]), "it is empty"),
            (jwks(&[json!({"kty": "oct", "k": secret})]), "shared secret"),
            (jwks(&[json!({"kty": "oct", "k": 1, "kid": secret.as_bytes()})]), "malformed"),
            (jwks(&many), "32 is the most"),
        ] {
            let problem = KeySet::parse(&text, false).unwrap_err();
            assert!(problem.contains(why) && !problem.contains(&secret), "{problem}");
        }
    }
}
