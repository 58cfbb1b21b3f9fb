//! `arrs audit`: what happened, and whether the trail of it is whole.

use arrs_proto::admin::v1 as pb;
use jiff::Timestamp;
use kit::Clock;
use kit::audit::Head;
use kit::client::Channel;
use terms::Date;
use tonic::Request;

use crate::cli::{AuditCommand, AuditListArguments, AuditVerifyArguments, Audited, AuditedOutcome};
use crate::exit::Failure;
use crate::settings::Settings;
use crate::{print, progress, remote};

/// Every service that keeps a trail.
const ALL: [Audited; 3] = [Audited::Workforce, Audited::Finance, Audited::Supervision];

impl Audited {
    fn name(self) -> &'static str {
        match self {
            Audited::Workforce => workforce::NAME,
            Audited::Finance => finance::NAME,
            Audited::Supervision => supervision::NAME,
        }
    }

    /// The path of a method of its `AuditService`.
    fn method(self, method: &str) -> String {
        format!("/arrs.{}.v1.AuditService/{method}", self.name())
    }
}

/// Lists or verifies.
pub(crate) async fn run(settings: &Settings, what: AuditCommand) -> Result<(), Failure> {
    match what {
        AuditCommand::List(arguments) => {
            let channel = remote::connect(settings, &arguments.server)?;
            let listed = list(&channel, &arguments).await;
            print(&listed.map_err(|failure| failure.at(&arguments.server.server))?)
        }
        AuditCommand::Verify(arguments) => {
            let channel = remote::connect(settings, &arguments.server)?;
            let verified = verify(&channel, &arguments).await;
            verified.map_err(|failure| failure.at(&arguments.server.server))
        }
    }
}

/// The services asked for: one, or all.
fn services(one: Option<Audited>) -> Vec<Audited> {
    one.map_or_else(|| ALL.to_vec(), |service| vec![service])
}

/// One line an event, the newest first.
async fn list(channel: &Channel, arguments: &AuditListArguments) -> Result<String, Failure> {
    let request = request(arguments);
    let mut events = Vec::new();
    for service in services(arguments.service) {
        let path = service.method("ListAuditEvents");
        let answer = channel
            .unary::<_, pb::ListAuditEventsResponse>(&path, Request::new(request.clone()))
            .await?;
        events.extend(answer.into_inner().events.into_iter().map(|event| (service, event)));
    }
    let time = |event: &pb::AuditEvent| event.time.as_ref().map(|it| (it.seconds, it.nanos));
    events.sort_by(|(_, a), (_, b)| (time(b), &b.id).cmp(&(time(a), &a.id)));
    events.truncate(usize::try_from(arguments.limit).unwrap_or_default());
    Ok(events.iter().map(|(service, event)| line(*service, event)).collect())
}

fn request(arguments: &AuditListArguments) -> pb::ListAuditEventsRequest {
    let AuditListArguments {
        service: _,
        since,
        until,
        principal,
        method,
        resource,
        tenant,
        outcome,
        limit,
        server: _,
    } = arguments;
    let clock = Clock::system();
    let outcome = outcome.map_or(pb::AuditOutcome::Unspecified, |outcome| match outcome {
        AuditedOutcome::Done => pb::AuditOutcome::Done,
        AuditedOutcome::Read => pb::AuditOutcome::Read,
        AuditedOutcome::Denied => pb::AuditOutcome::Denied,
        AuditedOutcome::Refused => pb::AuditOutcome::Refused,
    });
    let from = |day: &Date| kit::wire::timestamp(clock.start_of(*day));
    let past = |day: &Date| kit::wire::timestamp(terms::Instant(clock.end_of(*day).0 + 1));
    pb::ListAuditEventsRequest {
        page_size: *limit,
        page_token: String::new(),
        from_time: since.as_ref().map(from),
        until_time: until.as_ref().map(past),
        principal: principal.clone().unwrap_or_default(),
        method: method.clone().unwrap_or_default(),
        resource: resource.clone().unwrap_or_default(),
        tenant: tenant.as_ref().map(kit::names::organisation).unwrap_or_default(),
        outcome: outcome.into(),
    }
}

