//! What moves a claim from hand to hand.

use arrs_proto::finance::v1 as pb;
use kit::client::Channel;
use prost::Message;
use tonic::{Code, Request};
use uuid::Uuid;

use super::{get, path, table};
use crate::cli::{AmendArguments, ClaimMove, PayArguments, RejectArguments, TalkArguments};
use crate::exit::Failure;

/// The fields that every move has.
struct Common {
    name: String,
    etag: String,
    request_id: String,
    validate_only: bool,
}

/// Prepares a claim, whether there is one or not.
pub(super) async fn prepare(channel: &Channel, made: &ClaimMove) -> Result<String, Failure> {
    let etag = match given(made) {
        Some(etag) => etag,
        None => match get(channel, &made.claim, None).await {
            Ok(claim) => claim.etag,
            Err(status) if status.code() == Code::NotFound => String::new(),
            Err(status) => return Err(status.into()),
        },
    };
    let Common { name, etag, request_id, validate_only } = common(made, etag);
    let request = pb::PrepareClaimRequest { name, etag, request_id, validate_only };
    send(channel, made, "PrepareClaim", request).await
}

/// Amends what the PCN says; what is not given stays as it was read.
pub(super) async fn amend(
    channel: &Channel,
    arguments: &AmendArguments,
) -> Result<String, Failure> {
    let AmendArguments { made, note, evidence } = arguments;
    let read = get(channel, &made.claim, None).await?;
    let etag = given(made).unwrap_or(read.etag);
    let Common { name, etag, request_id, validate_only } = common(made, etag);
    let evidence = match evidence.is_empty() {
        true => read.evidence,
        false => evidence.iter().filter(|it| !it.is_empty()).cloned().collect(),
    };
    let note = note.clone().unwrap_or(read.note);
    let request = pb::AmendClaimRequest { name, etag, request_id, validate_only, note, evidence };
    send(channel, made, "AmendClaim", request).await
}

pub(super) async fn submit(channel: &Channel, made: &ClaimMove) -> Result<String, Failure> {
    let Common { name, etag, request_id, validate_only } = read(channel, made).await?;
    let request = pb::SubmitClaimRequest { name, etag, request_id, validate_only };
    send(channel, made, "SubmitClaim", request).await
}

pub(super) async fn query(channel: &Channel, said: &TalkArguments) -> Result<String, Failure> {
    let TalkArguments { made, text, line } = said;
    let Common { name, etag, request_id, validate_only } = read(channel, made).await?;
    let (text, line) = (text.clone(), line.unwrap_or_default());
    let request = pb::QueryClaimRequest { name, etag, request_id, validate_only, text, line };
    send(channel, made, "QueryClaim", request).await
}

pub(super) async fn reply(channel: &Channel, said: &TalkArguments) -> Result<String, Failure> {
    let TalkArguments { made, text, line } = said;
    let Common { name, etag, request_id, validate_only } = read(channel, made).await?;
    let (text, line) = (text.clone(), line.unwrap_or_default());
    let request = pb::ReplyToClaimRequest { name, etag, request_id, validate_only, text, line };
    send(channel, made, "ReplyToClaim", request).await
}

pub(super) async fn check(channel: &Channel, made: &ClaimMove) -> Result<String, Failure> {
    let Common { name, etag, request_id, validate_only } = read(channel, made).await?;
    let request = pb::CheckClaimRequest { name, etag, request_id, validate_only };
    send(channel, made, "CheckClaim", request).await
}

pub(super) async fn approve(channel: &Channel, made: &ClaimMove) -> Result<String, Failure> {
    let Common { name, etag, request_id, validate_only } = read(channel, made).await?;
    let request = pb::ApproveClaimRequest { name, etag, request_id, validate_only };
    send(channel, made, "ApproveClaim", request).await
}

pub(super) async fn reject(
    channel: &Channel,
    arguments: &RejectArguments,
) -> Result<String, Failure> {
    let RejectArguments { made, text } = arguments;
    let Common { name, etag, request_id, validate_only } = read(channel, made).await?;
    let text = text.clone();
    let request = pb::RejectClaimRequest { name, etag, request_id, validate_only, text };
    send(channel, made, "RejectClaim", request).await
}

pub(super) async fn withdraw(channel: &Channel, made: &ClaimMove) -> Result<String, Failure> {
    let Common { name, etag, request_id, validate_only } = read(channel, made).await?;
    let request = pb::WithdrawClaimRequest { name, etag, request_id, validate_only };
    send(channel, made, "WithdrawClaim", request).await
}

pub(super) async fn pay(channel: &Channel, arguments: &PayArguments) -> Result<String, Failure> {
    let PayArguments { made, on, reference } = arguments;
    let Common { name, etag, request_id, validate_only } = read(channel, made).await?;
    let request = pb::PayClaimRequest {
        name,
        etag,
        request_id,
        validate_only,
        payment_date: Some(kit::wire::date(*on)),
        payment_reference: reference.clone(),
    };
    send(channel, made, "PayClaim", request).await
}

pub(super) async fn remark(channel: &Channel, said: &TalkArguments) -> Result<String, Failure> {
    let TalkArguments { made, text, line } = said;
    let Common { name, etag, request_id, validate_only } = read(channel, made).await?;
    let (text, line) = (text.clone(), line.unwrap_or_default());
    let request = pb::RemarkOnClaimRequest { name, etag, request_id, validate_only, text, line };
    send(channel, made, "RemarkOnClaim", request).await
}

/// The fields of a move of a claim that is there: the etag is the one given, or the one it has.
async fn read(channel: &Channel, made: &ClaimMove) -> Result<Common, Failure> {
    let etag = match given(made) {
        Some(etag) => etag,
        None => get(channel, &made.claim, None).await?.etag,
    };
    Ok(common(made, etag))
}

/// The etag of the command line, with the quotes that a shell took away.
fn given(made: &ClaimMove) -> Option<String> {
    match made.etag.as_deref()?.trim_matches('"') {
        "" => Some(String::new()),
        version => Some(format!("\"{version}\"")),
    }
}

fn common(made: &ClaimMove, etag: String) -> Common {
    let request_id = made.request_id.unwrap_or_else(Uuid::new_v4).to_string();
    Common { name: made.claim.resource(), etag, request_id, validate_only: made.check }
}

/// Makes a move, and answers the claim after it.
async fn send<Q>(
    channel: &Channel,
    made: &ClaimMove,
    method: &str,
    request: Q,
) -> Result<String, Failure>
where
    Q: Message + Send + Sync + 'static,
{
    let answer = channel.unary(&path(method), Request::new(request)).await?;
    let claim: pb::Claim = answer.into_inner();
    let would = if made.check { "Checked only, nothing written. It would be:\n" } else { "" };
    Ok(format!("{would}{}", table::head(&claim)))
}
