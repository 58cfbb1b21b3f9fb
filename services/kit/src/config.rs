//! Settings: compiled-in defaults, then a file, then the environment.
//!
//! The defaults are complete, so they are also the list of what may be set: a key they do not
//! have is refused by name, and so is a value of another type. This is the only place that reads
//! the environment.

mod secret;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use ::config::{Environment, File, FileFormat, Map, Source, Value, ValueKind};
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize};

pub use secret::{DatabaseUrl, NatsUrl, Secret};

/// The defaults of [`Kit`], to be passed to [`load`].
pub const DEFAULTS: &str = include_str!("../default.toml");

/// What the name of a variable starts with. One underscore is not ours: `ARRS_CONFIG`.
const PREFIX: &str = "ARRS__";
const SEPARATOR: &str = "__";

/// Settings that every service has.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Kit {
    /// Where embedded databases, the local issuer's key and spooled files are kept.
    pub data_directory: PathBuf,
    /// What is logged, and how.
    pub log: Log,
    /// Where traces and metrics go.
    pub telemetry: Telemetry,
    /// Whose tokens are accepted.
    pub identity: Identity,
    /// Certificates among services.
    pub tls: Tls,
    /// Where facts are published.
    pub nats: Nats,
    /// Limits of the server.
    pub server: Server,
}

/// What is logged, and how.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// How a line looks.
    pub format: LogFormat,
    /// A level, or levels by module: `info,arrs_finance=debug`.
    pub filter: String,
}

/// How a log line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For a person.
    Text,
    /// For a collector: one object a line.
    Json,
}

/// Where traces and metrics go.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Telemetry {
    /// An OTLP collector that speaks gRPC; empty sends nothing.
    pub endpoint: String,
}

/// Whose tokens are accepted.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// The `iss` that tokens must carry; empty for the local issuer.
    pub issuer: String,
    /// The `aud` that tokens must carry.
    pub audience: String,
    /// Where the issuer publishes its public keys; empty for none.
    pub jwks_url: String,
    /// The file with the issuer's public keys; empty for none.
    pub jwks_file: String,
    /// Whose certificates are believed at `jwks_url`; empty for the public authorities.
    pub jwks_ca_file: String,
    /// Whether `jwks_url` may be one of another machine without TLS.
    pub jwks_plain_http: bool,
    /// How often the keys are read again.
    pub jwks_refresh_seconds: u32,
    /// How soon they are read again for a token that names an unknown key.
    pub jwks_unknown_key_seconds: u32,
    /// How long reading them may take.
    pub jwks_timeout_seconds: u32,
    /// How long they stay in force when they cannot be read again.
    pub jwks_max_age_seconds: u32,
    /// The claim that holds the grants.
    pub grants_claim: String,
    /// Whether RS512 is accepted too.
    pub rs512: bool,
    /// Whether the local issuer is allowed on an address that others can reach.
    pub local: bool,
    /// The file with the token that services use among themselves; empty for none.
    pub service_token_file: String,
    /// By how much clocks may differ.
    pub leeway_seconds: u32,
}

/// Certificates among services.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// The certificate this process shows to other services, in PEM; empty for none.
    pub certificate_file: String,
    /// Its private key, in PEM.
    pub key_file: String,
    /// The authorities that others' certificates must be of, in PEM; empty for the public ones.
    pub ca_file: String,
    /// Whether who calls a service must show a certificate.
    pub require_client_certificates: bool,
    /// How often the files are looked at.
    pub reload_seconds: u32,
}

/// Where facts are published.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Nats {
    /// The servers; empty publishes nothing.
    pub url: NatsUrl,
    /// Who connects; empty for nobody in particular.
    pub user: String,
    /// The password of the user.
    pub password: Secret,
    /// The file with the credentials, in place of user and password; empty for none.
    pub credentials_file: String,
    /// How many servers keep each fact.
    pub replicas: u8,
    /// After how many days the broker forgets a fact; 0 for never.
    pub keep_days: u32,
    /// For how long the broker drops a fact that it has had before.
    pub duplicate_window_seconds: u32,
    /// How the servers are trusted, and who we are to them.
    pub tls: NatsTls,
}