fn line(service: Audited, event: &pb::AuditEvent) -> String {
    let time = event.time.as_ref().and_then(|it| Timestamp::new(it.seconds, it.nanos).ok());
    let time = time.map(|time| time.strftime("%Y-%m-%d %H:%M:%S%.3fZ").to_string());
    let outcome = event.outcome().as_str_name().trim_start_matches("AUDIT_OUTCOME_");
    let place = match event.sequence {
        0 => "not sealed".to_owned(),
        sequence => format!("{} {sequence}", service.name()),
    };
    let resource = if event.resource.is_empty() { "-" } else { &event.resource };
    // Whoever issues tokens writes the subject, not we.
    let principal = event.principal.escape_debug();
    let reason = event.reason.trim_start_matches("ERROR_REASON_");
    let mut line = format!(
        "{}  {:7}  {}  {resource}  {principal}  [{place}]",
        time.as_deref().unwrap_or("-"),
        outcome.to_lowercase(),
        event.method,
    );
    for more in [reason, &event.detail] {
        if !more.is_empty() {
            line.push_str("  ");
            line.extend(more.escape_debug());
        }
    }
    line.push('\n');
    line
}

/// Walks the chains and prints what was found; a failure if one is not whole.
async fn verify(channel: &Channel, arguments: &AuditVerifyArguments) -> Result<(), Failure> {
    let mut broken = Vec::new();
    for service in services(arguments.service) {
        let found = walk(channel, service, arguments.head).await?;
        match told(service, &found) {
            Ok(whole) => print(&whole)?,
            Err(wrong) => broken.push(wrong),
        }
    }
    if broken.is_empty() { Ok(()) } else { Err(Failure::refused(broken.join("\n"))) }
}

/// Walks one chain to its end, or to the first place that is broken; the counts of all calls
/// together.
async fn walk(
    channel: &Channel,
    service: Audited,
    known: Option<Head>,
) -> Result<pb::VerifyAuditTrailResponse, Failure> {
    let path = service.method("VerifyAuditTrail");
    let known = known.map(|head| {
        let (sequence, text) = (head.sequence, head.to_string());
        let hash = text.split_once(':').map_or("", |(_, hash)| hash).to_owned();
        pb::AuditHead { sequence, hash }
    });
    let spinner = progress::spinner(service.name());
    let (mut checked, mut late, mut after) = (0, 0, None);
    loop {
        let request = pb::VerifyAuditTrailRequest { after, known: known.clone(), page_size: 0 };
        let answer =
            channel.unary::<_, pb::VerifyAuditTrailResponse>(&path, Request::new(request)).await;
        let page = answer?.into_inner();
        checked += page.checked_count;
        late += page.late_count;
        spinner.set_message(format!("{}: {checked} events checked", service.name()));
        if page.finished || page.broken.is_some() {
            spinner.finish_and_clear();
            let counts =
                pb::VerifyAuditTrailResponse { checked_count: checked, late_count: late, ..page };
            return Ok(counts);
        }
        after = page.last;
    }
}

/// What was found, for people; an error if the chain is broken.
fn told(service: Audited, found: &pb::VerifyAuditTrailResponse) -> Result<String, String> {
    let name = service.name();
    if let Some(wrong) = &found.broken {
        let place = match wrong.sequence {
            0 => String::new(),
            sequence => format!(" at {sequence}"),
        };
        let whole = found.last.as_ref().map_or(0, |last| last.sequence);
        return Err(format!(
            "{name}: the audit trail is broken{place}: {}; whole up to {whole} of {} sealed events",
            why(wrong.reason()),
            found.sealed_count,
        ));
    }
    let head = found.last.as_ref().map(|last| format!("{}:{}", last.sequence, last.hash));
    let mut text = format!(
        "{name}: whole, {} sealed events, head {}\n",
        found.checked_count,
        head.unwrap_or_default(),
    );
    if found.unsealed_count > 0 {
        text.push_str(&format!("  {} not sealed yet\n", found.unsealed_count));
    }
    if found.late_count > 0 {
        text.push_str(&format!(
            "  {} sealed more than an hour after their time: was the service down, or were they \
             slipped in?\n",
            found.late_count
        ));
    }
    Ok(text)
}

fn why(reason: pb::AuditBreakReason) -> &'static str {
    match reason {
        pb::AuditBreakReason::Unspecified => "this version does not know the reason",
        pb::AuditBreakReason::SealMissing => "a seal is gone",
        pb::AuditBreakReason::EventMissing => "the event that was sealed is gone",
        pb::AuditBreakReason::HashDiffers => "the event, its seal or the order is not what it was",
        pb::AuditBreakReason::HeadDiffers => "the trail was written anew since the head was noted",
        pb::AuditBreakReason::HeadMissing => "the trail was cut off since the head was noted",
        pb::AuditBreakReason::EventsUnaccounted => {
            "there are events without a seal that do not wait for one, or some that waited are gone"
        }
    }
}
