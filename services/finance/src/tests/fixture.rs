//! Finance over a database of its own, with the roster of the demonstration set recorded as of
//! 31 July 2025 and today in July 2026.

use std::collections::BTreeMap;
use std::io::{Seek, Write as _};
use std::sync::Arc;

use arrs_proto::finance::v1 as pb;
use arrs_proto::finance::v1::claim_service_server::ClaimService;
use arrs_proto::finance::v1::finance_summary_service_server::FinanceSummaryService;
use arrs_proto::summary::v1::GetPcnSummaryRequest;
use kit::db::Database;
use kit::imports::{Applied, Context, Importing};
use kit::pages::Key;
use kit::roster::table::{
    assignment, engagement, list_size, london_area, organisation, organisation_relation,
};
use kit::roster::{self, Line, to_column};
use kit::statement::Provenance;
use kit::table::{Problem, Problems};
use kit::{Caller, Clock, Scope};
use sea_orm::{EntityTrait, PaginatorTrait};
use tempfile::TempDir;
use terms::{Date, EngagementId, Minutes, OdsCode, Pence, Population, parse_date};
use tonic::{Request, Status};
use uuid::Uuid;

use crate::api::claims::ClaimApi;
use crate::api::imports::FinanceImports;
use crate::api::pcn_money::FinanceSummaryApi;
use crate::app::App;
use crate::domain::pay::{Components, Pay};
use crate::store::entity::pay;
use crate::store::migration::Migrator;
use crate::store::pay::NewPay;

pub(super) const PCN: &str = "U09081";
pub(super) const PAY: &str = include_str!("../../../arrs/demo/pay.csv");
const ORGANISATIONS: &str = include_str!("../../../arrs/demo/organisations.csv");
const LISTS: &str = include_str!("../../../arrs/demo/lists.csv");
const STAFF: &str = include_str!("../../../arrs/demo/staff.csv");

pub(super) fn day(text: &str) -> Date {
    parse_date(text).unwrap()
}

fn column(text: &str) -> chrono::NaiveDate {
    to_column(day(text))
}

/// The day after the last one that a cell names, if it names one.
fn until(last: &str) -> Option<chrono::NaiveDate> {
    (!last.is_empty()).then(|| to_column(day(last).tomorrow().unwrap()))
}

pub(super) fn rows(text: &str) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    reader.deserialize().map(Result::unwrap).collect()
}

/// Finance with a caller who calls it.
pub(super) struct Finance {
    pub(super) app: App,
    _directory: TempDir,
}

impl Finance {
    /// With the roster of the demonstration set, and no pay.
    pub(super) async fn with_roster() -> Finance {
        let finance = Finance::empty().await;
        let mut lines = organisations();
        lines.extend(staff());
        finance.know(lines).await;
        finance
    }

    pub(super) async fn empty() -> Finance {
        let directory = tempfile::tempdir().unwrap();
        let system = Clock::system();
        let clock = Clock::fixed(system.start_of(day("2026-07-15")));
        let settings = kit::testing::settings(crate::NAME).await;
        let database =
            Database::open(&settings, crate::NAME, directory.path(), clock).await.unwrap();
        database.migrate::<Migrator>().await.unwrap();
        let rules = crate::store::rulebook::load(None).unwrap();
        Finance { app: App::new(database, Arc::new(rules)), _directory: directory }
    }

    pub(super) async fn know(&self, lines: Vec<Line>) {
        let write = self.app.database().write().await.unwrap();
        Scope::england().enter(&*write).await.unwrap();
        roster::record(&*write, lines).await.unwrap();
        write.commit().await.unwrap();
    }

    /// Brings a file in as the operator, known since 31 July 2025.
    pub(super) async fn import(&self, text: &str) -> Result<Applied, Vec<Problem>> {
        self.import_as("operator@england", None, "2025-07-31", text).await
    }

