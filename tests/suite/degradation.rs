//! DEG: each service down, slow, cut off or behind in turn. A report arrives in time, says what it
//! lacks and why, and has no total that rests on what it lacks.

use std::time::{Duration, Instant};

use arrs_proto::report::v1::{PcnReport, SectionState};
use arrs_tests::cluster::Cluster;
use arrs_tests::fault_proxy::{FaultProxy, Faults, Way};
use kit::client::Channel;
use tonic::{Request, Status};

use crate::demo_set::{GET_REPORT, OPERATOR, STAFF, bring_in, report, report_request, settle};

/// How long a caller gives a report.
const DEADLINE: Duration = Duration::from_millis(1_200);
/// How much later the answer may be there: two hops on a machine that is busy.
const WAY: Duration = Duration::from_millis(250);
/// How long everything may take to be well again.
const PATIENCE: Duration = Duration::from_secs(20);

/// The service behind each section.
const SECTIONS: [(&str, &str); 3] =
    [("workforce", "workforce"), ("money", "finance"), ("supervision", "supervision")];

/// What can be wrong with a service.
#[derive(Clone, Copy, Debug)]
enum Trouble {
    Killed,
    Paused,
    Slow,
    Refusing,
    DeafToUs,
    SilentToUs,
}

const TROUBLES: [Trouble; 6] = [
    Trouble::Killed,
    Trouble::Paused,
    Trouble::Slow,
    Trouble::Refusing,
    Trouble::DeafToUs,
    Trouble::SilentToUs,
];

impl Trouble {
    /// Whether it shows only by the time that passes.
    fn is_silent(self) -> bool {
        match self {
            Trouble::Paused | Trouble::Slow | Trouble::DeafToUs | Trouble::SilentToUs => true,
            Trouble::Killed | Trouble::Refusing => false,
        }
    }

    fn begin(self, cluster: &mut Cluster, service: &'static str, proxy: &FaultProxy) {
        let silent = || Way { silent: true, ..Way::default() };
        match self {
            Trouble::Killed => cluster.kill(service),
            Trouble::Paused => cluster.pause(service),
            Trouble::Slow => proxy.set(Faults::slow(Duration::from_secs(5))),
            Trouble::Refusing => {
                proxy.set(Faults { refuses: true, ..Faults::default() });
                proxy.reset();
            }
            Trouble::DeafToUs => proxy.set(Faults { there: silent(), ..Faults::default() }),
            Trouble::SilentToUs => proxy.set(Faults { back: silent(), ..Faults::default() }),
        }
    }

    async fn end(self, cluster: &mut Cluster, service: &'static str, proxy: &FaultProxy) {
        proxy.heal();
        match self {
            Trouble::Killed => cluster.start(service).await,
            Trouble::Paused => cluster.resume(service),
            Trouble::Slow | Trouble::Refusing | Trouble::DeafToUs | Trouble::SilentToUs => {}
        }
    }
}

/// Asks for the report of the set within the deadline, and answers how long that took.
async fn ask(channel: &Channel) -> (Result<PcnReport, Status>, Duration) {
    let mut request = Request::new(report_request());
    request.set_timeout(DEADLINE);
    let started = Instant::now();
    let answer = channel.unary(GET_REPORT, request).await;
    (answer.map(tonic::Response::into_inner), started.elapsed())
}

