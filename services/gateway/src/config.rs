//! The settings of the gateway.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

/// Every setting with its default and a sentence.
pub const DEFAULTS: &str = include_str!("../default.toml");

/// The settings of the gateway.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Where workforce is.
    pub workforce: String,
    /// Where finance is.
    pub finance: String,
    /// Where supervision is.
    pub supervision: String,
    /// What its callers are shown.
    pub tls: Tls,
    /// How many calls a second each caller may make.
    pub pace: kit::config::Pace,
}

/// What the gateway shows to its callers.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// Its certificate, in PEM; empty serves without TLS.
    pub certificate_file: String,
    /// Its private key, in PEM.
    pub key_file: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct File {
        gateway: Config,
    }

    #[test]
    fn the_defaults_are_complete() {
        let file: File = kit::config::load(&[DEFAULTS], None).expect("defaults");

        assert_eq!(file.gateway.listen.port(), 8080);
    }
}
