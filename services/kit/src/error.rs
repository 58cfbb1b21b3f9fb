//! Why a call failed, and the one mapping of it to a status.

use std::sync::Arc;
use std::time::Duration;

pub use arrs_proto::error::v1::ErrorReason;
use sea_orm::DbErr;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::DOMAIN;

/// How long a caller waits before it tries again.
const RETRY_DELAY: Duration = Duration::from_millis(200);

/// The fact that says after how many milliseconds a call may be repeated, where that is known.
pub(crate) const RETRY_AFTER: &str = "retry_after_ms";

/// A field of a request that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldViolation {
    /// The path of the field, as the contract names it.
    pub field: String,
    /// What would be right.
    pub description: String,
}

/// Why a call failed, in the terms all services share.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nothing of that name, said only to callers who may list the parent.
    #[error("{name} does not exist")]
    NotFound {
        /// The type of resource.
        kind: &'static str,
        /// Its name.
        name: String,
    },
    /// Not allowed, or not visible, or not there: callers cannot tell which.
    #[error("permission '{permission}' denied on '{name}' (or it might not exist)")]
    Denied {
        /// The permission that the method asks for.
        permission: String,
        /// The resource.
        name: String,
    },
    /// Every field of the request that is wrong.
    #[error("the request has invalid fields: {}", list(.0))]
    Invalid(Vec<FieldViolation>),
    /// A refusal with a reason and its facts.
    #[error("{message}")]
    Refused {
        /// The reason; it decides the code.
        reason: ErrorReason,
        /// For people; may change.
        message: String,
        /// What the message says, for programs; does not change.
        facts: Vec<(&'static str, String)>,
    },
    /// The database does not answer.
    #[error("the database is not reachable")]
    Unavailable(#[source] DbErr),
    /// A bug or a broken disk. Callers learn nothing of it.
    #[error("internal error")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Error {
    /// A refusal with its facts.
    pub fn refused(
        reason: ErrorReason,
        message: impl Into<String>,
        facts: impl IntoIterator<Item = (&'static str, String)>,
    ) -> Error {
        Error::Refused { reason, message: message.into(), facts: facts.into_iter().collect() }
    }

    /// Our bug, told to operators only.
    pub fn internal(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
        Error::Internal(source.into())
    }

    /// One field that is wrong.
    pub fn invalid(field: impl Into<String>, description: impl Into<String>) -> Error {
        Error::Invalid(vec![FieldViolation {
            field: field.into(),
            description: description.into(),
        }])
    }

    /// Whether it may go well when tried again as it is: the trouble is the database's or the
    /// moment's, not that of what was to be written.
    pub fn is_passing(&self) -> bool {
        match self {
            Error::Unavailable(_) => true,
            Error::NotFound { .. } | Error::Denied { .. } | Error::Invalid(_) => false,
            Error::Refused { reason, .. } => matches!(
                code(*reason),
                Code::Unavailable
                    | Code::Aborted
                    | Code::ResourceExhausted
                    | Code::DeadlineExceeded
            ),
            Error::Internal(source) => source
                .downcast_ref::<DbErr>()
                .is_some_and(|error| !crate::db::lies_in_values(error)),
        }
    }

    /// The reason that goes on the wire.
    pub fn reason(&self) -> ErrorReason {
        match self {
            Error::NotFound { .. } => ErrorReason::ResourceNotFound,
            Error::Denied { .. } => ErrorReason::NotPermitted,
            Error::Invalid(_) => ErrorReason::FieldInvalid,
            Error::Refused { reason, .. } => *reason,
            Error::Unavailable(_) => ErrorReason::DatabaseUnreachable,
            Error::Internal(_) => ErrorReason::Internal,
        }
    }
}

fn list(violations: &[FieldViolation]) -> String {
    let each = violations.iter().map(|wrong| format!("{} {}", wrong.field, wrong.description));
    each.collect::<Vec<_>>().join("; ")
}

/// The code of each reason, for ever.
fn code(reason: ErrorReason) -> Code {
    match reason {
        ErrorReason::Unspecified | ErrorReason::Internal => Code::Internal,
        ErrorReason::DatabaseUnreachable
        | ErrorReason::ProjectionBehind
        | ErrorReason::ProjectionDiverged
        | ErrorReason::ServiceUnreachable
        | ErrorReason::AuditUnavailable
        | ErrorReason::IssuerKeysUnavailable
        | ErrorReason::Draining => Code::Unavailable,
        ErrorReason::FieldInvalid
        | ErrorReason::RequestIdReused
        | ErrorReason::PageTokenInvalid
        | ErrorReason::UploadDamaged => Code::InvalidArgument,
        ErrorReason::ResourceNotFound => Code::NotFound,
        ErrorReason::EtagMismatch | ErrorReason::RequestInProgress | ErrorReason::WriteConflict => {
            Code::Aborted
        }
        ErrorReason::TokenInvalid => Code::Unauthenticated,
        ErrorReason::NotPermitted => Code::PermissionDenied,
        ErrorReason::DeadlineExceeded => Code::DeadlineExceeded,
        ErrorReason::MessageTooLarge | ErrorReason::Overloaded | ErrorReason::RateLimited => {
            Code::ResourceExhausted
        }
        ErrorReason::KnownAtNotOver
        | ErrorReason::ReportIncomplete
        | ErrorReason::OwnerUnclear
        | ErrorReason::BrokerNotConfigured
        | ErrorReason::ClaimStateWrong
        | ErrorReason::SecondPersonNeeded
        | ErrorReason::ClaimOutdated
        | ErrorReason::ClaimEmpty
        | ErrorReason::AllocationUnknown
        | ErrorReason::SumExhausted
        | ErrorReason::HoursClaimedElsewhere
        | ErrorReason::ClaimNotReproduced => Code::FailedPrecondition,
        ErrorReason::MethodUnknown => Code::Unimplemented,
    }
}

impl From<Error> for Status {
    fn from(error: Error) -> Status {
        let reason = error.reason();
        let code = code(reason);
        if matches!(error, Error::Internal(_) | Error::Unavailable(_)) {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "call failed: {}",
                chain(&error)
            );
        }
        let mut facts = std::collections::HashMap::new();
        match &error {
            Error::Refused { facts: pairs, .. } => {
                facts.extend(pairs.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
            }
            Error::Denied { permission, .. } => {
                facts.insert("permission".to_owned(), permission.clone());
            }
            Error::NotFound { .. }
            | Error::Invalid(_)
            | Error::Unavailable(_)
            | Error::Internal(_) => {}
        }
        let known = facts.get(RETRY_AFTER).and_then(|text| text.parse().ok());
        let mut details = ErrorDetails::with_error_info(reason.as_str_name(), DOMAIN, facts);
        match &error {
            Error::NotFound { kind, name } => {
                details.set_resource_info(*kind, name, "", "");
            }
            Error::Invalid(violations) => {
                for wrong in violations {
                    details.add_bad_request_violation(&wrong.field, &wrong.description);
                }
            }
            Error::Refused { .. }
            | Error::Denied { .. }
            | Error::Unavailable(_)
            | Error::Internal(_) => {}
        }
        if code == Code::Unavailable
            || matches!(
                reason,
                ErrorReason::RequestInProgress
                    | ErrorReason::WriteConflict
                    | ErrorReason::Overloaded
                    | ErrorReason::RateLimited
            )
        {
            details.set_retry_info(Some(known.map_or(RETRY_DELAY, Duration::from_millis)));
        }
        let mut status = Status::with_error_details(code, error.to_string(), details);
        // Inside the process the door sees what was refused; nothing of it goes on the wire.
        status.set_source(Arc::new(error));
        status
    }
}

/// The whole chain of causes, for operators.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        text.push_str(": ");
        text.push_str(&source.to_string());
        next = source.source();
    }
    text
}

/// The reason of a status that came over the wire, if it carries one of ours.
pub fn reason_of(status: &Status) -> Option<ErrorReason> {
    let info = status.get_details_error_info()?;
    ErrorReason::from_str_name(&info.reason)
}
