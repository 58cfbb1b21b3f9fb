//! Where tokens come from: the local issuer of a newcomer's machine, and the keys of others.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{AlgorithmParameters, JwkSet};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};

use super::{Grant, unauthenticated};
use crate::Clock;
use crate::config::{ConfigError, Identity};
use crate::error::Error;

/// The issuer name of the local issuer.
pub const LOCAL_ISSUER: &str = "arrs-local";
/// The longest token that is looked at: ours are below 2 KiB with 64 grants.
const TOKEN_BYTES: usize = 8 * 1024;
/// The longest subject: it is kept with everything its bearer records.
const SUBJECT_BYTES: usize = 255;
/// The longest time counted for a token; no call lasts nearly as long.
const MOST_SECONDS: u64 = 24 * 60 * 60;
/// The most grants of a token.
const GRANTS: usize = 64;

#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: serde_json::Value,
    exp: i64,
    iat: i64,
    #[serde(default)]
    arrs_grants: Vec<String>,
}

/// Makes tokens with a key of its own, for a newcomer's machine and for tests.
#[derive(Clone)]
pub struct LocalIssuer {
    signing: EncodingKey,
    public: String,
    audience: String,
    clock: Clock,
}

impl std::fmt::Debug for LocalIssuer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LocalIssuer(..)")
    }
}

impl LocalIssuer {
    /// Opens the key of `directory`, making one that only its owner may read if there is none.
    pub fn open(
        directory: &Path,
        audience: &str,
        clock: Clock,
    ) -> Result<LocalIssuer, ConfigError> {
        let path = directory.join("local-issuer.key");
        let told = |problem: String| ConfigError::at(path.display().to_string(), problem);
        if !path.exists() {
            crate::db::private_folder(directory).map_err(|error| told(error.to_string()))?;
            let key = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new())
                .expect("the machine has randomness");
            // Written beside and renamed, so that two processes starting at once agree on one.
            let fresh = directory.join(format!("local-issuer.{}", std::process::id()));
            let mut file = fs::OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .open(&fresh)
                .map_err(|error| told(error.to_string()))?;
            file.write_all(key.as_ref())
                .and_then(|()| file.sync_all())
                .map_err(|error| told(error.to_string()))?;
            match fs::hard_link(&fresh, &path) {
                Err(error) if !path.exists() => return Err(told(error.to_string())),
                Ok(()) | Err(_) => {}
            }
            fs::remove_file(&fresh).map_err(|error| told(error.to_string()))?;
        }
        LocalIssuer::read(directory, audience, clock)
    }

    /// Reads the key of `directory`, which must be there.
    pub fn read(
        directory: &Path,
        audience: &str,
        clock: Clock,
    ) -> Result<LocalIssuer, ConfigError> {
        let path = directory.join("local-issuer.key");
        let told = |problem: String| ConfigError::at(path.display().to_string(), problem);
        let mode = fs::metadata(&path).map_err(|error| told(error.to_string()))?;
        if mode.permissions().mode() & 0o077 != 0 {
            return Err(told("must be readable by its owner only (mode 0600)".to_owned()));
        }
        let der = fs::read(&path).map_err(|error| told(error.to_string()))?;
        let pair = Ed25519KeyPair::from_pkcs8(&der)
            .map_err(|_| told("is not an Ed25519 key; remove it to make a new one".to_owned()))?;
        Ok(LocalIssuer {
            signing: EncodingKey::from_ed_der(&der),
            public: URL_SAFE_NO_PAD.encode(pair.public_key().as_ref()),
            audience: audience.to_owned(),
            clock,
        })
    }

    /// A token of `subject` with `grants`, for so many minutes.
    pub fn token(&self, subject: &str, grants: &[Grant], minutes: i64) -> String {
        let now = self.clock.now().0 / 1_000_000;
        let claims = Claims {
            iss: LOCAL_ISSUER.to_owned(),
            sub: subject.to_owned(),
            aud: serde_json::Value::String(self.audience.clone()),
            exp: now + minutes * 60,
            iat: now,
            arrs_grants: grants.iter().map(Grant::to_string).collect(),
        };
        jsonwebtoken::encode(&Header::new(Algorithm::EdDSA), &claims, &self.signing)
            .expect("the key was read and the claims are plain")
    }
}

/// One issuer whose tokens are accepted.
#[derive(Clone)]
pub struct Issuer {
    name: String,
    keys: Vec<Key>,
}

#[derive(Clone)]
struct Key {
    id: Option<String>,
    algorithms: Vec<Algorithm>,
    decoding: DecodingKey,
}

impl Issuer {
    /// The local issuer.
    pub fn local(issuer: &LocalIssuer) -> Issuer {
        let decoding = DecodingKey::from_ed_components(&issuer.public)
            .expect("a public key of 32 bytes was encoded");
        Issuer {
            name: LOCAL_ISSUER.to_owned(),
            keys: vec![Key { id: None, algorithms: vec![Algorithm::EdDSA], decoding }],
        }
    }

