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
}

impl Failure {
    /// Refused: the request, the file, the permission.
    pub(crate) fn refused(message: impl Into<String>) -> Failure {
        Failure { code: 1, message: message.into() }
    }

    /// The command line is wrong.
    pub(crate) fn usage(message: impl Into<String>) -> Failure {
        Failure { code: 2, message: message.into() }
    }

    /// The configuration is wrong.
    pub(crate) fn configuration(message: impl Into<String>) -> Failure {
        Failure { code: 64, message: message.into() }
    }

    /// The server does not answer.
    pub(crate) fn unreachable(message: impl Into<String>) -> Failure {
        Failure { code: 69, message: message.into() }
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
        let mut message = status.message().to_owned();
        if let Some(details) = status.get_details_bad_request() {
            "the request was refused:".clone_into(&mut message);
            for wrong in details.field_violations {
                message.push_str(&format!("\n  {} {}", wrong.field, wrong.description));
            }
        }
        if let Some(info) = status.get_details_error_info() {
            let reason = info.reason.trim_start_matches("ERROR_REASON_");
            message.push_str(&format!(" [{reason}]"));
        }
        match status.code() {
            Code::Unavailable => Failure::unreachable(message),
            Code::Unknown if std::error::Error::source(&status).is_some() => {
                Failure::unreachable(kit::error::chain(&status))
            }
            _ => Failure::refused(message),
        }
    }
}
