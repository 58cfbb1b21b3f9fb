//! Summaries of a PCN, of many, and the members of groups.

use std::fmt::Debug;

use arrs_proto::finance::v1 as finance;
use arrs_proto::google::r#type::Date as WireDate;
use arrs_proto::summary::v1::{
    GetPcnSummaryRequest, ListMembersRequest, ListMembersResponse, StreamHeader,
    StreamPcnSummariesRequest, StreamTrailer,
};
use arrs_proto::supervision::v1 as supervision;
use arrs_proto::workforce::v1 as workforce;
use arrs_tests::cluster::Cluster;
use kit::Clock;
use kit::client::Channel;
use kit::error::ErrorReason;
use kit::wire::date;
use prost::Message;
use tonic::{Code, Response, Status};

use super::MANAGER;
use crate::demo_set::{MONTH, OPERATOR, PCN, bring_in, call, collect, denied, invalid, refused};

const WORKFORCE_SUMMARY: &str = "/arrs.workforce.v1.WorkforceSummaryService/GetPcnSummary";
const FINANCE_SUMMARY: &str = "/arrs.finance.v1.FinanceSummaryService/GetPcnSummary";
const SUPERVISION_SUMMARY: &str = "/arrs.supervision.v1.SupervisionSummaryService/GetPcnSummary";
const WORKFORCE_STREAM: &str = "/arrs.workforce.v1.WorkforceSummaryService/StreamPcnSummaries";
const FINANCE_STREAM: &str = "/arrs.finance.v1.FinanceSummaryService/StreamPcnSummaries";
const SUPERVISION_STREAM: &str =
    "/arrs.supervision.v1.SupervisionSummaryService/StreamPcnSummaries";
const LIST_MEMBERS: [&str; 3] = [
    "/arrs.workforce.v1.WorkforceSummaryService/ListMembers",
    "/arrs.finance.v1.FinanceSummaryService/ListMembers",
    "/arrs.supervision.v1.SupervisionSummaryService/ListMembers",
];

fn summary(name: &str) -> GetPcnSummaryRequest {
    GetPcnSummaryRequest {
        name: name.to_owned(),
        month: MONTH.to_owned(),
        rules_known_on_date: None,
        known_at_date: None,
    }
}

/// What the three summaries share, checked alike.
struct Summaries<'a, S, M> {
    cluster: &'a Cluster,
    get: &'static str,
    stream: &'static str,
    name: fn(&S) -> &str,
    part: fn(M) -> SummaryPart<S>,
}

enum SummaryPart<S> {
    Header(StreamHeader),
    Summary(S),
    Trailer(StreamTrailer),
}

impl<S, M> Summaries<'_, S, M>
where
    S: Message + Default + Debug + PartialEq + Send + Sync + 'static,
    M: Message + Default + Send + Sync + 'static,
{
    async fn check(&self) {
        let operator = self.cluster.channel(&[OPERATOR]);
        let manager = self.cluster.channel(&[MANAGER]);
        let here: S = call(&operator, self.get, summary(PCN)).await.unwrap().into_inner();
        let other: S =
            call(&operator, self.get, summary("pcns/U62043")).await.unwrap().into_inner();
        assert_eq!(((self.name)(&here), (self.name)(&other)), (PCN, "pcns/U62043"));
        let mine: Result<Response<S>, _> = call(&manager, self.get, summary(PCN)).await;
        assert_eq!((self.name)(mine.unwrap().get_ref()), PCN);
        let hidden = denied(self.ask(&manager, summary("pcns/U62043")).await);
        let absent = denied(self.ask(&manager, summary("pcns/U99999")).await);
        assert_eq!(hidden.message().replace("U62043", "U99999"), absent.message());
        denied(self.ask(&operator, summary("pcns/U99999")).await);
        denied(self.ask(&operator, summary("pcns/QT6")).await);
        let wrong = GetPcnSummaryRequest {
            name: "U09081".to_owned(),
            month: "2025-00".to_owned(),
            rules_known_on_date: Some(WireDate { year: 2025, month: 2, day: 30 }),
            known_at_date: Some(WireDate { year: 2025, month: 2, day: 30 }),
        };
        let all = ["name", "month", "rules_known_on_date", "known_at_date"];
        invalid(self.ask(&operator, wrong).await, &all);
        let today = date(Clock::system().today());
        let today = GetPcnSummaryRequest { known_at_date: Some(today), ..summary(PCN) };
        let today = self.ask(&operator, today).await;
        refused(today, Code::FailedPrecondition, ErrorReason::KnownAtNotOver);

        // Twice asked, out of order, with strangers among them.
        let names = ["pcns/U62043", "pcns/U99999", PCN, "pcns/U62043", "pcns/QT6"];
        let (header, rows, trailer) = self.streamed(&operator, &names).await.unwrap();
        assert_eq!((header.member_count, trailer.row_count, trailer.hidden_count), (2, 2, 2));
        assert!(!header.cut.unwrap().positions.is_empty());
        assert_eq!(rows, [here, other]);
        let (header, rows, trailer) = self.streamed(&manager, &names).await.unwrap();
        assert_eq!((header.member_count, trailer.row_count, trailer.hidden_count), (1, 1, 3));
        assert_eq!(rows.iter().map(self.name).collect::<Vec<_>>(), [PCN]);
        let wrong = self.streamed(&operator, &["pcns/U09081", "U1", "organisations/U1"]).await;
        invalid(wrong, &["names[1]", "names[2]"]);
        invalid(self.streamed(&operator, &[]).await, &["names"]);
        let many = vec![PCN; 2_001];
        invalid(self.streamed(&operator, &many).await, &["names"]);
    }

    async fn ask(
        &self,
        channel: &Channel,
        request: GetPcnSummaryRequest,
    ) -> Result<Response<S>, Status> {
        call(channel, self.get, request).await
    }

    async fn streamed(
        &self,
        channel: &Channel,
        names: &[&str],
    ) -> Result<(StreamHeader, Vec<S>, StreamTrailer), Status> {
        let request = StreamPcnSummariesRequest {
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            month: MONTH.to_owned(),
            rules_known_on_date: None,
            known_at_date: None,
        };
        let part = |message: M| Some((self.part)(message));
        let mut parts = collect(channel, self.stream, request, part).await?;
        let Some(SummaryPart::Trailer(trailer)) = parts.pop() else { panic!("it was cut") };
        let mut parts = parts.into_iter();
        let Some(SummaryPart::Header(header)) = parts.next() else { panic!("a header is first") };
        let rows = parts.map(|part| match part {
            SummaryPart::Summary(summary) => summary,
            SummaryPart::Header(_) | SummaryPart::Trailer(_) => panic!("rows are in between"),
        });
        Ok((header, rows.collect(), trailer))
    }
}