/// How servers of NATS are trusted, and who we are to them.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct NatsTls {
    /// The authorities that must have signed what the servers show; empty for the public ones.
    pub ca_file: String,
    /// The certificate that is shown to the servers; empty for none.
    pub certificate_file: String,
    /// Its private key.
    pub key_file: String,
}

/// Limits of the server.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// How long the process goes on serving after it says that it will end.
    pub notice_seconds: u32,
    /// After how much draining the process ends whatever still runs.
    #[serde(deserialize_with = "some")]
    pub drain_seconds: u32,
    /// How long a call may take that brings no deadline.
    #[serde(deserialize_with = "some")]
    pub deadline_seconds: u32,
    /// How long a stream may take that brings no deadline.
    #[serde(deserialize_with = "some")]
    pub stream_deadline_seconds: u32,
    /// How many calls one connection may have open at once.
    #[serde(deserialize_with = "some")]
    pub max_streams: u32,
    /// How many connections may be open at once.
    #[serde(deserialize_with = "some")]
    pub max_connections: u32,
    /// How many calls the process works on at once.
    #[serde(deserialize_with = "some")]
    pub max_calls: u32,
    /// How many of them may be of one caller.
    #[serde(deserialize_with = "some")]
    pub caller_calls: u32,
    /// How many streams one caller may have open.
    #[serde(deserialize_with = "some")]
    pub caller_streams: u32,
    /// Whether callers may ask for the contracts.
    pub reflection: Reflection,
}

/// A number of which none would leave nothing to serve with.
fn some<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    let number = u32::deserialize(deserializer)?;
    if number == 0 {
        return Err(D::Error::custom("must be at least 1"));
    }
    Ok(number)
}

/// How many calls a second each caller may make.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Pace {
    /// For as long as it likes; zero for no limit.
    pub calls_per_second: u32,
    /// At once, after a silence.
    pub burst_calls: u32,
}

/// Whether callers may ask for the contracts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Reflection {
    /// Only with the local issuer.
    Auto,
    /// Always.
    On,
    /// Never.
    Off,
}

impl Reflection {
    /// Says whether reflection is served, given who issues the tokens.
    pub fn served(self, local_issuer: bool) -> bool {
        match self {
            Reflection::Auto => local_issuer,
            Reflection::On => true,
            Reflection::Off => false,
        }
    }
}

/// The database of one service.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// Where it is; empty for an embedded file in the data directory.
    pub url: DatabaseUrl,
    /// Where the owner of the schema reaches it, to migrate; empty where the process that serves
    /// does not migrate, and for an embedded file.
    pub migrate_url: DatabaseUrl,
    /// How many connections read at once.
    pub readers: u32,
    /// How many connections write at once; an embedded file has one.
    pub writers: u32,
}

/// Why a process does not start: every setting that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the configuration is wrong:{}", lines(.0))]
pub struct ConfigError(pub Vec<Setting>);

/// A setting that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The full key, `kit.log.format`; empty if a whole file is wrong.
    pub key: String,
    /// Where the value came from: a variable, a file or the defaults.
    pub origin: String,
    /// What is wrong and what would be right. Never quotes a secret.
    pub reason: String,
}

impl ConfigError {
    /// One setting whose value has the right type and still cannot be used.
    pub fn at(key: impl Into<String>, reason: impl Into<String>) -> ConfigError {
        ConfigError(vec![Setting { key: key.into(), origin: String::new(), reason: reason.into() }])
    }
}

fn lines(settings: &[Setting]) -> String {
    settings.iter().map(|setting| format!("\n  {setting}")).collect()
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.key.is_empty(), self.origin.is_empty()) {
            (true, _) => write!(f, "{}: {}", self.origin, self.reason),
            (false, true) => write!(f, "{} {}", self.key, self.reason),
            (false, false) => write!(f, "{} {} ({})", self.key, self.reason, self.origin),
        }
    }
}

/// Loads the settings: `defaults`, then `file`, then the environment's `ARRS__` variables.
///
/// Each text of `defaults` holds its own table. Every unknown key and every value of a wrong type
/// is named, all at once.
pub fn load<T: DeserializeOwned>(defaults: &[&str], file: Option<&Path>) -> Result<T, ConfigError> {
    load_from(defaults, file, std::env::vars_os())
}

