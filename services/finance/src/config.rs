//! The settings of finance.

use std::net::SocketAddr;

use kit::config::Database;
use serde::{Deserialize, Serialize};

/// Every setting with its default and a sentence.
pub const DEFAULTS: &str = include_str!("../default.toml");

/// The settings of finance.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Where more rule files are; empty for none.
    pub rulebook_directory: String,
    /// Where its database is.
    pub database: Database,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct File {
        finance: Config,
    }

    #[test]
    fn the_defaults_are_complete() {
        let file: File = kit::config::load(&[DEFAULTS], None).expect("defaults");

        assert_eq!(file.finance.listen.port(), 8082);
        assert!(file.finance.database.url.is_embedded());
    }
}
