//! The settings of the service.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

/// The defaults of [`Config`], to be passed to [`kit::config::load`].
pub const DEFAULTS: &str = include_str!("../default.toml");

/// The settings of the service: the table `[workforce]`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where the service listens when it runs in a process of its own.
    pub listen: SocketAddr,
    /// Its database.
    pub database: kit::config::Database,
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct All {
        kit: kit::config::Kit,
        workforce: Config,
    }

    /// The defaults, with the data in `directory`.
    pub(crate) fn defaults(directory: &std::path::Path) -> (kit::config::Kit, Config) {
        let all: All = kit::config::load(&[kit::config::DEFAULTS, DEFAULTS], None).unwrap();
        let kit = kit::config::Kit { data_directory: directory.to_owned(), ..all.kit };
        (kit, all.workforce)
    }

    #[test]
    fn the_defaults_are_complete() {
        let (_, config) = defaults(std::path::Path::new("data"));

        assert_eq!(config.listen.port(), 8081);
        assert!(config.database.url.is_embedded());
    }
}