fn load_from<T: DeserializeOwned>(
    defaults: &[&str],
    file: Option<&Path>,
    variables: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<T, ConfigError> {
    let mut builder = ::config::Config::builder();
    for text in defaults {
        builder = builder.add_source(File::from_str(text, FileFormat::Toml));
    }
    let known =
        builder.build_cloned().map_err(|error| whole("the compiled-in defaults", &error))?;
    let known = match known.cache.kind {
        ValueKind::Table(table) => table,
        _ => unreachable!("the root of a configuration is a table"),
    };

    let mut wrong = Vec::new();
    let mut in_file = Map::new();
    if let Some(path) = file {
        let origin = format!("file {}", path.display());
        let text = fs::read_to_string(path).map_err(|error| whole(&origin, &error))?;
        let source = File::from_str(&text, FileFormat::Toml);
        in_file = source.collect().map_err(|error| whole(&origin, &error))?;
        check_table(&known, &in_file, "", &origin, &mut wrong);
        builder = builder.add_source(source);
    }
    let ours = check_variables(&known, variables, &mut wrong);
    if !wrong.is_empty() {
        return Err(ConfigError(wrong));
    }

    let names: BTreeMap<String, String> =
        ours.keys().map(|name| (key_of(name), name.clone())).collect();
    let environment = Environment::with_prefix("ARRS")
        .prefix_separator(SEPARATOR)
        .separator(SEPARATOR)
        .source(Some(ours));
    builder.add_source(environment).build().and_then(::config::Config::try_deserialize).map_err(
        |error| {
            let (key, reason) = explain(&error);
            let origin = match (names.get(&key), file) {
                (Some(name), _) => format!("variable {name}"),
                (None, Some(path)) if has(&in_file, &key) => format!("file {}", path.display()),
                (None, _) => "the compiled-in defaults".to_owned(),
            };
            ConfigError(vec![Setting { key, origin, reason }])
        },
    )
}

/// Compares a table of the file with the defaults.
fn check_table(
    known: &Map<String, Value>,
    given: &Map<String, Value>,
    path: &str,
    origin: &str,
    wrong: &mut Vec<Setting>,
) {
    // An empty table among the defaults is one whose keys the user chooses.
    if known.is_empty() {
        return;
    }
    for (name, value) in given {
        let key = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        let Some(default) = known.get(name) else {
            let reason = unknown(known);
            wrong.push(Setting { key, origin: origin.to_owned(), reason });
            continue;
        };
        match (&default.kind, &value.kind) {
            (ValueKind::Table(known), ValueKind::Table(given)) => {
                check_table(known, given, &key, origin, wrong);
            }
            (default, value) if kind_name(default) != kind_name(value) => {
                let reason = format!("must be {}, not {}", kind_name(default), kind_name(value));
                wrong.push(Setting { key, origin: origin.to_owned(), reason });
            }
            _ => {}
        }
    }
}

/// Takes the variables that are ours, comparing each with the defaults.
fn check_variables(
    known: &Map<String, Value>,
    variables: impl IntoIterator<Item = (OsString, OsString)>,
    wrong: &mut Vec<Setting>,
) -> Map<String, String> {
    let mut ours = Map::new();
    for (name, value) in variables {
        let name = name.to_string_lossy().into_owned();
        if !name.starts_with(PREFIX) {
            continue;
        }
        let value = value.into_string().map_err(|_| "must be valid UTF-8".to_owned());
        match value.and_then(|value| fits(known, &key_of(&name), &value).map(|()| value)) {
            Ok(value) => {
                ours.insert(name, value);
            }
            Err(reason) => {
                let origin = format!("variable {name}");
                wrong.push(Setting { key: key_of(&name), origin, reason });
            }
        }
    }
    // The environment has no order of its own.
    wrong.sort_by(|one, other| one.key.cmp(&other.key));
    ours
}

/// Checks that a variable names a setting and that its text can become the setting's type.
fn fits(known: &Map<String, Value>, key: &str, text: &str) -> Result<(), String> {
    let mut table = known;
    let mut segments = key.split('.').peekable();
    while let Some(segment) = segments.next() {
        let Some(default) = table.get(segment) else {
            return Err(unknown(table));
        };
        let kind = &default.kind;
        match kind {
            ValueKind::Table(inner) if segments.peek().is_some() => {
                if inner.is_empty() {
                    return Ok(());
                }
                table = inner;
                continue;
            }
            _ if segments.peek().is_some() => {
                return Err(format!("is not a setting: {segment} is {}", kind_name(kind)));
            }
            ValueKind::Table(inner) => {
                return Err(format!("is a table, set one of its keys: {}", keys(inner)));
            }
            ValueKind::Array(_) => {
                return Err("is a list, and lists are set in the file".to_owned());
            }
            ValueKind::Nil | ValueKind::String(_) => return Ok(()),
            ValueKind::Boolean(_) => {
                return text
                    .parse::<bool>()
                    .map(drop)
                    .map_err(|_| "must be true or false".to_owned());
            }
            ValueKind::I64(_) | ValueKind::I128(_) | ValueKind::U64(_) | ValueKind::U128(_) => {
                return text
                    .parse::<i64>()
                    .map(drop)
                    .map_err(|_| "must be a whole number, such as 30".to_owned());
            }
            ValueKind::Float(_) => {
                return text.parse::<f64>().map(drop).map_err(|_| "must be a number".to_owned());
            }
        }
    }
    Ok(())
}

fn key_of(variable: &str) -> String {
    variable[PREFIX.len()..].to_lowercase().replace(SEPARATOR, ".")
}

fn unknown(table: &Map<String, Value>) -> String {
    format!("is not a setting, known here: {}", keys(table))
}

fn keys(table: &Map<String, Value>) -> String {
    let mut keys: Vec<&str> = table.keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys.join(", ")
}

fn kind_name(kind: &ValueKind) -> &'static str {
    match kind {
        ValueKind::Nil => "nothing",
        ValueKind::Boolean(_) => "true or false",
        ValueKind::I64(_) | ValueKind::I128(_) | ValueKind::U64(_) | ValueKind::U128(_) => {
            "a whole number"
        }
        ValueKind::Float(_) => "a number with decimals",
        ValueKind::String(_) => "a text",
        ValueKind::Table(_) => "a table",
        ValueKind::Array(_) => "a list",
    }
}

