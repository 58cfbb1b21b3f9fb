//! London areas: stated, derived, or unknown.

use terms::{LondonArea, Month, Period};

use super::fixture::{Finance, PCN, code, day, named, relation};
use crate::domain::line::AreaBasis;
use crate::store::places::areas;

async fn on_first_of_july(finance: &Finance, pcn: &str) -> Option<(LondonArea, AreaBasis)> {
    let read = finance.app.database().read().await.unwrap();
    let month: Month = "2025-07".parse().unwrap();
    let london = finance.app.rules().london();
    let areas = areas(&*read, london, &code(pcn), month.period(), kit::cut::NOW).await.unwrap();
    let found = areas.into_iter().find(|area| area.period.contains(day("2025-07-01")));
    found.map(|area| (area.area, area.basis))
}

#[tokio::test]
async fn a_stated_area_is_taken_and_only_one_outside_the_london_region_is_derived() {
    let finance = Finance::with_roster().await;
    finance
        .know(vec![
            named("Y56", "region"),
            named("QMJ", "icb"),
            named("93C", "sub-icb"),
            named("U00001", "pcn"),
            named("U00002", "pcn"),
            named("U00003", "pcn"),
            relation("QMJ", "part-of", "Y56", "2022-07-01"),
            relation("93C", "part-of", "QMJ", "2022-07-01"),
            relation("U00001", "part-of", "93C", "2019-10-01"),
            relation("U00002", "part-of", "11N", "2019-10-01"),
        ])
        .await;

    let outside = LondonArea::Outside;
    let stated = Some((outside, AreaBasis::Stated));
    let derived = Some((outside, AreaBasis::OutsideLondonRegion));
    assert_eq!(on_first_of_july(&finance, PCN).await, stated);
    assert_eq!(on_first_of_july(&finance, "U00001").await, None, "in London, not stated where");
    assert_eq!(on_first_of_july(&finance, "U00002").await, derived);
    assert_eq!(on_first_of_july(&finance, "U00003").await, None, "of no known region");

    // Before the region of its ICB is known, nothing is derived.
    let read = finance.app.database().read().await.unwrap();
    let early = Period::inclusive(day("2021-04-01"), Some(day("2021-04-30"))).unwrap();
    let (london, second) = (finance.app.rules().london(), code("U00002"));
    let found = areas(&*read, london, &second, early, kit::cut::NOW).await.unwrap();
    assert!(found.is_empty(), "{found:?}");
}
