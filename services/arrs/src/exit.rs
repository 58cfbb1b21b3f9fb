//! How a command ends: a sentence for a person and a number for a script.

use std::process::ExitCode;

use kit::config::ConfigError;
use tonic::{Code, Status};
use tonic_types::StatusExt;

/// Why a command did not do what was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    code: u8,
    message: String,
    /// Whether nobody answered, as far as can be told.
    silent: bool,
}

impl Failure {
    /// Refused: the request, the file, the permission.
    pub(crate) fn refused(message: impl Into<String>) -> Failure {
        Failure { code: 1, message: message.into(), silent: false }
    }

    /// The command line is wrong.
    pub(crate) fn usage(message: impl Into<String>) -> Failure {
        Failure { code: 2, message: message.into(), silent: false }
    }

    /// The configuration is wrong.
    pub(crate) fn configuration(message: impl Into<String>) -> Failure {
        Failure { code: 64, message: message.into(), silent: false }
    }

    /// The server does not answer.
    pub(crate) fn unreachable(message: impl Into<String>) -> Failure {
        Failure { code: 69, message: message.into(), silent: false }
    }

    /// The same of a call to `server`: if nobody answered, where, and what can be done.
    pub(crate) fn at(self, server: &str) -> Failure {
        if !self.silent {
            return self;
        }
        let message = format!(
            "nobody answers at {server}: start it with `arrs serve`, or name another with --server \
             ({})",
            self.message
        );
        Failure { message, ..self }
    }

    /// Tells the person and ends.
    pub(crate) fn report(self) -> ExitCode {
        eprintln!("arrs: {}", self.message);
        ExitCode::from(self.code)
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Failure {
        Failure::configuration(error.to_string())
    }
}

impl From<kit::Error> for Failure {
    fn from(error: kit::Error) -> Failure {
        let text = kit::error::chain(&error);
        match error {
            kit::Error::Unavailable(_) => Failure::unreachable(text),
            kit::Error::Internal(source) if source.is::<ConfigError>() => {
                Failure::configuration(source.to_string())
            }
            kit::Error::NotFound { .. }
            | kit::Error::Denied { .. }
            | kit::Error::Invalid(_)
            | kit::Error::Refused { .. }
            | kit::Error::Internal(_) => Failure::refused(text),
        }
    }
}

impl From<Status> for Failure {
    fn from(status: Status) -> Failure {
        // Our servers always say why; a network does not.
        let silent = status.get_details_error_info().is_none();
        let mut message = status.message().to_owned();
        if let Some(details) = status.get_details_bad_request() {
            "the request was refused:".clone_into(&mut message);
            for wrong in details.field_violations {
                let (field, reason) = (argument(&wrong.field), wrong.description);
                message.push_str(&format!("\n  {field} {reason}"));
            }
        }
        if let Some(info) = status.get_details_error_info() {
            let reason = info.reason.trim_start_matches("ERROR_REASON_");
            message.push_str(&format!(" [{reason}]"));
        }
        match status.code() {
            Code::Unavailable => Failure { silent, ..Failure::unreachable(message) },
            Code::Unknown if std::error::Error::source(&status).is_some() => {
                Failure { silent, ..Failure::unreachable(kit::error::chain(&status)) }
            }
            _ => Failure::refused(message),
        }
    }
}

/// What the command line calls a field of a request.
fn argument(field: &str) -> &str {
    match field.strip_prefix("header.").unwrap_or(field) {
        "recorded_on_date" => "--recorded-on",
        "rules_known_on_date" => "--rules-known-on",
        "known_at_date" => "--known-at",
        "payment_date" => "--on",
        "payment_reference" => "--reference",
        "text" => "--text",
        "line" => "--line",
        "note" => "--note",
        "evidence" => "--evidence",
        "etag" => "--etag",
        "year" => "--year",
        "month" => "--month",
        "owner" => "--owner",
        "name" => "the PCN and month",
        "file_name" => "the name of the file",
        "size_bytes" => "the size of the file",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use tonic_types::ErrorDetails;

    use super::*;

    #[test]
    fn a_wrong_field_is_named_as_the_command_line_names_it() {
        let mut details = ErrorDetails::new();
        details.add_bad_request_violation("header.recorded_on_date", "must not be after today");
        details.add_bad_request_violation("other", "is wrong");
        let status = Status::with_error_details(Code::InvalidArgument, "no", details);

        let told = Failure::from(status).message;

        assert!(told.contains("\n  --recorded-on must not be after today"), "{told}");
        assert!(told.contains("\n  other is wrong"), "{told}");
    }

    #[test]
    fn only_silence_is_told_as_nobody_there() {
        let url = "http://127.0.0.1:8080";
        let mut details = ErrorDetails::new();
        details.set_error_info("ERROR_REASON_DATABASE_UNREACHABLE", "arrs.example", []);
        let spoken = Status::with_error_details(Code::Unavailable, "no database", details);

        let silent = Failure::from(Status::unavailable("connection refused")).at(url);
        let spoken = Failure::from(spoken).at(url);

        assert_eq!((silent.code, spoken.code), (69, 69));
        let says = "nobody answers at http://127.0.0.1:8080: start it with `arrs serve`";
        assert!(silent.message.starts_with(says), "{}", silent.message);
        assert!(spoken.message.starts_with("no database"), "{}", spoken.message);
    }
}
