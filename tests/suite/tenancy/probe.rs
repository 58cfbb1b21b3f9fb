//! One call of every method, aimed at somebody's data.

use arrs_proto::admin::v1::create_import_request::Part as ImportPart;
use arrs_proto::admin::v1::{
    AuditOutcome, CreateImportRequest, GetImportRequest, Import, ImportState,
    ListAuditEventsRequest, ListAuditEventsResponse, ListImportErrorsRequest,
    ListImportErrorsResponse, ListParkedFactsRequest, ListParkedFactsResponse,
    RedriveParkedFactsRequest, RedriveParkedFactsResponse, ReplayProjectionRequest,
    ReplayProjectionResponse, RepublishFactsRequest, RepublishFactsResponse,
    VerifyAuditTrailRequest, VerifyAuditTrailResponse,
};
use arrs_proto::event::v1::stream_facts_response::Part as FactPart;
use arrs_proto::event::v1::{StreamFactsRequest, StreamFactsResponse};
use arrs_proto::finance::v1 as finance;
use arrs_proto::google::r#type::Date as WireDate;
use arrs_proto::report::v1 as report;
use arrs_proto::summary::v1::{
    GetPcnSummaryRequest, ListMembersRequest, ListMembersResponse, StreamPcnSummariesRequest,
};
use arrs_proto::supervision::v1 as supervision;
use arrs_proto::workforce::v1 as workforce;
use arrs_tests::cluster;
use kit::client::Channel;
use kit::error::{ErrorReason, reason_of};
use prost::Message;
use prost_reflect::Value;
use terms::Date;
use tonic::{Request, Status};
use tonic_types::StatusExt;
use uuid::Uuid;

use crate::claims;
use crate::demo_set::{MONTH, PAY, SESSIONS, STAFF, collect};

/// The version of a claim that was prepared and submitted, and nothing more.
pub(crate) const CLAIMED: &str = "\"3\"";

/// Somebody's data, or nobody's.
#[derive(Clone, Debug)]
pub struct Target {
    pub pcn: String,
    /// What the owner's files call an engagement there, and its name here.
    pub engagement_reference: String,
    pub engagement: String,
    /// The engagement that began there last, and its first day.
    pub newest: (String, WireDate),
    pub person_reference: String,
    pub person: String,
    /// One of the person's sessions.
    pub session: String,
    /// An import in each of workforce, finance and supervision.
    pub imports: [String; 3],
}

impl Target {
    /// A text that names the target, with every such name replaced.
    fn veiled(&self, text: &str) -> String {
        let names = [
            &self.engagement,
            &self.newest.0,
            &self.engagement_reference,
            &self.person,
            &self.session,
            &self.person_reference,
            &self.imports[0],
            &self.imports[1],
            &self.imports[2],
            &self.pcn,
        ];
        let named = names.into_iter().filter(|name| !name.is_empty());
        named.fold(text.to_owned(), |text, name| text.replace(name.as_str(), "{name}"))
    }
}

/// What came of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The target's data came back.
    Reached,
    /// What was said instead, with the names of the target veiled.
    Refused(String),
}

fn veiled(status: &Status, target: &Target) -> String {
    let info = status.get_details_error_info();
    let mut facts: Vec<(String, String)> =
        info.map(|info| info.metadata.into_iter().collect()).unwrap_or_default();
    facts.sort();
    let text = format!("{} {:?} {facts:?}", status.message(), reason_of(status));
    format!("{:?} {}", status.code(), target.veiled(&text))
}

/// Calls `path`, aimed at `target`.
pub async fn probe(channel: &Channel, path: &str, target: &Target) -> Answer {
    match reaches(channel, path, target).await {
        Ok(Ok(())) => Answer::Reached,
        Ok(Err(hidden)) => Answer::Refused(target.veiled(&hidden)),
        Err(status) => Answer::Refused(veiled(&status, target)),
    }
}

/// `Ok(Err(_))` is an answer that leaves the target's data out.
type Reaches = Result<Result<(), String>, Status>;