/// What is wrong with a report that lacks a section, beside the one that lacks nothing.
fn judge(report: &PcnReport, whole: &PcnReport, missing: &str) -> Result<(), String> {
    for (section, (name, service)) in report.sections.iter().zip(SECTIONS) {
        let state = section.state();
        if name == missing && state != SectionState::Unavailable {
            return Err(format!("{name} is {state:?}"));
        }
        if name == missing && !section.reason.contains(service) {
            return Err(format!("{name} lacks a reason: {:?}", section.reason));
        }
        if name != missing && state != SectionState::Fresh {
            return Err(format!("{name} is {state:?} too: {}", section.reason));
        }
    }
    let mut expected = PcnReport { sections: report.sections.clone(), ..whole.clone() };
    let totals = expected.totals.as_mut().expect("the whole report has totals");
    match missing {
        "workforce" => {
            expected.workforce = None;
            expected.display_name = String::new();
            expected.totals = None;
        }
        "money" => {
            expected.money = None;
            totals.payable_per_fte_pence = None;
        }
        _ => expected.supervision = None,
    }
    match *report == expected {
        true => Ok(()),
        false => Err(format!("{report:#?}\nis not\n{expected:#?}")),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn deg_a_report_names_what_it_lacks_in_time_and_totals_nothing_that_rests_on_it() {
    let mut cluster = Cluster::idle(&[]).await;
    let mut proxies = Vec::new();
    for (_, service) in SECTIONS {
        let proxy = FaultProxy::to(cluster.port(service), 1).await;
        let name = format!("ARRS__GATEWAY__{}", service.to_uppercase());
        cluster.set_for("gateway", &name, &proxy.url());
        proxies.push(proxy);
    }
    cluster.start_separate().await;
    let positions = bring_in(&cluster).await;
    let channel = cluster.channel(&[OPERATOR]);
    let whole = report(&channel, report_request(), Some(&positions)).await;

    for ((missing, service), proxy) in SECTIONS.into_iter().zip(&proxies) {
        for trouble in TROUBLES {
            trouble.begin(&mut cluster, service, proxy);
            // Cold, when nobody knows of it yet, and warm.
            for _ in 0..2 {
                let (answer, took) = ask(&channel).await;
                let report =
                    answer.unwrap_or_else(|status| panic!("{service} {trouble:?}: {status:?}"));
                assert!(took < DEADLINE + WAY, "{service} {trouble:?}: {took:?}");
                let judged = judge(&report, &whole, missing);
                assert_eq!(judged, Ok(()), "{service} {trouble:?}");
                let section = report.sections.iter().find(|section| section.name == missing);
                let reason = &section.unwrap().reason;
                assert!(
                    trouble.is_silent() || !reason.contains("in time"),
                    "{trouble:?}: {reason}"
                );
            }
            trouble.end(&mut cluster, service, proxy).await;
            well_again(&channel, &whole).await;
        }
    }
}

/// Waits until the report is what it was.
async fn well_again(channel: &Channel, whole: &PcnReport) {
    let started = Instant::now();
    loop {
        match ask(channel).await.0 {
            Ok(report) if report == *whole => return,
            answer => assert!(started.elapsed() < PATIENCE, "{answer:#?}"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn deg_a_section_that_is_behind_says_by_how_much_and_makes_no_total() {
    let mut cluster = Cluster::idle(&[]).await;
    let proxy = FaultProxy::to(cluster.port("workforce"), 1).await;
    for follower in ["finance", "supervision"] {
        cluster.set_for(follower, "ARRS__GATEWAY__WORKFORCE", &proxy.url());
    }
    cluster.start_separate().await;
    let positions = bring_in(&cluster).await;
    let channel = cluster.channel(&[OPERATOR]);
    settle(&channel, &positions).await;
    let before = report(&channel, report_request(), Some(&positions)).await;

    proxy.set(Faults::silence());
    let header = STAFF.lines().next().unwrap();
    let staff = format!(
        "{header}\ndemo-e-801,demo-p-801,Demo-Late,Invented,CC,,4,DEMOCOM01,PCN_DIRECT,U09081,15,,\
         2025-07-01,,,,,,\n"
    );
    let answer = cluster.import("staff", &staff, None).await.unwrap();
    let position = kit::server::position_of(answer.metadata()).unwrap().to_owned();
    let (behind, took) = ask(&channel).await;
    let behind = behind.unwrap();
    proxy.heal();
    settle(&channel, &position).await;
    let after = report(&channel, report_request(), Some(&position)).await;

    assert!(took < DEADLINE + WAY, "{took:?}");
    let facts = |positions: &str| -> i64 {
        let workforce = positions.split(',').find_map(|one| one.strip_prefix("workforce="));
        workforce.unwrap().parse().unwrap()
    };
    let lacking = facts(&position) - facts(&positions);
    for (section, expected) in behind.sections.iter().zip([0, lacking, lacking]) {
        let state = if expected == 0 { SectionState::Fresh } else { SectionState::Behind };
        assert_eq!((section.state(), section.behind_fact_count), (state, expected));
    }
    // What is behind is what was; what is not, what will be.
    assert_eq!(behind.workforce, after.workforce);
    assert_ne!(behind.workforce, before.workforce);
    assert_eq!(
        behind.money.as_ref().map(|money| (money.payable_pence, &money.lines)),
        before.money.as_ref().map(|money| (money.payable_pence, &money.lines))
    );
    let (totals, right) = (behind.totals.unwrap(), after.totals.unwrap());
    assert_eq!(totals.payable_per_fte_pence, None, "pay of then over people of now");
    assert_eq!(totals.patients_per_fte_count, right.patients_per_fte_count);
    assert!(right.payable_per_fte_pence.is_some());
}

/// Reports as they would be if a missing section counted as nothing are noticed.
#[tokio::test(flavor = "multi_thread")]
async fn deg_a_report_that_hides_what_it_lacks_is_noticed() {
    let mut cluster = Cluster::separate().await;
    let positions = bring_in(&cluster).await;
    let channel = cluster.channel(&[OPERATOR]);
    let whole = report(&channel, report_request(), Some(&positions)).await;
    cluster.kill("finance");
    let honest = ask(&channel).await.0.unwrap();

    let mut silent = honest.clone();
    silent.sections[1].reason.clear();
    let mut fresh = honest.clone();
    fresh.sections[1].set_state(SectionState::Fresh);
    let mut zero = honest.clone();
    zero.money = Some(arrs_proto::finance::v1::PcnMoney::default());
    let mut total = honest.clone();
    total.totals.as_mut().unwrap().payable_per_fte_pence = Some(0);

    assert_eq!(judge(&honest, &whole, "money"), Ok(()));
    assert!(judge(&whole, &whole, "money").is_err());
    for dishonest in [silent, fresh, zero, total] {
        assert!(judge(&dishonest, &whole, "money").is_err());
    }
}
