//! `arrs claim`: prepares claims, moves them from hand to hand, and explains them.

mod explain;
mod moves;
mod table;

pub(crate) use table::time;

use arrs_proto::finance::v1 as pb;
use kit::client::Channel;
use terms::Date;
use tonic::{Request, Status};

use crate::cli::{
    ArrearsArguments, ClaimCommand, ClaimName, ClaimStage, ExplainArguments, ListArguments,
    ShowArguments,
};
use crate::exit::Failure;
use crate::report::refused;
use crate::settings::Settings;
use crate::{print, remote};

/// The most rows of a page.
const PAGE: i32 = 1_000;

impl ClaimName {
    /// `pcns/U09081/claims/2025-07`.
    fn resource(&self) -> String {
        format!("{}/claims/{}", kit::names::pcn(&self.code), self.month)
    }
}

impl ClaimStage {
    fn wire(self) -> pb::ClaimState {
        match self {
            ClaimStage::Prepared => pb::ClaimState::Prepared,
            ClaimStage::Submitted => pb::ClaimState::Submitted,
            ClaimStage::Queried => pb::ClaimState::Queried,
            ClaimStage::Checked => pb::ClaimState::Checked,
            ClaimStage::Approved => pb::ClaimState::Approved,
            ClaimStage::Paid => pb::ClaimState::Paid,
            ClaimStage::Rejected => pb::ClaimState::Rejected,
            ClaimStage::Withdrawn => pb::ClaimState::Withdrawn,
        }
    }
}

/// Moves a claim, or looks at claims, and prints what came of it.
pub(crate) async fn run(settings: &Settings, what: ClaimCommand) -> Result<(), Failure> {
    let server = what.server();
    let channel = remote::connect(settings, server)?;
    let text = answer(&channel, &what).await.map_err(|failure| failure.at(&server.server))?;
    print(&text)
}

async fn answer(channel: &Channel, what: &ClaimCommand) -> Result<String, Failure> {
    match what {
        ClaimCommand::Prepare(made) => moves::prepare(channel, made).await,
        ClaimCommand::Amend(arguments) => moves::amend(channel, arguments).await,
        ClaimCommand::Submit(made) => moves::submit(channel, made).await,
        ClaimCommand::Query(arguments) => moves::query(channel, arguments).await,
        ClaimCommand::Reply(arguments) => moves::reply(channel, arguments).await,
        ClaimCommand::Check(made) => moves::check(channel, made).await,
        ClaimCommand::Approve(made) => moves::approve(channel, made).await,
        ClaimCommand::Reject(arguments) => moves::reject(channel, arguments).await,
        ClaimCommand::Withdraw(made) => moves::withdraw(channel, made).await,
        ClaimCommand::Pay(arguments) => moves::pay(channel, arguments).await,
        ClaimCommand::Remark(arguments) => moves::remark(channel, arguments).await,
        ClaimCommand::Show(arguments) => show(channel, arguments).await,
        ClaimCommand::List(arguments) => list(channel, arguments).await,
        ClaimCommand::Explain(arguments) => explain(channel, arguments).await,
        ClaimCommand::History(arguments) => history(channel, &arguments.claim).await,
        ClaimCommand::Arrears(arguments) => arrears(channel, arguments).await,
        ClaimCommand::Verify(arguments) => verify(channel, &arguments.claim).await,
    }
}

/// The path of a method of `ClaimService`.
fn path(method: &str) -> String {
    format!("/arrs.finance.v1.ClaimService/{method}")
}

/// A claim as it is now, or as it was known at the end of a day.
async fn get(
    channel: &Channel,
    claim: &ClaimName,
    known_at: Option<Date>,
) -> Result<pb::Claim, Status> {
    let request = pb::GetClaimRequest {
        name: claim.resource(),
        known_at_date: known_at.map(kit::wire::date),
    };
    Ok(channel.unary(&path("GetClaim"), Request::new(request)).await?.into_inner())
}

async fn lines(
    channel: &Channel,
    claim: &ClaimName,
    known_at: Option<Date>,
) -> Result<Vec<pb::ClaimLine>, Status> {
    let ask = |page_token| pb::ListClaimLinesRequest {
        parent: claim.resource(),
        page_size: PAGE,
        page_token,
        known_at_date: known_at.map(kit::wire::date),
    };
    let page = |answer: pb::ListClaimLinesResponse| (answer.lines, answer.next_page_token);
    remote::all(channel, &path("ListClaimLines"), ask, page).await
}

async fn show(channel: &Channel, arguments: &ShowArguments) -> Result<String, Failure> {
    let ShowArguments { claim, known_at, server: _ } = arguments;
    let refused = |status| refused(status, *known_at);
    let head = get(channel, claim, *known_at).await.map_err(refused)?;
    let lines = lines(channel, claim, *known_at).await.map_err(refused)?;
    Ok(table::whole(&head, &lines))
}

async fn list(channel: &Channel, arguments: &ListArguments) -> Result<String, Failure> {
    let ListArguments { code, state, year, known_at, server: _ } = arguments;
    let ask = |page_token| pb::ListClaimsRequest {
        parent: code.as_ref().map_or_else(|| "pcns/-".to_owned(), kit::names::pcn),
        page_size: PAGE,
        page_token,
        known_at_date: known_at.map(kit::wire::date),
        states: state.iter().map(|stage| stage.wire().into()).collect(),
        year: year.map(|year| year.to_string()).unwrap_or_default(),
    };
    let page = |answer: pb::ListClaimsResponse| (answer.claims, answer.next_page_token);
    let claims = remote::all(channel, &path("ListClaims"), ask, page).await;
    Ok(table::list(&claims.map_err(|status| refused(status, *known_at))?))
}