    pub(super) async fn import_as(
        &self,
        grant: &str,
        owner: Option<&str>,
        recorded_on: &str,
        text: &str,
    ) -> Result<Applied, Vec<Problem>> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file.rewind().unwrap();
        let database = self.app.database();
        let caller = Caller::for_test(&[grant], "finance.imports.create");
        let scope = caller.scope(&*database.read().await.unwrap(), self.app.clock()).await.unwrap();
        let context = Context {
            kind: "pay".into(),
            owner: owner.map(|code| code.parse().unwrap()),
            scope,
            provenance: provenance(recorded_on),
            recorded_on: day(recorded_on),
            validate_only: false,
        };
        let rows = FinanceImports.read("pay", file).map_err(Problems::into_vec)?;
        let mut write = database.write().await.unwrap();
        context.scope.enter(&*write).await.unwrap();
        match FinanceImports.write(&mut write, rows, &context).await.unwrap() {
            Ok(applied) => {
                write.commit().await.unwrap();
                Ok(applied)
            }
            Err(problems) => {
                write.roll_back().await.unwrap();
                Err(problems.into_vec())
            }
        }
    }

    /// Records pay for July and June 2025 of the engagement of [`variant`] without a look at the
    /// months in post, which may be corrected after the pay.
    pub(super) async fn pay_variant(&self) {
        let write = self.app.database().write().await.unwrap();
        let caller = Caller::for_test(&["operator@england"], "finance.imports.create");
        let scope = caller.scope(&*write, self.app.clock()).await.unwrap();
        let pay = ["2025-06", "2025-07"].map(|month| NewPay {
            pay: Pay {
                engagement: EngagementId(engagement_id("demo-e-998")),
                month: month.parse().unwrap(),
                amounts: Components { salary: Pence(260_000), ..Components::default() },
                paid_on: Some(day("2025-07-28")),
            },
            reference: "demo-e-998".into(),
            owner: code(PCN),
            line: 2,
        });
        let by = provenance("2025-07-31");
        crate::store::pay::record(&*write, &scope, &by, &pay).await.unwrap();
        write.commit().await.unwrap();
    }

    /// How many rows of pay there are, of any time, and the position of the newest fact.
    pub(super) async fn written(&self) -> (u64, i64) {
        let read = self.app.database().read().await.unwrap();
        Scope::england().enter(&*read).await.unwrap();
        let rows = pay::Entity::find().count(&*read).await.unwrap();
        (rows, kit::facts::position(&*read).await.unwrap())
    }

    /// The summary of a PCN for July 2025.
    pub(super) async fn summary(
        &self,
        grant: &str,
        pcn: &str,
        rules_known_on: Option<&str>,
        known_at: Option<&str>,
    ) -> Result<pb::PcnMoney, Status> {
        let request = GetPcnSummaryRequest {
            name: format!("pcns/{pcn}"),
            month: "2025-07".into(),
            rules_known_on_date: rules_known_on.map(|text| kit::wire::date(day(text))),
            known_at_date: known_at.map(|text| kit::wire::date(day(text))),
        };
        self.summarised(grant, request).await
    }

    /// The summary of a PCN and month by everything known today.
    pub(super) async fn summary_of(
        &self,
        grant: &str,
        pcn: &str,
        month: &str,
    ) -> Result<pb::PcnMoney, Status> {
        let (name, month) = (format!("pcns/{pcn}"), month.to_owned());
        let request = GetPcnSummaryRequest { name, month, ..Default::default() };
        self.summarised(grant, request).await
    }

    async fn summarised(
        &self,
        grant: &str,
        request: GetPcnSummaryRequest,
    ) -> Result<pb::PcnMoney, Status> {
        let api = FinanceSummaryApi { app: self.app.clone() };
        let request = called(request, grant, "finance.summaries.read");
        api.get_pcn_summary(request).await.map(tonic::Response::into_inner)
    }

    /// The methods of claims.
    pub(super) fn claim_api(&self) -> ClaimApi {
        ClaimApi { app: self.app.clone(), pages: Arc::new(Key::new(&[7; 32])) }
    }

    /// One line of July 2025 by the rules known on 31 July 2025 and today.
    pub(super) async fn compare(
        &self,
        grant: &str,
        reference: &str,
    ) -> Result<pb::CompareClaimLineResponse, Status> {
        let api = self.claim_api();
        let request = pb::CompareClaimLineRequest {
            parent: format!("pcns/{PCN}"),
            month: "2025-07".into(),
            reference: reference.into(),
            from_rules_known_on_date: Some(kit::wire::date(day("2025-07-31"))),
            to_rules_known_on_date: None,
            known_at_date: None,
        };
        let request = called(request, grant, "finance.claims.read");
        api.compare_claim_line(request).await.map(tonic::Response::into_inner)
    }
}

