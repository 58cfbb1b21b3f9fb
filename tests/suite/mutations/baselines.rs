//! Baselines: agreed once, recorded once, and seen by both sides.

use arrs_proto::finance::v1::{
    Baseline, GetBaselineRequest, ListBaselinesRequest, ListBaselinesResponse, SetBaselineRequest,
    SetPracticeFundedRequest,
};

use super::*;

const GET: &str = "/arrs.finance.v1.BaselineService/GetBaseline";
const LIST: &str = "/arrs.finance.v1.BaselineService/ListBaselines";
pub(super) const SET: &str = "/arrs.finance.v1.BaselineService/SetBaseline";
pub(super) const SET_PRACTICE_FUNDED: &str = "/arrs.finance.v1.BaselineService/SetPracticeFunded";
const COMMISSIONER: Person = Person { subject: "commissioner", grants: &["icb-finance@icb:QT6"] };

async fn get(channel: &Channel, name: &str) -> Result<Baseline, Status> {
    let request = GetBaselineRequest { name: name.to_owned(), known_at_date: None };
    Ok(call(channel, GET, request).await?.into_inner())
}

/// IDM-1, IDM-2, IDM-3 of a baseline, which each side changes in its own part only.
#[tokio::test(flavor = "multi_thread")]
async fn idm_1_2_3_a_baseline_is_agreed_and_staff_beside_it_recorded_once() {
    let cluster = Cluster::one().await;
    bring_in(&cluster).await;
    let name = format!("{PCN}/baselines/CP");
    let (manager, commissioner) = (cluster.channel(&[MANAGER]), COMMISSIONER.channel(&cluster));

    let agreed = SetBaselineRequest {
        name: name.clone(),
        wte_micro: Some(1_000_000),
        from_date: day(2019, 3, 31),
        agreed_by: "the ICB and the PCN".to_owned(),
        reference: "letter of 1 July 2019".to_owned(),
        etag: get(&manager, &name).await.unwrap().etag,
        request_id: new_id(),
        validate_only: false,
    };
    denied(call::<_, Baseline>(&manager, SET, agreed.clone()).await);
    let other = SetBaselineRequest { wte_micro: Some(2_000_000), ..agreed.clone() };
    let set = Repeated { path: SET, by: COMMISSIONER, message: agreed, other };
    set.check::<Baseline>(&cluster).await;

    let funded = SetPracticeFundedRequest {
        name: name.clone(),
        wte_micro: Some(500_000),
        from_date: day(2019, 3, 31),
        etag: get(&manager, &name).await.unwrap().etag,
        request_id: new_id(),
        validate_only: false,
    };
    denied(call::<_, Baseline>(&commissioner, SET_PRACTICE_FUNDED, funded.clone()).await);
    let nameless = SetPracticeFundedRequest { etag: String::new(), ..funded.clone() };
    let nameless = call::<_, Baseline>(&manager, SET_PRACTICE_FUNDED, nameless).await;
    invalid(nameless, &["etag"]);
    let other = SetPracticeFundedRequest { wte_micro: Some(0), ..funded.clone() };
    let fund = Repeated { path: SET_PRACTICE_FUNDED, by: KEEPER, message: funded, other };
    fund.check::<Baseline>(&cluster).await;

    let seen = get(&commissioner, &name).await.unwrap();
    assert_eq!((seen.agreed.len(), seen.practice_funded.len()), (1, 1), "{seen:?}");
    let request = ListBaselinesRequest { parent: PCN.to_owned(), known_at_date: None };
    let all: ListBaselinesResponse = call(&manager, LIST, request).await.unwrap().into_inner();
    assert_eq!(all.baselines, [seen]);
    denied(get(&cluster.channel(&["pcn-manager@pcn:U31970"]), &name).await);
}
