//! Services on a PostgreSQL of their own that hold the staff of an England, and copies of what
//! workforce keeps.

use std::collections::{BTreeMap, BTreeSet};

use arrs_proto::workforce::v1 as pb;
use arrs_tests::cluster::{self, Cluster, Engine};
use arrs_tests::england::{Size, england};
use arrs_tests::postgres::{Postgres, execute};
use kit::client::Channel;
use sqlx::postgres::PgConnectOptions;
use terms::Date;
use tonic::Request;

const LIST_ENGAGEMENTS: &str = "/arrs.workforce.v1.EngagementService/ListEngagements";

/// Running services, of which workforce has the files of an England.
pub(super) struct Served {
    pub(super) cluster: Cluster,
    pub(super) postgres: Postgres,
    pub(super) pcns: BTreeSet<String>,
    roles: Vec<&'static str>,
}

impl Served {
    /// Starts processes of these roles, workforce first.
    pub(super) async fn start(
        roles: &[&'static str],
        settings: &[(&str, &str)],
        size: Size,
    ) -> Served {
        let postgres = Postgres::start();
        let cluster = Cluster::idle_on(&Engine::Postgres(postgres.clone()), settings).await;
        let england = england(17, size);
        let mut served = Served { cluster, postgres, pcns: BTreeSet::new(), roles: roles.to_vec() };
        served.start_all().await;
        let channel = served.workforce(&["operator@england"]);
        let recorded_on = Some(Date::constant(2025, 7, 31));
        for (kind, text) in [
            ("organisations", &england.organisations),
            ("lists", &england.lists),
            ("staff", &england.staff),
            ("pcn-workforce", &england.pcn_workforce),
        ] {
            let import = cluster::import(&channel, kind, text.as_bytes(), recorded_on).await;
            let import = import.expect("it is taken").into_inner();
            assert_eq!(import.error_count, 0, "{kind} is taken");
        }
        let mut staff = csv::Reader::from_reader(england.staff.as_bytes());
        for row in staff.deserialize::<BTreeMap<String, String>>() {
            served.pcns.insert(row.expect("a row")["pcn_code"].clone());
        }
        // What the server does by itself within minutes; a measurement must not meet it.
        execute(&served.cluster.database().url(), &["VACUUM ANALYZE".to_owned()]).await;
        served
    }

    async fn start_all(&mut self) {
        for role in &self.roles {
            self.cluster.start(role).await;
        }
    }

    /// A channel to workforce itself.
    pub(super) fn workforce(&self, grants: &[&str]) -> Channel {
        self.cluster.channel_to("workforce", &self.cluster.token(grants))
    }

    /// The engagements with hours in a PCN.
    pub(super) async fn engagements(&self, pcn: &str) -> Vec<pb::Engagement> {
        let channel = self.workforce(&[&manager(pcn)]);
        let request = pb::ListEngagementsRequest {
            parent: format!("pcns/{pcn}"),
            page_size: 1_000,
            ..Default::default()
        };
        let answer: pb::ListEngagementsResponse = channel
            .unary(LIST_ENGAGEMENTS, Request::new(request))
            .await
            .expect("the manager may")
            .into_inner();
        answer.engagements
    }

    /// Copies the database as it stands, blocks and statistics; the services stop meanwhile.
    pub(super) async fn copy(&mut self, names: &[&str]) {
        for role in self.roles.iter().rev() {
            self.cluster.terminate(role).await;
        }
        let original = self.cluster.database().name();
        let copy = |name: &&str| format!("CREATE DATABASE {name} TEMPLATE {original}");
        let copies: Vec<String> = names.iter().map(copy).collect();
        execute(self.postgres.url(), &copies).await;
        self.start_all().await;
    }

    /// The address of a copy, as whoever governs the instance.
    pub(super) fn url_of(&self, copy: &str) -> String {
        self.cluster.database().url().replace(&self.cluster.database().name(), copy)
    }

    /// How workforce reaches its schema in a copy, for bare connections.
    pub(super) fn bare(&self, copy: &str) -> PgConnectOptions {
        let url = self.cluster.setting("ARRS__WORKFORCE__DATABASE__URL");
        let options: PgConnectOptions = url.parse().expect("an address");
        options.database(copy).options([("search_path", "workforce")])
    }

    /// The name of the database itself.
    pub(super) fn database(&self) -> String {
        self.cluster.database().name()
    }
}

/// What the manager of a PCN may.
pub(super) fn manager(pcn: &str) -> String {
    format!("pcn-manager@pcn:{pcn}")
}