fn has(table: &Map<String, Value>, key: &str) -> bool {
    match key.split_once('.') {
        None => table.contains_key(key),
        Some((first, rest)) => match table.get(first).map(|value| &value.kind) {
            Some(ValueKind::Table(inner)) => has(inner, rest),
            Some(_) | None => false,
        },
    }
}

/// A source that cannot be read at all.
fn whole(origin: &str, error: &dyn std::error::Error) -> ConfigError {
    // The parser's report quotes the line, which may hold a password: only its first line (where)
    // and its last (what) are shown.
    let text = error.to_string();
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let first = lines.next().unwrap_or("cannot be read").trim();
    let reason = match lines.next_back() {
        Some(last) => format!("{first}: {}", last.trim()),
        None => first.to_owned(),
    };
    ConfigError(vec![Setting { key: String::new(), origin: origin.to_owned(), reason }])
}

/// The key that could not be used, and why.
fn explain(error: &::config::ConfigError) -> (String, String) {
    use ::config::ConfigError as Foreign;

    match error {
        Foreign::Type { unexpected, expected, key, .. } => {
            (key.clone().unwrap_or_default(), format!("must be {expected}, not {unexpected}"))
        }
        Foreign::At { error, key, .. } => {
            let (inner, reason) = explain(error);
            (key.clone().unwrap_or(inner), reason)
        }
        Foreign::NotFound(key) => (key.clone(), "is missing".to_owned()),
        Foreign::Message(message) => (String::new(), message.clone()),
        // The crate may add variants; each can describe itself.
        other => (String::new(), other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FINANCE: &str = r#"
        [finance]
        listen = "127.0.0.1:8082"
        budget = 3
        labels = {}
        token = ""
        hosts = ["a"]
        database = { url = "", migrate_url = "", readers = 4, writers = 4 }
    "#;

    #[derive(Debug, Deserialize, Serialize)]
    #[serde(deny_unknown_fields)]
    struct All {
        kit: Kit,
        finance: Finance,
    }

    #[derive(Debug, Deserialize, Serialize)]
    #[serde(deny_unknown_fields)]
    struct Finance {
        listen: std::net::SocketAddr,
        budget: u8,
        labels: BTreeMap<String, String>,
        token: Secret,
        hosts: Vec<String>,
        database: Database,
    }

    fn with(file: &str, variables: &[(&str, &str)]) -> Result<All, String> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("arrs.toml");
        fs::write(&path, file).unwrap();
        let variables = variables.iter().map(|(name, value)| (name.into(), value.into()));
        load_from(&[DEFAULTS, FINANCE], Some(&path), variables)
            .map_err(|error| error.to_string().replace(&path.display().to_string(), "arrs.toml"))
    }

    #[track_caller]
    fn refused(file: &str, variables: &[(&str, &str)], lines: &[&str]) {
        let error = with(file, variables).unwrap_err();
        let expected: String = lines.iter().map(|line| format!("\n  {line}")).collect();
        assert_eq!(error, format!("the configuration is wrong:{expected}"));
    }

    #[test]
    fn the_defaults_are_complete() {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Only {
            kit: Kit,
        }

        let only: Only = load_from(&[DEFAULTS], None, []).unwrap();

        assert_eq!(only.kit.log.format, LogFormat::Text);
        assert_eq!(only.kit.server.max_calls, 512);
        assert_eq!(only.kit.identity.audience, "arrs");
        assert!(only.kit.server.reflection.served(true));
        assert!(!only.kit.server.reflection.served(false));
    }

    #[test]
    fn a_variable_wins_over_the_file_and_the_file_over_the_defaults() {
        let all = with(
            "[kit.server]\nmax_calls = 7\ndrain_seconds = 8\n[finance]\nhosts = [\"b\", \"c\"]",
            &[
                ("ARRS__KIT__SERVER__MAX_CALLS", "9"),
                ("ARRS__KIT__IDENTITY__LOCAL", "true"),
                ("ARRS__FINANCE__DATABASE__URL", "postgres://arrs:pw@db/arrs"),
                ("ARRS__FINANCE__LABELS__SITE", "north"),
                ("ARRS__FINANCE__TOKEN", "12345"),
                ("ARRS_TEST_X", "not ours"),
            ],
        )
        .unwrap();

        assert_eq!(all.kit.server.max_calls, 9);
        assert_eq!(all.kit.server.drain_seconds, 8);
        assert_eq!(all.kit.server.deadline_seconds, 15);
        assert!(all.kit.identity.local);
        assert_eq!(all.finance.database.url.expose(), "postgres://arrs:pw@db/arrs");
        assert_eq!(all.finance.labels["site"], "north");
        assert_eq!(all.finance.token.expose(), "12345");
        assert_eq!(all.finance.hosts, ["b", "c"]);
    }

    #[test]
    fn unknown_keys_are_all_named_with_their_origin() {
        refused(
            "[kit.log]\ncolour = 1\n[finances]\nx = 1",
            &[("ARRS__KIT__LOG__LEVEL", "info")],
            &[
                "finances is not a setting, known here: finance, kit (file arrs.toml)",
                "kit.log.colour is not a setting, known here: filter, format (file arrs.toml)",
                "kit.log.level is not a setting, known here: filter, format \
                 (variable ARRS__KIT__LOG__LEVEL)",
            ],
        );
    }

    #[test]
    fn wrong_types_are_refused() {
        refused(
            "[kit.server]\nmax_calls = \"7\"\n[kit.identity]\naudience = 1\nlocal = \"true\"",
            &[],
            &[
                "kit.identity.audience must be a text, not a whole number (file arrs.toml)",
                "kit.identity.local must be true or false, not a text (file arrs.toml)",
                "kit.server.max_calls must be a whole number, not a text (file arrs.toml)",
            ],
        );
        refused(
            "",
            &[
                ("ARRS__FINANCE__HOSTS", "a,b"),
                ("ARRS__KIT__LOG", "x"),
                ("ARRS__KIT__LOG__FORMAT__X", "x"),
                ("ARRS__KIT__SERVER__MAX_CALLS", "many"),
            ],
            &[
                "finance.hosts is a list, and lists are set in the file \
                 (variable ARRS__FINANCE__HOSTS)",
                "kit.log is a table, set one of its keys: filter, format (variable ARRS__KIT__LOG)",
                "kit.log.format.x is not a setting: format is a text \
                 (variable ARRS__KIT__LOG__FORMAT__X)",
                "kit.server.max_calls must be a whole number, such as 30 \
                 (variable ARRS__KIT__SERVER__MAX_CALLS)",
            ],
        );
    }

    #[test]
    fn values_out_of_range_name_their_key_and_origin() {
        for (file, variables, key, origin) in [
            ("finance.budget = 300", None, "finance.budget", "file arrs.toml"),
            (
                "",
                Some(("ARRS__KIT__SERVER__MAX_CALLS", "-1")),
                "kit.server.max_calls",
                "variable ARRS__KIT__SERVER__MAX_CALLS",
            ),
            ("kit.log.format = \"xml\"", None, "kit.log.format", "file arrs.toml"),
            ("finance.listen = \"here\"", None, "finance.listen", "file arrs.toml"),
            ("finance.database.url = \"mysql://a:pw@b\"", None, "finance.database.url", "file"),
        ] {
            let error = with(file, variables.as_slice()).unwrap_err();
            assert!(error.contains(&format!("\n  {key} ")), "{error}");
            assert!(error.contains(origin), "{error}");
            assert!(!error.contains("pw"), "{error}");
        }
    }

    #[test]
    fn a_file_that_cannot_be_read_is_an_error_without_its_lines() {
        let error = with("[finance.database]\nurl = \"postgres://a:pw@b\n", &[]).unwrap_err();
        assert!(error.contains("line 2"), "{error}");
        assert!(!error.contains("pw"), "{error}");

        let missing = load_from::<All>(&[DEFAULTS, FINANCE], Some(Path::new("/no/such")), []);
        let error = missing.unwrap_err().to_string();
        assert!(error.contains("file /no/such: No such file"), "{error}");
    }

    #[test]
    fn a_limit_of_none_is_refused_by_name() {
        #[derive(Debug, Deserialize)]
        struct Only {
            #[expect(dead_code, reason = "it is only read")]
            kit: Kit,
        }
        let nothing = "[kit.server]\nmax_calls = 0\n";
        let folder = tempfile::TempDir::new().unwrap();
        let file = folder.path().join("nothing.toml");
        std::fs::write(&file, nothing).unwrap();

        let refused = load::<Only>(&[DEFAULTS], Some(&file)).unwrap_err().to_string();

        assert!(refused.contains("max_calls") && refused.contains("at least 1"), "{refused}");
    }

    #[test]
    fn secrets_are_masked_wherever_they_are_printed() {
        let all =
            with("[finance]\ntoken = \"hush\"\ndatabase.url = \"postgres://arrs:pw@db/arrs\"", &[])
                .unwrap();

        let debug = format!("{all:?}");
        let json = serde_json::to_string(&all).unwrap();
        for text in [debug, json] {
            assert!(!text.contains("hush") && !text.contains("pw"), "{text}");
            assert!(text.contains("postgres://arrs:***@db/arrs"), "{text}");
        }
        assert_eq!(all.finance.token.to_string(), "***");
        assert_eq!(Secret::new("").to_string(), "");
    }

    #[test]
    fn passwords_are_masked_in_every_place_of_an_address() {
        for (url, shown) in [
            ("", ""),
            ("sqlite:data/x.db", "sqlite:data/x.db"),
            ("postgres://db:5432/arrs", "postgres://db:5432/arrs"),
            ("postgres://u@db:5432/arrs", "postgres://u@db:5432/arrs"),
            ("postgres://u:p@db:5432/arrs", "postgres://u:***@db:5432/arrs"),
            ("postgres://u:p@q/r@db/arrs", "postgres://u:***@db/arrs"),
            ("postgres://u:p?q@db/arrs", "postgres://u:***@db/arrs"),
            ("postgres://db/a?password=p:p@p", "postgres://***@p"),
            (
                "postgres://db/a?sslmode=require&password=p",
                "postgres://db/a?sslmode=require&password=***",
            ),
        ] {
            assert_eq!(url.parse::<DatabaseUrl>().unwrap().to_string(), shown);
        }
    }
}
