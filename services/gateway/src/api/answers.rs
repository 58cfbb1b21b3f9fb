//! What the gateway makes of one service's answer, or of its silence.

use kit::ErrorReason;
use tonic::{Code, Response, Status};

use super::wire::Summary;

/// The summary, or why it is missing in words that show nothing of the inside.
pub(super) fn summary<T>(service: &str, answer: Result<Response<T>, Status>) -> Summary<T> {
    match answer {
        Ok(response) => Ok(response.into_inner()),
        Err(status) => Err(reason(service, &status)),
    }
}

/// Why a section is missing, for people.
pub(super) fn reason(service: &str, status: &Status) -> String {
    let behind = matches!(
        kit::error::reason_of(status),
        Some(ErrorReason::ProjectionBehind | ErrorReason::ProjectionDiverged)
    );
    match status.code() {
        _ if is_late(status) => format!("{service} did not answer in time"),
        Code::PermissionDenied => {
            format!("{service} may not be read by this caller, or does not know the PCN yet")
        }
        Code::Unavailable if behind => format!("{service}: {}", status.message()),
        _ => format!("{service} does not answer at the moment"),
    }
}

/// Whether a call of ours was given up, here or there, because its time was over.
pub(super) fn is_late(status: &Status) -> bool {
    // Our own side of a call says CANCELLED when the time it was given is over.
    matches!(status.code(), Code::DeadlineExceeded | Code::Cancelled)
}
