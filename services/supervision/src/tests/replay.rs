use arrs_proto::supervision::v1::projection_service_client::ProjectionServiceClient;
use sea_orm::EntityTrait;

use super::*;

/// Every row of the roster.
async fn rows(database: &Database) -> Vec<String> {
    let read = database.read().await.unwrap();
    kit::Scope::england().enter(&*read).await.unwrap();
    let mut rows = Vec::new();
    macro_rules! take {
        ($($table:ident)*) => {
            $(for row in table::$table::Entity::find().all(&*read).await.unwrap() {
                rows.push(format!("{row:?}"));
            })*
        };
    }
    take!(organisation organisation_relation london_area list_size engagement assignment);
    rows.sort();
    rows
}

#[tokio::test(flavor = "multi_thread")]
async fn a_roster_that_is_followed_again_is_the_same_to_the_byte() {
    let mut suite = Suite::start().await;
    suite.import(OPERATOR, SESSIONS, Some("2025-07-31")).await;
    let before = suite.summary(OPERATOR, "U09081", "2025-07", None).await.unwrap();
    let told = suite.rows().await;
    suite.run().await;
    let mut client = ProjectionServiceClient::new(suite.channel(OPERATOR));
    for _ in 0..2 {
        let request = admin::ReplayProjectionRequest::default();
        let replayed = client.replay_projection(request).await.unwrap().into_inner();

        assert_eq!((replayed.producer.as_str(), replayed.position), ("workforce", suite.told));
        let after = suite.summary(OPERATOR, "U09081", "2025-07", None).await.unwrap();
        assert_eq!(after, before);
    }
    assert!(!told.is_empty());
    assert_eq!(suite.rows().await, told);
}

impl Suite {
    /// Every row of the roster as it stands when the service has ended.
    async fn rows(&mut self) -> Vec<String> {
        self.end().await;
        let database = crate::open(&self.config, &self.kit, clock()).await.unwrap();
        rows(&database).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_of_requirements_that_cannot_be_used_names_its_setting() {
    let mut suite = Suite::start().await;
    suite.end().await;
    suite.config.requirements_directory = "nowhere-at-all".into();
    let workforce = suite.workforce.clone();

    let refused = crate::start(&suite.config, &suite.kit, clock(), workforce).await.unwrap_err();

    let chain = kit::error::chain(&refused);
    assert!(chain.contains("supervision.requirements_directory cannot be used"), "{chain}");
    assert!(chain.contains("nowhere-at-all"), "{chain}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_leave_as_facts_and_only_those_that_changed_something() {
    use arrs_proto::event::v1::SessionRecorded;
    use arrs_proto::event::v1::stream_facts_response::Part;
    use arrs_proto::supervision::v1::fact_service_client::FactServiceClient;
    use prost::Message;

    let suite = Suite::start().await;
    let row =
        |minutes: u32| format!("{HEADER}s-1,demo-p-001,x,clinical,2025-07-10,{minutes},U09081\n");
    for minutes in [60, 60, 45] {
        suite.import(OPERATOR, row(minutes), None).await;
    }
    let mut client = FactServiceClient::new(suite.channel("icb-workforce@icb:QT6"));

    let answer = client.stream_facts(StreamFactsRequest { after: 0, follow: false }).await;

    let mut stream = answer.unwrap().into_inner();
    let mut told = Vec::new();
    while let Some(message) = stream.message().await.unwrap() {
        if let Some(Part::Fact(fact)) = message.part {
            let body = SessionRecorded::decode(&fact.body[..]).unwrap();
            assert_eq!((&fact.subject, body.pcn.as_str()), (&body.session, "organisations/U09081"));
            told.push((fact.position, body.session_minutes, body.session));
        }
    }
    let name = suite.sessions(OPERATOR, "U09081", None).await.unwrap().remove(0).name;
    assert_eq!(told, [(1, 60, name.clone()), (2, 45, name)]);
}