    /// An issuer whose keys are in a JWKS file. Only signatures with public keys are accepted.
    pub fn from_jwks(name: &str, file: &Path) -> Result<Issuer, ConfigError> {
        let told = |problem: String| ConfigError::at("kit.identity.jwks_file", problem);
        let text = fs::read_to_string(file)
            .map_err(|error| told(format!("{}: {error}", file.display())))?;
        let set: JwkSet = serde_json::from_str(&text)
            .map_err(|error| told(format!("{} is not a JWKS: {error}", file.display())))?;
        let mut keys = Vec::new();
        for jwk in &set.keys {
            let algorithms = match &jwk.algorithm {
                AlgorithmParameters::RSA(_) => vec![Algorithm::RS256, Algorithm::PS256],
                AlgorithmParameters::EllipticCurve(_) => vec![Algorithm::ES256],
                AlgorithmParameters::OctetKeyPair(_) => vec![Algorithm::EdDSA],
                _ => continue,
            };
            let decoding = DecodingKey::from_jwk(jwk).map_err(|error| told(error.to_string()))?;
            keys.push(Key { id: jwk.common.key_id.clone(), algorithms, decoding });
        }
        if keys.is_empty() {
            return Err(told(format!("{} holds no public key", file.display())));
        }
        Ok(Issuer { name: name.to_owned(), keys })
    }
}

/// What a token says of its bearer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Issuer and subject.
    pub principal: String,
    /// What they may do, and where.
    pub grants: Vec<Grant>,
    /// How much longer the token is accepted.
    pub valid_for: Duration,
}

/// Verifies bearer tokens.
#[derive(Clone)]
pub struct Verifier {
    issuer: Arc<Issuer>,
    audience: String,
    leeway: u64,
}

impl std::fmt::Debug for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Verifier({})", self.issuer.name)
    }
}

impl Verifier {
    /// Accepts tokens of `issuer` for the audience of the settings.
    pub fn new(issuer: Issuer, settings: &Identity) -> Verifier {
        Verifier {
            issuer: Arc::new(issuer),
            audience: settings.audience.clone(),
            leeway: u64::from(settings.leeway_seconds),
        }
    }

    /// What a token says of its bearer, if it is to be believed.
    pub fn verify(&self, token: &str) -> Result<Verified, Error> {
        use jsonwebtoken::errors::ErrorKind;

        if token.len() > TOKEN_BYTES {
            return Err(unauthenticated("the token is longer than 8 KiB"));
        }
        let header = jsonwebtoken::decode_header(token).map_err(|_| {
            unauthenticated("the token is not a signed JWT of an accepted algorithm")
        })?;
        let candidates = self.issuer.keys.iter().filter(|key| {
            let named = key.id.is_none() || header.kid.is_none() || key.id == header.kid;
            named && key.algorithms.contains(&header.alg)
        });
        let mut problem = "the token is signed with no accepted key and algorithm";
        for key in candidates {
            let mut validation = Validation::new(header.alg);
            validation.algorithms = vec![header.alg];
            validation.set_issuer(&[&self.issuer.name]);
            validation.set_audience(&[&self.audience]);
            validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
            validation.validate_nbf = true;
            validation.leeway = self.leeway;
            match jsonwebtoken::decode::<Claims>(token, &key.decoding, &validation) {
                Ok(data) => return self.believed(data.claims),
                Err(error) => {
                    problem = match error.kind() {
                        ErrorKind::ExpiredSignature => "the token has expired",
                        ErrorKind::ImmatureSignature => "the token is not valid yet",
                        ErrorKind::InvalidIssuer => "the token is of another issuer",
                        ErrorKind::InvalidAudience => "the token is for another audience",
                        ErrorKind::InvalidSignature => "the signature is wrong",
                        ErrorKind::MissingRequiredClaim(_) => "a required claim is missing",
                        _ => "the token is malformed",
                    };
                }
            }
        }
        Err(unauthenticated(problem))
    }

    fn believed(&self, claims: Claims) -> Result<Verified, Error> {
        let Claims { iss, sub, exp, arrs_grants, .. } = claims;
        if sub.is_empty() || sub.len() > SUBJECT_BYTES || sub.chars().any(char::is_control) {
            return Err(unauthenticated("the subject must be 1 to 255 plain characters"));
        }
        if arrs_grants.len() > GRANTS {
            return Err(unauthenticated("the token has more than 64 grants"));
        }
        let grants = arrs_grants.iter().map(|grant| grant.parse());
        let grants = grants
            .collect::<Result<Vec<Grant>, _>>()
            .map_err(|error| unauthenticated(format!("a grant of the token {error}")))?;
        let now = Clock::system().now().0 / 1_000_000;
        let left = exp.saturating_sub(now).saturating_add(i64::try_from(self.leeway).unwrap_or(0));
        let valid_for = Duration::from_secs(u64::try_from(left).unwrap_or(0).min(MOST_SECONDS));
        Ok(Verified { principal: format!("{iss} {sub}"), grants, valid_for })
    }
}