async fn reaches(channel: &Channel, path: &str, target: &Target) -> Reaches {
    let pcn = format!("pcns/{}", target.pcn);
    let organisation = format!("organisations/{}", target.pcn);
    let month = MONTH.to_owned();
    let claim = format!("{pcn}/claims/{month}");
    match path {
        "/arrs.report.v1.ReportService/GetPcnReport" => {
            let request = report::GetPcnReportRequest { name: pcn, month, ..Default::default() };
            let report: report::PcnReport = ask(channel, path, request).await?;
            assert!(report.sections.iter().any(|it| it.reason.is_empty()), "{report:?}");
            reached()
        }
        "/arrs.report.v1.ReportService/StreamPcnReports" => {
            let request = report::StreamPcnReportsRequest {
                parent: organisation,
                month,
                ..Default::default()
            };
            let parts =
                collect(channel, path, request, |it: report::StreamPcnReportsResponse| it.part);
            let parts = parts.await?;
            let reports = parts.iter().filter(|part| {
                matches!(part, report::stream_pcn_reports_response::Part::Report(_))
            });
            found(reports.count() == 1, &parts)
        }
        "/arrs.workforce.v1.OrganisationService/GetOrganisation" => {
            let request = workforce::GetOrganisationRequest { name: organisation };
            done(ask::<_, workforce::Organisation>(channel, path, request).await)
        }
        "/arrs.workforce.v1.OrganisationService/ListOrganisations" => {
            let request = workforce::ListOrganisationsRequest::default();
            done(ask::<_, workforce::ListOrganisationsResponse>(channel, path, request).await)
        }
        "/arrs.workforce.v1.OrganisationService/ListListSizes" => {
            let request =
                workforce::ListListSizesRequest { parent: organisation, ..Default::default() };
            done(ask::<_, workforce::ListListSizesResponse>(channel, path, request).await)
        }
        "/arrs.workforce.v1.EngagementService/GetEngagement" => {
            let name = target.engagement.clone();
            let request = workforce::GetEngagementRequest { name, known_at_date: None };
            done(ask::<_, workforce::Engagement>(channel, path, request).await)
        }
        "/arrs.workforce.v1.EngagementService/ListEngagements" => {
            let request = workforce::ListEngagementsRequest { parent: pcn, ..Default::default() };
            let page: workforce::ListEngagementsResponse = ask(channel, path, request).await?;
            found(page.engagements.iter().any(|it| it.name == target.engagement), &page)
        }
        "/arrs.workforce.v1.EngagementService/SetAssignment" => {
            let request = workforce::SetAssignmentRequest {
                name: target.engagement.clone(),
                pcn,
                start_date: Some(kit::wire::date(Date::constant(2026, 1, 1))),
                weekly_minutes: Some(600),
                validate_only: true,
                ..Default::default()
            };
            done(ask::<_, workforce::SetAssignmentResponse>(channel, path, request).await)
        }
        "/arrs.workforce.v1.EngagementService/EndEngagement" => {
            let request = workforce::EndEngagementRequest {
                name: target.engagement.clone(),
                last_date: Some(kit::wire::date(Date::constant(2026, 1, 1))),
                validate_only: true,
                ..Default::default()
            };
            done(ask::<_, workforce::Engagement>(channel, path, request).await)
        }
        "/arrs.workforce.v1.EngagementService/WithdrawAssignment" => {
            let request = workforce::WithdrawAssignmentRequest {
                name: target.newest.0.clone(),
                pcn,
                start_date: Some(target.newest.1),
                validate_only: true,
                ..Default::default()
            };
            done(ask::<_, workforce::Engagement>(channel, path, request).await)
        }
        "/arrs.workforce.v1.PersonService/GetPerson" => {
            let request = workforce::GetPersonRequest { name: target.person.clone() };
            done(ask::<_, workforce::Person>(channel, path, request).await)
        }
        "/arrs.workforce.v1.PersonService/ListMatchedPeople" => {
            let request = workforce::ListMatchedPeopleRequest::default();
            let page: workforce::ListMatchedPeopleResponse = ask(channel, path, request).await?;
            let mut people = page.matched_people.iter().flat_map(|one| &one.people);
            found(people.any(|name| *name == target.person), &page)
        }
        "/arrs.workforce.v1.WorkforceSummaryService/GetPcnSummary" => {
            done(ask::<_, workforce::PcnWorkforce>(channel, path, summary(pcn)).await)
        }
        "/arrs.finance.v1.FinanceSummaryService/GetPcnSummary" => {
            done(ask::<_, finance::PcnMoney>(channel, path, summary(pcn)).await)
        }
        "/arrs.supervision.v1.SupervisionSummaryService/GetPcnSummary" => {
            done(ask::<_, supervision::PcnSupervision>(channel, path, summary(pcn)).await)
        }
        "/arrs.workforce.v1.WorkforceSummaryService/StreamPcnSummaries" => {
            use workforce::stream_pcn_summaries_response::Part;
            type Message = workforce::StreamPcnSummariesResponse;
            let parts = collect(channel, path, summaries(pcn), |it: Message| it.part).await?;
            let one = parts.iter().any(|part| matches!(part, Part::Summary(_)));
            let Some(Part::Trailer(end)) = parts.last() else { panic!("{parts:?}") };
            found(one, end)
        }
        "/arrs.finance.v1.FinanceSummaryService/StreamPcnSummaries" => {
            use finance::stream_pcn_summaries_response::Part;
            type Message = finance::StreamPcnSummariesResponse;
            let parts = collect(channel, path, summaries(pcn), |it: Message| it.part).await?;
            let one = parts.iter().any(|part| matches!(part, Part::Summary(_)));
            let Some(Part::Trailer(end)) = parts.last() else { panic!("{parts:?}") };
            found(one, end)
        }
        "/arrs.supervision.v1.SupervisionSummaryService/StreamPcnSummaries" => {
            use supervision::stream_pcn_summaries_response::Part;
            type Message = supervision::StreamPcnSummariesResponse;
            let parts = collect(channel, path, summaries(pcn), |it: Message| it.part).await?;
            let one = parts.iter().any(|part| matches!(part, Part::Summary(_)));
            let Some(Part::Trailer(end)) = parts.last() else { panic!("{parts:?}") };
            found(one, end)
        }
        "/arrs.workforce.v1.WorkforceSummaryService/ListMembers"
        | "/arrs.finance.v1.FinanceSummaryService/ListMembers"
        | "/arrs.supervision.v1.SupervisionSummaryService/ListMembers" => {
            let request = ListMembersRequest { parent: organisation, month, known_at_date: None };
            let members: ListMembersResponse = ask(channel, path, request).await?;
            found(members.names == [pcn], &members)
        }
        "/arrs.finance.v1.RuleBookService/GetRuleBook" => {
            let request = finance::GetRuleBookRequest { name: "ruleBooks/2025-26".to_owned() };
            done(ask::<_, finance::RuleBook>(channel, path, request).await)
        }
        "/arrs.finance.v1.RuleBookService/ListFigures" => {
            let parent = "ruleBooks/2025-26".to_owned();
            let request = finance::ListFiguresRequest { parent, ..Default::default() };
            done(ask::<_, finance::ListFiguresResponse>(channel, path, request).await)
        }
        "/arrs.finance.v1.RuleBookService/ProjectMaximum" => {
            let request = finance::ProjectMaximumRequest {
                role: "CP".to_owned(),
                area: "outside".to_owned(),
                date: Some(kit::wire::date(Date::constant(2025, 7, 1))),
                base: Some(finance::project_maximum_request::Base::SalaryPence(5_000_000)),
                ..Default::default()
            };
            done(ask::<_, finance::ProjectMaximumResponse>(channel, path, request).await)
        }
        "/arrs.finance.v1.AllocationService/GetAllocation" => {
            let name = format!("{pcn}/allocations/2025-26");
            let request = finance::GetAllocationRequest { name, ..Default::default() };
            done(ask::<_, finance::Allocation>(channel, path, request).await)
        }
        "/arrs.finance.v1.FinanceSummaryService/GetPcnYear" => {
            let year = "2025-26".to_owned();
            let request = finance::GetPcnYearRequest { name: pcn, year, ..Default::default() };
            done(ask::<_, finance::PcnYear>(channel, path, request).await)
        }
        "/arrs.finance.v1.LedgerService/GetMoneyOwed" => {
            let request = finance::GetMoneyOwedRequest { name: pcn, ..Default::default() };
            let owed: finance::MoneyOwed = ask(channel, path, request).await?;
            found(owed.owed_pence > 0, &owed)
        }
        "/arrs.finance.v1.LedgerService/ListMoneyOwed" => {
            let request = finance::ListMoneyOwedRequest::default();
            let page: finance::ListMoneyOwedResponse = ask(channel, path, request).await?;
            found(page.pcns.iter().any(|row| row.name == pcn), &page)
        }
        "/arrs.finance.v1.ClaimService/CompareClaimLine" => {
            let request = finance::CompareClaimLineRequest {
                parent: pcn,
                month,
                reference: target.engagement_reference.clone(),
                from_rules_known_on_date: Some(kit::wire::date(Date::constant(2025, 7, 31))),
                ..Default::default()
            };
            done(ask::<_, finance::CompareClaimLineResponse>(channel, path, request).await)
        }
        claims::PREPARE
        | claims::AMEND
        | claims::SUBMIT
        | claims::QUERY
        | claims::REPLY
        | claims::CHECK
        | claims::APPROVE
        | claims::REJECT
        | claims::WITHDRAW
        | claims::PAY
        | claims::REMARK => {
            let mut request = claims::asked(path, &claim, CLAIMED);
            request.set_field_by_name("validate_only", Value::Bool(true));
            match ask::<_, finance::Claim>(channel, path, request).await {
                // Who is let in is told what may be done with it instead.
                Err(status) if reason_of(&status) == Some(ErrorReason::ClaimStateWrong) => {
                    reached()
                }
                other => done(other),
            }
        }
        claims::GET => {
            let request = finance::GetClaimRequest { name: claim, known_at_date: None };
            done(ask::<_, finance::Claim>(channel, path, request).await)
        }
        claims::LIST => {
            let request = finance::ListClaimsRequest { parent: pcn, ..Default::default() };
            let page: finance::ListClaimsResponse = ask(channel, path, request).await?;
            found(page.claims.iter().any(|one| one.name == claim), &page)
        }
        claims::LIST_LINES => {
            let request = finance::ListClaimLinesRequest { parent: claim, ..Default::default() };
            let page: finance::ListClaimLinesResponse = ask(channel, path, request).await?;
            let mut lines = page.lines.iter();
            found(lines.any(|line| line.reference == target.engagement_reference), &page)
        }
        claims::EXPLAIN_LINE => {
            let name = format!("{claim}/lines/1");
            let request = finance::ExplainClaimLineRequest { name, known_at_date: None };
            done(ask::<_, finance::ExplainClaimLineResponse>(channel, path, request).await)
        }
        claims::LIST_EVENTS => {
            let request = finance::ListClaimEventsRequest { parent: claim, ..Default::default() };
            let page: finance::ListClaimEventsResponse = ask(channel, path, request).await?;
            found(page.events.len() == 2, &page)
        }
        claims::VERIFY => {
            let request = finance::VerifyClaimRequest { name: claim };
            done(ask::<_, finance::VerifyClaimResponse>(channel, path, request).await)
        }
        claims::LIST_ARREARS => {
            let year = "2025-26".to_owned();
            let request = finance::ListArrearsRequest { parent: pcn, year, ..Default::default() };
            done(ask::<_, finance::ListArrearsResponse>(channel, path, request).await)
        }
        claims::LIST_BALANCES => {
            let request = finance::ListBalancesRequest { parent: pcn, ..Default::default() };
            let page: finance::ListBalancesResponse = ask(channel, path, request).await?;
            found(page.balances.iter().any(|one| one.claimed_pence > 0), &page)
        }
        claims::LIST_TRANSFERS => {
            let request = finance::ListTransfersRequest { parent: pcn, ..Default::default() };
            let page: finance::ListTransfersResponse = ask(channel, path, request).await?;
            found(page.transfers.iter().any(|one| one.claim == claim), &page)
        }
        "/arrs.finance.v1.BaselineService/GetBaseline" => {
            let name = format!("{pcn}/baselines/CP");
            let request = finance::GetBaselineRequest { name, known_at_date: None };
            done(ask::<_, finance::Baseline>(channel, path, request).await)
        }
        "/arrs.finance.v1.BaselineService/ListBaselines" => {
            let request = finance::ListBaselinesRequest { parent: pcn, known_at_date: None };
            done(ask::<_, finance::ListBaselinesResponse>(channel, path, request).await)
        }
        "/arrs.finance.v1.BaselineService/SetBaseline" => {
            let request = finance::SetBaselineRequest {
                name: format!("{pcn}/baselines/CP"),
                wte_micro: Some(1_000_000),
                from_date: Some(kit::wire::date(Date::constant(2019, 3, 31))),
                agreed_by: "the ICB and the PCN".to_owned(),
                reference: "letter of 1 July 2019".to_owned(),
                etag: "\"0\"".to_owned(),
                request_id: Uuid::new_v4().to_string(),
                validate_only: true,
            };
            done(ask::<_, finance::Baseline>(channel, path, request).await)
        }
        "/arrs.finance.v1.BaselineService/SetPracticeFunded" => {
            let request = finance::SetPracticeFundedRequest {
                name: format!("{pcn}/baselines/CP"),
                wte_micro: Some(1_000_000),
                from_date: Some(kit::wire::date(Date::constant(2019, 3, 31))),
                etag: "\"0\"".to_owned(),
                request_id: Uuid::new_v4().to_string(),
                validate_only: true,
            };
            done(ask::<_, finance::Baseline>(channel, path, request).await)
        }
        "/arrs.finance.v1.PayService/GetPay" => {
            let name = format!("{}/pay/2025-07", target.engagement);
            let request = finance::GetPayRequest { name, known_at_date: None };
            done(ask::<_, finance::Pay>(channel, path, request).await)
        }
        "/arrs.finance.v1.PayService/RecordPay" => {
            let request = finance::RecordPayRequest {
                name: format!("{}/pay/2025-03", target.engagement),
                salary_pence: Some(10_000),
                employer_ni_pence: Some(0),
                employer_pension_pence: Some(0),
                request_id: Uuid::new_v4().to_string(),
                validate_only: true,
                ..Default::default()
            };
            done(ask::<_, finance::Pay>(channel, path, request).await)
        }
        "/arrs.finance.v1.PayService/WithdrawPay" => {
            let request = finance::WithdrawPayRequest {
                name: format!("{}/pay/2025-07", target.engagement),
                paid_date: Some(kit::wire::date(Date::constant(2025, 7, 28))),
                etag: "\"1\"".to_owned(),
                request_id: Uuid::new_v4().to_string(),
                validate_only: true,
            };
            done(ask::<_, finance::Pay>(channel, path, request).await)
        }
        "/arrs.supervision.v1.SessionService/RecordSession" => {
            let request = supervision::RecordSessionRequest {
                parent: pcn,
                reference: "check-s".to_owned(),
                person: target.person.clone(),
                supervisor_reference: "demo-s-01".to_owned(),
                kind: "clinical".to_owned(),
                date: Some(kit::wire::date(Date::constant(2025, 7, 10))),
                session_minutes: 30,
                validate_only: true,
                ..Default::default()
            };
            done(ask::<_, supervision::Session>(channel, path, request).await)
        }
        "/arrs.supervision.v1.SessionService/WithdrawSession" => {
            let request = supervision::WithdrawSessionRequest {
                name: target.session.clone(),
                validate_only: true,
                ..Default::default()
            };
            done(ask::<_, supervision::Session>(channel, path, request).await)
        }
        "/arrs.supervision.v1.RequirementService/ListRequirements" => {
            let request = supervision::ListRequirementsRequest::default();
            done(ask::<_, supervision::ListRequirementsResponse>(channel, path, request).await)
        }
        "/arrs.supervision.v1.SessionService/ListSessions" => {
            let request = supervision::ListSessionsRequest { parent: pcn, ..Default::default() };
            let page: supervision::ListSessionsResponse = ask(channel, path, request).await?;
            found(
                page.sessions.iter().any(|it| it.person_reference == target.person_reference),
                &page,
            )
        }
        "/arrs.workforce.v1.FactService/StreamFacts"
        | "/arrs.finance.v1.FactService/StreamFacts" => {
            facts(channel, path, &target.engagement).await
        }
        "/arrs.supervision.v1.FactService/StreamFacts" => facts(channel, path, &organisation).await,
        "/arrs.workforce.v1.FactService/RepublishFacts"
        | "/arrs.finance.v1.FactService/RepublishFacts"
        | "/arrs.supervision.v1.FactService/RepublishFacts" => {
            // Who is let in is told that there is no broker.
            let request = RepublishFactsRequest::default();
            match ask::<_, RepublishFactsResponse>(channel, path, request).await {
                Err(status) if reason_of(&status) == Some(ErrorReason::BrokerNotConfigured) => {
                    reached()
                }
                other => done(other),
            }
        }
        "/arrs.finance.v1.ProjectionService/ListParkedFacts"
        | "/arrs.supervision.v1.ProjectionService/ListParkedFacts" => {
            let request = ListParkedFactsRequest::default();
            done(ask::<_, ListParkedFactsResponse>(channel, path, request).await)
        }
        "/arrs.finance.v1.ProjectionService/RedriveParkedFacts"
        | "/arrs.supervision.v1.ProjectionService/RedriveParkedFacts" => {
            let request = RedriveParkedFactsRequest::default();
            done(ask::<_, RedriveParkedFactsResponse>(channel, path, request).await)
        }
        "/arrs.finance.v1.ProjectionService/ReplayProjection"
        | "/arrs.supervision.v1.ProjectionService/ReplayProjection" => {
            // Who is let in is told what is wrong, and the projection stays as it is.
            let request = ReplayProjectionRequest { request_id: "no UUID".to_owned() };
            match ask::<_, ReplayProjectionResponse>(channel, path, request).await {
                Err(status) if reason_of(&status) == Some(ErrorReason::FieldInvalid) => reached(),
                other => done(other),
            }
        }
        "/arrs.workforce.v1.ImportService/GetImport"
        | "/arrs.finance.v1.ImportService/GetImport"
        | "/arrs.supervision.v1.ImportService/GetImport" => {
            let request = GetImportRequest { name: import_of(path, target) };
            done(ask::<_, Import>(channel, path, request).await)
        }
        "/arrs.workforce.v1.ImportService/ListImportErrors"
        | "/arrs.finance.v1.ImportService/ListImportErrors"
        | "/arrs.supervision.v1.ImportService/ListImportErrors" => {
            let parent = import_of(path, target);
            let request = ListImportErrorsRequest { parent, ..Default::default() };
            done(ask::<_, ListImportErrorsResponse>(channel, path, request).await)
        }
        "/arrs.workforce.v1.AuditService/ListAuditEvents"
        | "/arrs.finance.v1.AuditService/ListAuditEvents"
        | "/arrs.supervision.v1.AuditService/ListAuditEvents" => {
            let resource = import_of(path, target);
            // Of one that is not there the trail says who asked for it; of this one what came of it.
            let outcome = AuditOutcome::Refused.into();
            let request = ListAuditEventsRequest { resource, outcome, ..Default::default() };
            let page: ListAuditEventsResponse = ask(channel, path, request).await?;
            found(!page.events.is_empty(), &page)
        }
        // The chain is of all entries or of none.
        "/arrs.workforce.v1.AuditService/VerifyAuditTrail"
        | "/arrs.finance.v1.AuditService/VerifyAuditTrail"
        | "/arrs.supervision.v1.AuditService/VerifyAuditTrail" => {
            let request = VerifyAuditTrailRequest::default();
            done(ask::<_, VerifyAuditTrailResponse>(channel, path, request).await)
        }
        "/arrs.workforce.v1.ImportService/CreateImport" => {
            let Target { pcn, .. } = target;
            let row = format!(
                "check-e,check-p,Demo-Check,One,CP,standard,7,DEMOPRA01,LEAD_PRACTICE,{pcn},37.5,,\
                 2025-07-01,,,,,,"
            );
            check(channel, path, "staff", STAFF, &row).await
        }
        "/arrs.finance.v1.ImportService/CreateImport" => {
            let row = format!("{},2025-03,100.00,10.00,10.00,,", target.engagement_reference);
            check(channel, path, "pay", PAY, &row).await
        }
        "/arrs.supervision.v1.ImportService/CreateImport" => {
            let Target { pcn, person_reference, .. } = target;
            let row = format!("check-s,{person_reference},demo-s-01,clinical,2025-07-10,30,{pcn}");
            check(channel, path, "sessions", SESSIONS, &row).await
        }
        _ => panic!("{path} is new: say how it is aimed at a PCN"),
    }
}