/// A request as the door hands it on.
pub(super) fn called<T>(message: T, grant: &str, permission: &str) -> Request<T> {
    let mut request = Request::new(message);
    request.extensions_mut().insert(Caller::for_test(&[grant], permission));
    request
}

pub(super) fn provenance(recorded_on: &str) -> Provenance {
    let clock = Clock::system();
    Provenance {
        known_from: clock.start_of(day(recorded_on)),
        recorded_at: clock.start_of(day("2026-07-15")),
        recorded_by: "test".into(),
        import: Some(Uuid::from_u128(7)),
    }
}

/// `demo-e-007` is number 7.
pub(super) fn engagement_id(reference: &str) -> Uuid {
    Uuid::from_u128(reference.rsplit('-').next().unwrap().parse().unwrap())
}

fn organisations() -> Vec<Line> {
    let by = provenance("2025-07-31");
    let mut lines = Vec::new();
    for row in rows(ORGANISATIONS) {
        let (code, from) = (row["code"].clone(), column(&row["valid_from"]));
        lines.push(Line::Organisation(organisation::Model::new(
            &by,
            None,
            code.clone(),
            row["name"].clone(),
            row["kind"].clone(),
            None,
            None,
        )));
        if !row["relation"].is_empty() {
            lines.push(relation(&code, &row["relation"], &row["related_code"], &row["valid_from"]));
        }
        if !row["london_area"].is_empty() {
            let area = row["london_area"].clone();
            let area = london_area::Model::new(&by, None, code, from, area, None);
            lines.push(Line::LondonArea(area));
        }
    }
    for row in rows(LISTS) {
        let patients =
            |text: &str| text.parse::<Population>().ok().map(Population::ten_thousandths);
        lines.push(Line::ListSize(list_size::Model::new(
            &by,
            None,
            row["code"].clone(),
            column(&row["date"]),
            row["registered"].parse().unwrap(),
            patients(&row["weighted"]),
            patients(&row["adjusted"]),
        )));
    }
    lines
}

/// A list of registered patients alone.
pub(super) fn list(code: &str, date: &str, registered: i64) -> Line {
    let (by, code, date) = (provenance("2025-07-31"), code.to_owned(), column(date));
    Line::ListSize(list_size::Model::new(&by, None, code, date, registered, None, None))
}

/// The London area of a PCN, from the beginning.
pub(super) fn area(code: &str, area: &str) -> Line {
    let (by, code, area) = (provenance("2025-07-31"), code.to_owned(), area.to_owned());
    Line::LondonArea(london_area::Model::new(&by, None, code, column("2019-07-01"), area, None))
}

/// A list with as many weighted patients, as 1 January has them for the sum of a year.
pub(super) fn weighted_list(code: &str, date: &str, patients: &str) -> Line {
    let (by, code, date) = (provenance("2025-07-31"), code.to_owned(), column(date));
    let weighted: Population = patients.parse().unwrap();
    let weighted = Some(weighted.ten_thousandths());
    Line::ListSize(list_size::Model::new(&by, None, code, date, 1, weighted, None))
}

