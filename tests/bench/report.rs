//! What the suite adds to the statements of a report and to the two hops they are fetched over.

use std::sync::Arc;
use std::time::Duration;

use arrs_proto::report::v1::{GetPcnReportRequest, PcnReport};
use arrs_proto::workforce::v1::PcnWorkforce;
use arrs_tests::cluster::{Cluster, after};
use arrs_tests::england::{Size, england};
use kit::config::Database as Settings;
use kit::db::Database;
use kit::server::position_of;
use kit::{Caller, Clock, roster};
use prost::Message;
use terms::{Date, Month, OdsCode};
use tonic::Request;

use super::echo::{Answer, ECHO, apart, two_hops};
use super::{ratio, short, time_calls};

const MONTH: &str = "2025-07";
const CALLS: usize = 200;

/// Times `GetPcnReport` of a PCN of usual size against its parts done barely.
pub(super) async fn run() {
    let (cluster, pcn) = filled().await;
    let channel = cluster.channel(&[&format!("pcn-viewer@pcn:{pcn}")]);
    let request = GetPcnReportRequest {
        name: format!("pcns/{pcn}"),
        month: MONTH.to_owned(),
        ..Default::default()
    };
    let path = "/arrs.report.v1.ReportService/GetPcnReport";
    let fetch = || channel.unary::<_, PcnReport>(path, Request::new(request.clone()));
    let report = fetch().await.expect("a report").into_inner();
    let lines = report.money.as_ref().map_or(0, |money| money.lines.len());
    let bytes = report.encoded_len();

    let whole = time_calls(CALLS, fetch).await;
    let databases = Databases::open(&cluster).await;
    let statements = time_calls(CALLS, || databases.statements(&pcn)).await;
    let echo = echo(&report).await;

    let baseline = statements.median() + echo;
    println!("report: GetPcnReport of {lines} lines, {bytes} bytes: {}", whole.told());
    println!(
        "  {} times its baseline of {}: the same statements through the same pool ({}) and a bare \
         two-hop echo of as many bytes ({}); the bar is 3",
        ratio(whole.median(), baseline),
        short(baseline),
        short(statements.median()),
        short(echo)
    );
}

/// A cluster with a small England, and the PCN with most people.
async fn filled() -> (Cluster, OdsCode) {
    let cluster = Cluster::one().await;
    let size = Size { pcns: 20, engagements: 700, months: 4 };
    let england = england(11, size);
    let recorded_on = Some(Date::constant(2025, 7, 31));
    let mut position = None;
    for (kind, text) in [
        ("organisations", &england.organisations),
        ("lists", &england.lists),
        ("staff", &england.staff),
    ] {
        let import = cluster.import(kind, text, recorded_on).await.expect("it is taken");
        position = position_of(import.metadata()).map(str::to_owned).or(position);
        assert_eq!(import.into_inner().error_count, 0, "{kind} is taken");
    }
    let channel = cluster.channel(&["operator@england"]);
    let year = arrs_proto::finance::v1::GetRuleBookRequest { name: "ruleBooks/2025-26".to_owned() };
    let requirements =
        arrs_proto::supervision::v1::ListRequirementsRequest { page_size: 1, ..Default::default() };
    let finance = channel.unary::<_, arrs_proto::finance::v1::RuleBook>(
        "/arrs.finance.v1.RuleBookService/GetRuleBook",
        after(year, position.as_deref()),
    );
    finance.await.expect("finance follows");
    let supervision = channel.unary::<_, arrs_proto::supervision::v1::ListRequirementsResponse>(
        "/arrs.supervision.v1.RequirementService/ListRequirements",
        after(requirements, position.as_deref()),
    );
    supervision.await.expect("supervision follows");
    for (kind, text) in [("pay", &england.pay), ("sessions", &england.sessions)] {
        let import = cluster.import(kind, text, recorded_on).await.expect("it is taken");
        assert_eq!(import.into_inner().error_count, 0, "{kind} is taken");
    }
    let mut counts = std::collections::BTreeMap::<String, usize>::new();
    let mut staff = csv::Reader::from_reader(england.staff.as_bytes());
    let column = staff.headers().expect("a header").iter().position(|name| name == "pcn_code");
    for row in staff.records() {
        let row = row.expect("a row");
        *counts.entry(row[column.expect("a column")].to_owned()).or_default() += 1;
    }
    let largest = counts.into_iter().max_by_key(|(_, count)| *count).expect("somebody works");
    (cluster, largest.0.parse().expect("a code"))
}

