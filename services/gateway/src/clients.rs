//! The three services behind the gateway.

use std::time::Duration;

use arrs_proto::finance::v1::finance_summary_service_client::FinanceSummaryServiceClient;
use arrs_proto::supervision::v1::supervision_summary_service_client::SupervisionSummaryServiceClient;
use arrs_proto::workforce::v1::workforce_summary_service_client::WorkforceSummaryServiceClient;
use kit::client::{Channel, MESSAGE_OUT};
use kit::server::{AFTER, Deadline, WAY_HOME};
use tonic::metadata::MetadataMap;
use tonic::{Extensions, Request};

/// Channels to the three services.
#[derive(Clone, Debug)]
pub struct Clients {
    /// People, hours, organisations.
    pub workforce: Channel,
    /// Rules, allocations, lines.
    pub finance: Channel,
    /// Requirements, sessions.
    pub supervision: Channel,
}

impl Clients {
    /// The channel to the service that owns a package, `arrs.finance.v1`.
    ///
    /// The gateway's own calls are passed on only if no permission allows them: workforce refuses
    /// them once more, by the same token, and records that.
    pub(crate) fn of_package(&self, package: &str) -> Option<(&'static str, &Channel)> {
        match package {
            "arrs.workforce.v1" | "arrs.report.v1" => Some(("workforce", &self.workforce)),
            "arrs.finance.v1" => Some(("finance", &self.finance)),
            "arrs.supervision.v1" => Some(("supervision", &self.supervision)),
            _ => None,
        }
    }

    pub(crate) fn workforce(&self) -> WorkforceSummaryServiceClient<Channel> {
        WorkforceSummaryServiceClient::new(self.workforce.clone())
            .max_decoding_message_size(MESSAGE_OUT)
    }

    pub(crate) fn finance(&self) -> FinanceSummaryServiceClient<Channel> {
        FinanceSummaryServiceClient::new(self.finance.clone())
            .max_decoding_message_size(MESSAGE_OUT)
    }

    pub(crate) fn supervision(&self) -> SupervisionSummaryServiceClient<Channel> {
        SupervisionSummaryServiceClient::new(self.supervision.clone())
            .max_decoding_message_size(MESSAGE_OUT)
    }
}

/// What goes from the caller's request to each call that the gateway makes for it.
#[derive(Clone, Debug)]
pub(crate) struct Onward {
    metadata: MetadataMap,
    deadline: Option<Deadline>,
}

impl Onward {
    /// The token, the positions to wait for and the deadline of a request.
    pub(crate) fn of(metadata: &MetadataMap, extensions: &Extensions) -> Onward {
        let mut onward = MetadataMap::new();
        for key in ["authorization", AFTER] {
            for value in metadata.get_all(key) {
                onward.append(key, value.clone());
            }
        }
        Onward { metadata: onward, deadline: extensions.get::<Deadline>().copied() }
    }

    /// A request for one section of an answer: it gets four fifths of the time that is left, so
    /// that the others still arrive, marked, where this one does not.
    pub(crate) fn request_of_section<T>(&self, message: T) -> Request<T> {
        let mut request = self.request(message);
        if let Some(deadline) = self.deadline {
            request.set_timeout(deadline.left() * 4 / 5);
        }
        request
    }

    /// How long to wait for one of several who could answer, of `most` at the most: half of the
    /// time that is left, so that the others still can.
    pub(crate) fn patience(&self, most: Duration) -> Duration {
        self.deadline.map_or(most, |deadline| (deadline.left() / 2).min(most))
    }

    /// A request that waits so long for its answer.
    pub(crate) fn request_within<T>(&self, message: T, time: Duration) -> Request<T> {
        let mut request = self.request(message);
        request.set_timeout(time);
        request
    }

    /// A request on behalf of the caller, with what is left of its time.
    pub(crate) fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        *request.metadata_mut() = self.metadata.clone();
        if let Some(deadline) = self.deadline {
            request.set_timeout(deadline.left().saturating_sub(WAY_HOME));
        }
        request
    }
}
