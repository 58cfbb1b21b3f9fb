//! One file of settings: a table for each service and `[kit]`. Every process reads all of it.

use std::path::Path;

use kit::config::{ConfigError, Kit};
use serde::{Deserialize, Serialize};

use crate::exit::Failure;

/// All settings.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    pub(crate) kit: Kit,
    pub(crate) gateway: gateway::Config,
    pub(crate) workforce: workforce::Config,
    pub(crate) finance: finance::Config,
    pub(crate) supervision: supervision::Config,
}

/// Defaults, then the file, then the environment.
pub(crate) fn load(file: Option<&Path>) -> Result<Settings, ConfigError> {
    let defaults = [
        kit::config::DEFAULTS,
        gateway::DEFAULTS,
        workforce::DEFAULTS,
        finance::DEFAULTS,
        supervision::DEFAULTS,
    ];
    kit::config::load(&defaults, file)
}

/// The settings in force as a file that could be loaded again, but for the masked secrets.
pub(crate) fn show(settings: &Settings) -> Result<String, Failure> {
    toml::to_string(settings)
        .map_err(|error| Failure::refused(format!("the settings cannot be printed: {error}")))
}