/// Sends a file of one row to be checked and not written, and answers the import.
pub async fn check_row(
    channel: &Channel,
    path: &str,
    kind: &str,
    file: &str,
    row: &str,
) -> Result<Import, Status> {
    let text = format!("{}\n{row}\n", file.lines().next().unwrap());
    let mut header = cluster::header(kind, text.as_bytes(), None);
    header.validate_only = true;
    let part = |part| CreateImportRequest { part: Some(part) };
    let messages = [part(ImportPart::Header(header)), part(ImportPart::Chunk(text.into_bytes()))];
    let answer = channel.client_streaming(path, futures::stream::iter(messages)).await;
    answer.map(tonic::Response::into_inner)
}

async fn check(channel: &Channel, path: &str, kind: &str, file: &str, row: &str) -> Reaches {
    let import = check_row(channel, path, kind, file, row).await?;
    if import.state() == ImportState::Done {
        return reached();
    }
    let path = path.replace("CreateImport", "ListImportErrors");
    let request = ListImportErrorsRequest { parent: import.name, ..Default::default() };
    let errors: ListImportErrorsResponse = ask(channel, &path, request).await?;
    found(false, &errors.errors)
}

async fn facts(channel: &Channel, path: &str, needle: &str) -> Reaches {
    let request = StreamFactsRequest { after: 0, follow: false };
    let parts = collect(channel, path, request, |it: StreamFactsResponse| it.part).await?;
    let about = |part: &FactPart| match part {
        FactPart::Fact(fact) => {
            fact.subject == needle
                || fact.body.windows(needle.len()).any(|bytes| bytes == needle.as_bytes())
        }
        FactPart::Header(_) | FactPart::Trailer(_) | FactPart::Reached(_) => false,
    };
    found(parts.iter().any(about), &"no fact")
}

fn import_of(path: &str, target: &Target) -> String {
    let index = ["workforce", "finance", "supervision"].iter().position(|it| path.contains(it));
    target.imports[index.unwrap()].clone()
}

fn summary(name: String) -> GetPcnSummaryRequest {
    GetPcnSummaryRequest { name, month: MONTH.to_owned(), ..Default::default() }
}

fn summaries(name: String) -> StreamPcnSummariesRequest {
    let names = vec![name];
    StreamPcnSummariesRequest { names, month: MONTH.to_owned(), ..Default::default() }
}

fn reached() -> Reaches {
    Ok(Ok(()))
}

fn found(yes: bool, said: &impl std::fmt::Debug) -> Reaches {
    Ok(if yes { Ok(()) } else { Err(format!("{said:?}")) })
}

fn done<T>(answer: Result<T, Status>) -> Reaches {
    answer.map(|_| Ok(()))
}

/// One call with one answer.
pub async fn ask<Q, A>(channel: &Channel, path: &str, request: Q) -> Result<A, Status>
where
    Q: Message + Send + Sync + 'static,
    A: Message + Default + Send + Sync + 'static,
{
    channel.unary(path, Request::new(request)).await.map(tonic::Response::into_inner)
}
