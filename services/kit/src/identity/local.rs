//! The local issuer, which makes tokens with a key of its own on a newcomer's machine.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use super::Grant;
use crate::Clock;
use crate::config::ConfigError;

/// The issuer name of the local issuer.
pub const LOCAL_ISSUER: &str = "arrs-local";

/// Makes tokens with a key of its own, for a newcomer's machine and for tests.
#[derive(Clone)]
pub struct LocalIssuer {
    key: Arc<Ed25519KeyPair>,
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
        Ok(LocalIssuer { key: Arc::new(pair), audience: audience.to_owned(), clock })
    }

    /// A token of `subject` with `grants`, for so many minutes.
    pub fn token(&self, subject: &str, grants: &[Grant], minutes: i64) -> String {
        let now = self.clock.now().0 / 1_000_000;
        let header = json!({"alg": "EdDSA", "typ": "JWT"}).to_string();
        let grants: Vec<String> = grants.iter().map(Grant::to_string).collect();
        let claims = json!({
            "iss": LOCAL_ISSUER, "sub": subject, "aud": self.audience,
            "iat": now, "exp": now + minutes * 60, "arrs_grants": grants,
        });
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let text =
            format!("{}.{}", encode(header.as_bytes()), encode(claims.to_string().as_bytes()));
        let signature = encode(self.key.sign(text.as_bytes()).as_ref());
        format!("{text}.{signature}")
    }

    /// The public half of its key.
    pub(super) fn public(&self) -> &[u8] {
        self.key.public_key().as_ref()
    }

    /// The clock that its tokens go by.
    pub(super) fn clock(&self) -> &Clock {
        &self.clock
    }
}
