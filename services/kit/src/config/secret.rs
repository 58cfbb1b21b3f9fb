//! Values that are never shown, and addresses of which one part is not.

use std::fmt;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use terms::ParseError;

/// What stands where a secret would.
const MASK: &str = "***";

/// A text that is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret.
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(text.into())
    }

    /// Gives the secret itself, for the one place that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Says whether nothing was configured.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The address of a database, printed without its password.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl(String);

impl DatabaseUrl {
    /// Gives the address with its password, for the one place that connects.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Says whether the service uses its embedded file.
    pub fn is_embedded(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromStr for DatabaseUrl {
    type Err = ParseError;
    fn from_str(text: &str) -> Result<DatabaseUrl, ParseError> {
        let known = ["postgres://", "postgresql://", "sqlite:"];
        if !text.is_empty() && !known.iter().any(|scheme| text.starts_with(scheme)) {
            return Err(ParseError {
                expected: "must be postgres://user@host/database or sqlite:file, \
                           or empty for the embedded database",
            });
        }
        Ok(DatabaseUrl(text.to_owned()))
    }
}

/// Addresses of NATS servers, without any credentials: those have settings of their own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NatsUrl(String);

impl NatsUrl {
    /// Says whether facts are not published.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each server.
    pub fn servers(&self) -> impl Iterator<Item = &str> {
        self.0.split(',').map(str::trim).filter(|server| !server.is_empty())
    }
}

impl FromStr for NatsUrl {
    type Err = ParseError;
    fn from_str(text: &str) -> Result<NatsUrl, ParseError> {
        let known = |server: &str| server.starts_with("nats://") || server.starts_with("tls://");
        let url = NatsUrl(text.to_owned());
        if text.contains('@') || !url.servers().all(known) {
            return Err(ParseError {
                expected: "must be nats://host:4222 or tls://host:4222, several separated by \
                           commas, without user and password, or empty for none",
            });
        }
        Ok(url)
    }
}

impl<'de> Deserialize<'de> for NatsUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<NatsUrl, D::Error> {
        let text =
            String::deserialize(deserializer).map_err(|_| D::Error::custom("must be a text"))?;
        text.parse().map_err(D::Error::custom)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // An empty one shows as empty, so that a missing secret can be seen.
        f.write_str(if self.0.is_empty() { "" } else { MASK })
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&masked(&self.0))
    }
}

/// The address without its password, wherever it stands; rather too much masked than too little.
fn masked(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    // The last @ ends the password, even if somebody forgot to encode one inside it.
    let (user, place) = match rest.rsplit_once('@') {
        None => (String::new(), rest),
        Some((user, place)) => {
            let (name, password) = user.split_once(':').unwrap_or((user, ""));
            let user = match (name.contains(['?', '/']), password.is_empty()) {
                (true, _) => format!("{MASK}@"),
                (false, true) => format!("{name}@"),
                (false, false) => format!("{name}:{MASK}@"),
            };
            (user, place)
        }
    };
    let Some((place, query)) = place.split_once('?') else {
        return format!("{scheme}://{user}{place}");
    };
    let pairs: Vec<String> = query
        .split('&')
        .map(|pair| match pair.split_once('=') {
            Some((key, _)) if key.contains("password") => format!("{key}={MASK}"),
            Some(_) | None => pair.to_owned(),
        })
        .collect();
    format!("{scheme}://{user}{place}?{}", pairs.join("&"))
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for DatabaseUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
        // serde's own message would quote the value.
        String::deserialize(deserializer)
            .map(Secret)
            .map_err(|_| D::Error::custom("must be a text"))
    }
}

impl<'de> Deserialize<'de> for DatabaseUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<DatabaseUrl, D::Error> {
        let text =
            String::deserialize(deserializer).map_err(|_| D::Error::custom("must be a text"))?;
        text.parse().map_err(D::Error::custom)
    }
}