/// The databases of a running cluster, read beside it.
struct Databases {
    workforce: Database,
    finance: Database,
    supervision: Database,
}

impl Databases {
    async fn open(cluster: &Cluster) -> Databases {
        let settings = Settings {
            url: "".parse().expect("embedded"),
            migrate_url: "".parse().expect("embedded"),
            readers: 4,
            writers: 4,
        };
        let open = async |name: &str| {
            let folder = cluster.folder();
            Database::open(&settings, name, folder, Clock::system()).await.expect("it is there")
        };
        Databases {
            workforce: open("workforce").await,
            finance: open("finance").await,
            supervision: open("supervision").await,
        }
    }

    /// What the three summaries read, read the same way, all at once as the gateway asks.
    async fn statements(&self, pcn: &OdsCode) {
        let month: Month = MONTH.parse().expect("a month");
        let first = month.contract_year().first_month();
        tokio::join!(
            self.workforce_statements(pcn, month),
            self.finance_statements(pcn, first, month),
            self.supervision_statements(pcn, month),
        );
    }

    async fn workforce_statements(&self, pcn: &OdsCode, month: Month) {
        let (clock, at) = (self.workforce.clock(), kit::cut::NOW);
        let read = self.workforce.read().await.expect("a transaction");
        let scope = caller(pcn).scope(&*read, clock).await.expect("a scope");
        roster::organisation(&*read, pcn, at).await.expect("rows");
        let engaged = roster::engaged_in_month(&*read, &scope, pcn, month, month, at).await;
        engaged.expect("rows");
        roster::list_sizes(&*read, pcn, None, 1, at).await.expect("rows");
        roster::parents(&*read, pcn, month.last(), at).await.expect("rows");
        kit::facts::position(&*read).await.expect("a row");
    }

    async fn finance_statements(&self, pcn: &OdsCode, first: Month, month: Month) {
        let (clock, at) = (self.finance.clock(), kit::cut::NOW);
        let read = self.finance.read().await.expect("a transaction");
        let scope = caller(pcn).scope(&*read, clock).await.expect("a scope");
        roster::organisation(&*read, pcn, at).await.expect("rows");
        let engaged = roster::engaged_in_month(&*read, &scope, pcn, first, month, at).await;
        let engaged = engaged.expect("rows");
        let pay = finance::store::pay::of_engagements(&*read, &scope, &engaged, at).await;
        pay.expect("rows");
        let apart = finance::store::pay::without_hours(&*read, &scope, pcn, first..=month, at);
        apart.await.expect("rows");
        roster::london_area(&*read, pcn, month.first(), at).await.expect("rows");
        roster::region_of(&*read, pcn, month.first(), at).await.expect("rows");
        let list = month.contract_year().list_date();
        roster::list_size(&*read, pcn, list, at).await.expect("rows");
        kit::facts::cursor(&*read, "workforce").await.expect("a row");
        kit::facts::position(&*read).await.expect("a row");
    }

    async fn supervision_statements(&self, pcn: &OdsCode, month: Month) {
        let (clock, at) = (self.supervision.clock(), kit::cut::NOW);
        let read = self.supervision.read().await.expect("a transaction");
        let scope = caller(pcn).scope(&*read, clock).await.expect("a scope");
        roster::organisation(&*read, pcn, at).await.expect("rows");
        let engaged = roster::engaged_in_month(&*read, &scope, pcn, month, month, at).await;
        engaged.expect("rows");
        kit::facts::cursor(&*read, "workforce").await.expect("a row");
        kit::facts::position(&*read).await.expect("a row");
    }
}

fn caller(pcn: &OdsCode) -> Caller {
    Caller::for_test(&[&format!("pcn-viewer@pcn:{pcn}")], "finance.summaries.read")
}

/// A unary call through two bare servers, one behind the other, that answers the same bytes.
async fn echo(report: &PcnReport) -> Duration {
    let report = report.clone();
    let answer: Answer<PcnWorkforce, PcnReport> =
        Arc::new(move |_| Box::pin(std::future::ready(report.clone())));
    let channel = two_hops(apart(), answer).await;
    let times = time_calls(CALLS, || async {
        let question = Request::new(PcnWorkforce::default());
        channel.unary::<_, PcnReport>(ECHO, question).await.expect("it answers")
    });
    times.await.median()
}
