//! What row-level security costs who may see all of England.

use arrs_proto::summary::v1 as summary;
use arrs_proto::workforce::v1 as pb;
use arrs_tests::england::Size;
use arrs_tests::postgres::execute;
use tonic::Streaming;

use super::recording::{Bare, Ready, Recorder, Transaction, ready};
use super::served::Served;
use super::{ROUNDS, Sides, ratio, short};

const STREAM: &str = "/arrs.workforce.v1.WorkforceSummaryService/StreamPcnSummaries";
/// The same database once more with its walls, and once without.
const WITH: &str = "with_walls";
const WITHOUT: &str = "without_walls";
/// Takes the walls of a database down.
const OPEN: &str = "DO $$ DECLARE one record; BEGIN \
     FOR one IN SELECT oid::regclass AS name FROM pg_class WHERE relrowsecurity LOOP \
     EXECUTE format('ALTER TABLE %s NO FORCE ROW LEVEL SECURITY', one.name); \
     EXECUTE format('ALTER TABLE %s DISABLE ROW LEVEL SECURITY', one.name); \
     END LOOP; END $$";
/// The hours of a day by PCN and role in one statement: every row passes the wall, two tables deep.
const HOURS: &str = "SELECT a.pcn_code, e.role, count(*), sum(a.weekly_minutes) \
     FROM assignment a JOIN engagement e ON e.engagement_id = a.engagement_id \
     WHERE a.known_until IS NULL AND e.known_until IS NULL AND a.valid_from <= '2025-07-01' \
     AND (a.valid_until IS NULL OR a.valid_until > '2025-07-01') GROUP BY a.pcn_code, e.role";

/// Times what group reads over England ask of the database, with the walls and without.
pub(super) async fn run() {
    let size = Size { months: 1, ..Size::england() };
    let mut served = Served::start(&["workforce"], &[], size).await;
    served.copy(&[WITH, WITHOUT]).await;
    execute(&served.url_of(WITHOUT), &[OPEN.to_owned()]).await;

    let recorder = Recorder::start(&served.postgres).await;
    let pcns = stream(&served).await;
    let asked = recorder.stop("FROM \"national_return_row\"").await;
    assert_eq!(asked.len(), 1, "a stream is one transaction");
    let asked = ready(&served.bare(WITH), &asked).await.remove(0);
    let what = format!("the summaries of {pcns} PCNs, {} statements", asked.len());
    measure(&served, &what, asked).await;

    let entered = "SELECT set_config('app.england', 'on', true)";
    let asked = Transaction::of(&["BEGIN", entered, HOURS, "ROLLBACK"]);
    let asked = ready(&served.bare(WITH), &[asked]).await.remove(0);
    measure(&served, "the hours of a day by PCN and role, one statement", asked).await;
}

/// Streams the summaries of all PCNs to who may see all of them; answers how many came.
async fn stream(served: &Served) -> usize {
    let request = summary::StreamPcnSummariesRequest {
        names: served.pcns.iter().map(|pcn| format!("pcns/{pcn}")).collect(),
        month: "2025-04".to_owned(),
        ..Default::default()
    };
    let channel = served.workforce(&["auditor@england"]);
    let parts = channel.server_streaming(STREAM, request).await;
    let mut parts: Streaming<pb::StreamPcnSummariesResponse> = parts.expect("the auditor may");
    let mut count = 0;
    while let Some(part) = parts.message().await.expect("the stream goes on") {
        use pb::stream_pcn_summaries_response::Part;
        count += usize::from(matches!(part.part, Some(Part::Summary(_))));
    }
    count
}

/// Runs the statements of a read on both copies.
async fn measure(served: &Served, what: &str, asked: Ready) {
    let mut with = Bare::connect(&served.bare(WITH), 1).await;
    let mut without = Bare::connect(&served.bare(WITHOUT), 1).await;
    let mut sides = Sides::default();
    let asked = [asked];
    for round in 0..ROUNDS {
        let (with, _) = with.run(&asked).await;
        let (without, _) = without.run(&asked).await;
        sides.keep(round, with, without);
    }
    println!(
        "walls: {what}, over England: {}, {} times the same without row-level security ({}); the \
         bar is 1.50",
        short(sides.ours()),
        ratio(sides.ours(), sides.bare()),
        short(sides.bare()),
    );
}
