//! Finance from its files to its answers, over a database of its own.

mod adjustments;
mod baselines;
mod caps;
mod claims;
mod demonstration;
mod fixture;
mod ledger;
mod owed;
mod pay_files;
mod payments;
mod pcn_year;
mod places;
mod rule_books;

use kit::Clock;
use kit::client::Channel;
use serde::Deserialize;

#[derive(Deserialize)]
struct Settings {
    kit: kit::config::Kit,
    finance: crate::Config,
}

#[tokio::test]
async fn the_service_starts_on_an_empty_directory_and_again_on_a_used_one() {
    let directory = tempfile::tempdir().unwrap();
    let defaults = [kit::config::DEFAULTS, crate::DEFAULTS];
    let mut settings: Settings = kit::config::load(&defaults, None).unwrap();
    settings.kit.data_directory = directory.path().to_owned();

    for _ in 0..2 {
        let (workforce, _incoming) = Channel::memory();
        let clock = Clock::system();
        let service =
            crate::start(&settings.finance, &settings.kit, clock, workforce).await.unwrap();

        assert_eq!(service.name, "finance");
        let producers: Vec<&str> = service.progress.iter().map(|one| one.producer()).collect();
        assert_eq!(producers, ["finance", "workforce"]);
    }
}

#[tokio::test]
async fn a_missing_directory_of_rules_is_a_mistake_of_the_configuration() {
    let directory = tempfile::tempdir().unwrap();
    let defaults = [kit::config::DEFAULTS, crate::DEFAULTS];
    let mut settings: Settings = kit::config::load(&defaults, None).unwrap();
    settings.kit.data_directory = directory.path().to_owned();
    settings.finance.rulebook_directory = "no/such/directory".into();

    let (workforce, _incoming) = Channel::memory();
    let started = crate::start(&settings.finance, &settings.kit, Clock::system(), workforce).await;

    let error = kit::error::chain(&started.unwrap_err());
    assert!(error.contains("finance.rulebook_directory"), "{error}");
}