macro_rules! part_of {
    ($area:ident) => {
        |message: $area::StreamPcnSummariesResponse| {
            use $area::stream_pcn_summaries_response::Part;
            match message.part.expect("a message of a stream has a part") {
                Part::Header(header) => SummaryPart::Header(header),
                Part::Summary(summary) => SummaryPart::Summary(summary),
                Part::Trailer(trailer) => SummaryPart::Trailer(trailer),
            }
        }
    };
}

#[tokio::test(flavor = "multi_thread")]
async fn each_service_sums_up_a_pcn_and_streams_many() {
    let cluster = Cluster::one().await;
    bring_in(&cluster).await;

    let of_workforce = Summaries {
        cluster: &cluster,
        get: WORKFORCE_SUMMARY,
        stream: WORKFORCE_STREAM,
        name: |summary: &workforce::PcnWorkforce| &summary.name,
        part: part_of!(workforce),
    };
    of_workforce.check().await;
    let of_finance = Summaries {
        cluster: &cluster,
        get: FINANCE_SUMMARY,
        stream: FINANCE_STREAM,
        name: |summary: &finance::PcnMoney| &summary.name,
        part: part_of!(finance),
    };
    of_finance.check().await;
    let of_supervision = Summaries {
        cluster: &cluster,
        get: SUPERVISION_SUMMARY,
        stream: SUPERVISION_STREAM,
        name: |summary: &supervision::PcnSupervision| &summary.name,
        part: part_of!(supervision),
    };
    of_supervision.check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_service_tells_the_members_of_a_group() {
    let cluster = Cluster::one().await;
    bring_in(&cluster).await;
    let operator = cluster.channel(&[OPERATOR]);
    let icb = cluster.channel(&["auditor@icb:QT6"]);
    let federation = cluster.channel(&["federation-manager@federation:DEMOFED01"]);
    let all = ["pcns/U09081", "pcns/U31970", "pcns/U60113", "pcns/U62043"];

    for path in LIST_MEMBERS {
        let ask = async |channel: &Channel, parent: &str, month: &str| {
            let request = ListMembersRequest {
                parent: format!("organisations/{parent}"),
                month: month.to_owned(),
                known_at_date: None,
            };
            call::<_, ListMembersResponse>(channel, path, request).await
        };
        for (channel, parent, month, members, hidden) in [
            (&operator, "ENGLAND", MONTH, &all[..], 0),
            (&icb, "QT6", MONTH, &all[..], 0),
            (&icb, "11N", MONTH, &all[..], 0),
            (&icb, "DEMOFED01", MONTH, &all[..2], 0),
            (&icb, "U60113", MONTH, &all[2..3], 0),
            (&federation, "QT6", MONTH, &all[..2], 2),
            (&operator, "DEMOFED01", "2024-04", &all[..2], 0),
        ] {
            let answer = ask(channel, parent, month).await.unwrap().into_inner();
            assert_eq!(answer.names, members, "{path} {parent} {month}");
            assert_eq!(answer.hidden_count, hidden, "{path} {parent} {month}");
        }
        // Members are those of the month's last day.
        denied(ask(&operator, "DEMOFED01", "2024-03").await);
        denied(ask(&federation, "U62043", MONTH).await);
        denied(ask(&operator, "U99999", MONTH).await);
        invalid(ask(&operator, "u", "2025").await, &["parent", "month"]);
    }
}
