//! Files through the whole of the service, on an embedded database.

mod changes;
mod england;
mod files;
mod matches;
mod methods;
mod owners;
mod scopes;

use std::io::{Seek, Write as _};
use std::sync::Arc;

use kit::db::Database;
use kit::imports::{Applied, Context, Importing};
use kit::statement::Provenance;
use kit::summary::Query;
use kit::table::Problem;
use kit::{Caller, Clock, Cut, Error};
use tempfile::TempDir;
use terms::{Date, Instant, OdsCode};
use uuid::Uuid;

use crate::api::Api;
use crate::app::App;
use crate::app::summaries::PcnWorkforce;
use crate::store::roles;

const OPERATOR: &str = "operator@england";
/// 20 November 2026, noon.
const NOW: Instant = Instant(1_795_176_000_000_000);
const JULY: Date = Date::constant(2025, 7, 31);

const ORGANISATIONS: &str = include_str!("../../arrs/demo/organisations.csv");
const LISTS: &str = include_str!("../../arrs/demo/lists.csv");
const STAFF: &str = include_str!("../../arrs/demo/staff.csv");
const RETURN: &str = include_str!("../../arrs/demo/pcn-workforce.csv");

struct World {
    app: App,
    api: Api,
    _directory: TempDir,
}

fn code(text: &str) -> OdsCode {
    text.parse().unwrap()
}

impl World {
    async fn new() -> World {
        let directory = tempfile::tempdir().unwrap();
        let (kit, mut config) = crate::config::tests::defaults(directory.path());
        config.database = kit::testing::settings(crate::NAME).await;
        let database = crate::open(&config, &kit, Clock::fixed(NOW)).await.unwrap();
        let known = roles::roles().unwrap();
        let mappings = roles::leaf_mappings(&known).unwrap().held_back();
        let relay = kit::facts::Relay::new(crate::NAME, &database, &kit.nats);
        let app = App::new(database, Arc::new(known), Arc::new(mappings));
        let api = Api::new(app.clone(), directory.path().join("spool"), relay).await.unwrap();
        World { app, api, _directory: directory }
    }

    /// With the demonstration set, recorded as of the end of July 2025.
    async fn demonstration() -> World {
        let world = World::new().await;
        for (kind, text) in [
            ("organisations", ORGANISATIONS),
            ("lists", LISTS),
            ("staff", STAFF),
            ("pcn-workforce", RETURN),
        ] {
            world.bring(OPERATOR, kind, text, Some(JULY)).await.unwrap();
        }
        world
    }

    fn database(&self) -> &Database {
        self.app.database()
    }

    async fn bring(
        &self,
        grant: &str,
        kind: &str,
        file: impl AsRef<[u8]>,
        recorded_on: Option<Date>,
    ) -> Result<Applied, Vec<String>> {
        self.bring_for(grant, None, kind, file, recorded_on).await.unwrap()
    }

    async fn bring_for(
        &self,
        grant: &str,
        owner: Option<&str>,
        kind: &str,
        file: impl AsRef<[u8]>,
        recorded_on: Option<Date>,
    ) -> Result<Result<Applied, Vec<String>>, Error> {
        let mut spooled = tempfile::tempfile().unwrap();
        spooled.write_all(file.as_ref()).unwrap();
        spooled.rewind().unwrap();
        let clock = self.database().clock();
        let caller = Caller::for_test(&[grant], "workforce.imports.create");
        let read = self.database().read().await.unwrap();
        let scope = caller.scope(&*read, clock).await.unwrap();
        drop(read);
        let context = Context {
            kind: kind.to_owned(),
            owner: owner.map(code),
            scope,
            provenance: Provenance {
                known_from: recorded_on.map_or(NOW, |day| clock.start_of(day)),
                recorded_at: NOW,
                recorded_by: "test".to_owned(),
                import: Some(Uuid::now_v7()),
            },
            recorded_on: recorded_on.unwrap_or_else(|| clock.today()),
            validate_only: false,
        };
        let rows = self.api.read(kind, spooled).unwrap();
        let mut write = self.database().write().await.unwrap();
        context.scope.enter(&*write).await.unwrap();
        match self.api.write(&mut write, rows, &context).await? {
            Ok(applied) => {
                write.commit().await.unwrap();
                Ok(Ok(applied))
            }
            Err(problems) => {
                write.roll_back().await.unwrap();
                Ok(Err(problems.into_vec().into_iter().map(told).collect()))
            }
        }
    }

    async fn summary(
        &self,
        grant: &str,
        pcn: &str,
        month: &str,
        known_at: Option<Date>,
    ) -> Result<PcnWorkforce, Error> {
        let clock = self.database().clock();
        let mut cut = Cut::now(clock);
        if let Some(day) = known_at {
            cut.known_at = Some(day);
            cut.at = clock.end_of(day);
            cut.as_of = day;
        }
        let query = Query { pcn: code(pcn), month: month.parse().unwrap(), cut };
        let caller = Caller::for_test(&[grant], "workforce.summaries.read");
        self.app.summary(&caller, &query).await
    }

    async fn position(&self) -> i64 {
        let read = self.database().read().await.unwrap();
        kit::facts::position(&*read).await.unwrap()
    }
}

fn told(problem: Problem) -> String {
    let Problem { line, column, value, reason } = problem;
    format!("{line} {column}<{value}> {reason}")
}

fn micro(figures: &crate::domain::statistics::Figures) -> [i64; 4] {
    let (staff, services) = (figures.staff, figures.services);
    [staff.month_end, services.month_end, staff.average, services.average]
        .map(terms::Fraction::micro)
}