/// The first engagement of the demonstration set again, under another number, with other cells.
pub(super) fn numbered(number: u32, changes: &[(&str, &str)]) -> Vec<Line> {
    let mut row = rows(STAFF).swap_remove(0);
    let reference = format!("demo-e-{number:03}");
    row.insert("engagement_id".into(), reference.clone());
    row.extend(changes.iter().map(|(column, cell)| ((*column).into(), (*cell).into())));
    let id = engagement_id(&reference);
    let owner = row["pcn_code"].clone();
    vec![engaged(id, &owner, &reference, &row), hours(id, &row)]
}

pub(super) fn relation(code: &str, relation: &str, related: &str, from: &str) -> Line {
    ended_relation(code, relation, related, from, "")
}

/// A relation up to and including a last day, if it names one.
pub(super) fn ended_relation(
    code: &str,
    relation: &str,
    related: &str,
    from: &str,
    last: &str,
) -> Line {
    let (code, relation, related) = (code.to_owned(), relation.to_owned(), related.to_owned());
    let by = provenance(if last.is_empty() { "2025-07-31" } else { "2026-07-01" });
    Line::Relation(organisation_relation::Model::new(
        &by,
        None,
        code,
        relation,
        related,
        column(from),
        until(last),
        false,
    ))
}

pub(super) fn named(code: &str, kind: &str) -> Line {
    let by = provenance("2025-07-31");
    let (code, kind) = (code.to_owned(), kind.to_owned());
    Line::Organisation(organisation::Model::new(&by, None, code.clone(), code, kind, None, None))
}

fn staff() -> Vec<Line> {
    let mut lines = Vec::new();
    for row in rows(STAFF) {
        let reference = row["engagement_id"].as_str();
        // A federation keeps the records of those it employs; of others the first PCN does.
        let owner = match row["employer_code"].as_str() {
            "DEMOFED01" => "DEMOFED01",
            _ => row["pcn_code"].as_str(),
        };
        lines.push(engaged(engagement_id(reference), owner, reference, &row));
        lines.push(hours(engagement_id(reference), &row));
    }
    lines
}

fn minutes(hours: &str) -> Option<i32> {
    let minutes = Minutes::from_hours(hours).ok()?.0.get();
    i32::try_from(minutes).ok()
}

fn engaged(id: Uuid, owner: &str, reference: &str, row: &BTreeMap<String, String>) -> Line {
    let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    Line::Engagement(engagement::Model::new(
        &provenance("2025-07-31"),
        None,
        id,
        owner.to_owned(),
        reference.to_owned(),
        given(&row["person_id"]).map(|_| id),
        given(&row["person_id"]),
        row["role"].clone(),
        row["employer_code"].clone(),
        row["model"].clone(),
        minutes(&row["full_time_hours"]).unwrap_or(2250),
        given(&row["leaving_reason"]),
    ))
}

fn hours(id: Uuid, row: &BTreeMap<String, String>) -> Line {
    let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    Line::Assignment(assignment::Model::new(
        &provenance("2025-07-31"),
        None,
        id,
        row["pcn_code"].clone(),
        column(&row["start"]),
        until(&row["end"]),
        minutes(&row["weekly_hours"]).unwrap(),
        minutes(&row["contract_hours"]),
        given(&row["stage"]).unwrap_or_else(|| "standard".into()),
        given(&row["band"]),
    ))
}

/// A second engagement that another owner calls by a reference of the demonstration set, with
/// hours in a PCN of its own.
pub(super) fn namesake(reference: &str, owner: &str, pcn: &str) -> Vec<Line> {
    let mut row = rows(STAFF).swap_remove(0);
    row.insert("pcn_code".into(), pcn.into());
    let id = Uuid::from_u128(9_999);
    vec![engaged(id, owner, reference, &row), hours(id, &row)]
}

/// The first engagement of the demonstration set again, as number 998, with other cells.
pub(super) fn variant(changes: &[(&str, &str)]) -> Vec<Line> {
    let at_home = [("pcn_code", PCN)];
    numbered(998, &[&at_home[..], changes].concat())
}

pub(super) fn code(text: &str) -> OdsCode {
    text.parse().unwrap()
}