async fn explain(channel: &Channel, arguments: &ExplainArguments) -> Result<String, Failure> {
    let ExplainArguments { claim, line, known_at, server: _ } = arguments;
    let refused = |status| refused(status, *known_at);
    let lines = lines(channel, claim, *known_at).await.map_err(refused)?;
    let name = named(&lines, line, claim)?;
    let request = pb::ExplainClaimLineRequest {
        name: name.to_owned(),
        known_at_date: known_at.map(kit::wire::date),
    };
    let answer = channel.unary(&path("ExplainClaimLine"), Request::new(request)).await;
    Ok(explain::render(&answer.map_err(refused)?.into_inner()))
}

/// The name of the line that somebody means, by its number or by what files call the engagement.
fn named<'a>(
    lines: &'a [pb::ClaimLine],
    meant: &str,
    claim: &ClaimName,
) -> Result<&'a str, Failure> {
    if let Some(line) = lines.iter().find(|line| table::number(line) == meant) {
        return Ok(&line.name);
    }
    let called: Vec<_> = lines.iter().filter(|line| line.reference == meant).collect();
    match called[..] {
        [line] => Ok(&line.name),
        [] => {
            let ClaimName { code, month } = claim;
            Err(Failure::refused(format!(
                "the claim has no line {meant}: `arrs claim show {code} {month}` lists them"
            )))
        }
        // Two employers may call two people the same.
        _ => {
            let numbers: Vec<&str> = called.iter().map(|line| table::number(line)).collect();
            let numbers = numbers.join(", ");
            Err(Failure::refused(format!("the lines {numbers} are all called {meant}: name one")))
        }
    }
}

async fn history(channel: &Channel, claim: &ClaimName) -> Result<String, Failure> {
    let ask = |page_token| pb::ListClaimEventsRequest {
        parent: claim.resource(),
        page_size: PAGE,
        page_token,
    };
    let page = |answer: pb::ListClaimEventsResponse| (answer.events, answer.next_page_token);
    let events = remote::all(channel, &path("ListClaimEvents"), ask, page).await?;
    Ok(table::history(&events))
}

async fn arrears(channel: &Channel, arguments: &ArrearsArguments) -> Result<String, Failure> {
    let ArrearsArguments { code, year, server: _ } = arguments;
    let ask = |page_token| pb::ListArrearsRequest {
        parent: kit::names::pcn(code),
        year: year.to_string(),
        page_size: PAGE,
        page_token,
    };
    let page = |answer: pb::ListArrearsResponse| (answer.arrears, answer.next_page_token);
    let all = remote::all(channel, &path("ListArrears"), ask, page).await?;
    Ok(table::arrears(&all))
}

/// Has the claim evaluated again; a failure with every difference if it comes out otherwise.
async fn verify(channel: &Channel, claim: &ClaimName) -> Result<String, Failure> {
    let request = pb::VerifyClaimRequest { name: claim.resource() };
    let answer = channel.unary(&path("VerifyClaim"), Request::new(request)).await?;
    verdict(claim, answer.into_inner())
}

fn verdict(claim: &ClaimName, answer: pb::VerifyClaimResponse) -> Result<String, Failure> {
    let pb::VerifyClaimResponse { reproduced, basis, result_digest, differences } = answer;
    let frozen = basis.map(|basis| basis.result_digest).unwrap_or_default();
    let of = format!("the claim of {} for {}", claim.code, claim.month);
    if reproduced {
        return Ok(format!(
            "{of} is reproduced: every line and step is the same to the penny (result {frozen})\n"
        ));
    }
    let mut text = format!(
        "{of} is not reproduced: it comes to the result {result_digest}, and {frozen} was frozen"
    );
    for difference in &differences {
        text.push_str(&format!("\n  {difference}"));
    }
    Err(Failure::refused(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim() -> ClaimName {
        ClaimName { code: "U09081".parse().unwrap(), month: "2025-07".parse().unwrap() }
    }

    #[test]
    fn a_claim_that_comes_out_otherwise_is_a_failure_with_every_difference() {
        let basis = pb::ClaimBasis { result_digest: "abc".to_owned(), ..Default::default() };
        let answer = pb::VerifyClaimResponse {
            reproduced: false,
            basis: Some(basis),
            result_digest: "def".to_owned(),
            differences: vec!["line 1: more".to_owned(), "line 2: less".to_owned()],
        };

        let same =
            verdict(&claim(), pb::VerifyClaimResponse { reproduced: true, ..answer.clone() });
        let other = verdict(&claim(), answer);

        assert!(same.unwrap().ends_with("the same to the penny (result abc)\n"));
        let told = "the claim of U09081 for 2025-07 is not reproduced: it comes to the result def, \
                    and abc was frozen\n  line 1: more\n  line 2: less";
        assert_eq!(other, Err(Failure::refused(told)));
    }

    #[test]
    fn a_line_is_meant_by_its_number_first_and_by_a_reference_of_one_line_only() {
        let claim = claim();
        let line = |number: &str, reference: &str| pb::ClaimLine {
            name: format!("{}/lines/{number}", claim.resource()),
            reference: reference.to_owned(),
            ..Default::default()
        };
        let lines = [line("1", "anna"), line("2", "1"), line("3", "ben"), line("4", "ben")];

        let meant = |text: &str| named(&lines, text, &claim).map(str::to_owned);

        assert_eq!(meant("1").unwrap(), "pcns/U09081/claims/2025-07/lines/1");
        assert_eq!(meant("anna").unwrap(), "pcns/U09081/claims/2025-07/lines/1");
        assert!(format!("{:?}", meant("5").unwrap_err()).contains("no line 5"));
        assert!(format!("{:?}", meant("ben").unwrap_err()).contains("3, 4"));
    }
}
