//! Baselines agreed and amended, staff that practices pay for, and the lines these hold back.

use arrs_proto::finance::v1 as pb;
use arrs_proto::finance::v1::baseline_service_server::BaselineService;
use kit::ErrorReason;
use kit::error::reason_of;
use kit::wire;
use tonic::{Code, Status};
use uuid::Uuid;

use super::claims::{self, july};
use super::fixture::{Finance, PAY, PCN, called, day};
use crate::api::baselines::BaselineApi;
use crate::app::claim_moves::Doing;

const MANAGER: &str = "pcn-manager@pcn:U09081";
const COMMISSIONER: &str = "icb-finance@england";
const PHARMACISTS: &str = "pcns/U09081/baselines/CP";

fn agreed(wte_micro: i64, from: &str, etag: &str) -> pb::SetBaselineRequest {
    pb::SetBaselineRequest {
        name: PHARMACISTS.into(),
        wte_micro: Some(wte_micro),
        from_date: Some(wire::date(day(from))),
        agreed_by: "the ICB and the PCN".into(),
        reference: "letter of 1 July 2019".into(),
        etag: etag.into(),
        request_id: Uuid::new_v4().to_string(),
        validate_only: false,
    }
}

fn funded(wte_micro: i64, from: &str, etag: &str) -> pb::SetPracticeFundedRequest {
    pb::SetPracticeFundedRequest {
        name: PHARMACISTS.into(),
        wte_micro: Some(wte_micro),
        from_date: Some(wire::date(day(from))),
        etag: etag.into(),
        request_id: Uuid::new_v4().to_string(),
        validate_only: false,
    }
}

impl Finance {
    fn baselines(&self) -> BaselineApi {
        BaselineApi { app: self.app.clone() }
    }

    async fn agree(&self, message: &pb::SetBaselineRequest) -> Result<pb::Baseline, Status> {
        let request = called(message.clone(), COMMISSIONER, "finance.baselines.agree");
        self.baselines().set_baseline(request).await.map(tonic::Response::into_inner)
    }

    async fn fund(
        &self,
        grant: &str,
        message: &pb::SetPracticeFundedRequest,
    ) -> Result<pb::Baseline, Status> {
        let request = called(message.clone(), grant, "finance.baselines.record");
        self.baselines().set_practice_funded(request).await.map(tonic::Response::into_inner)
    }

    async fn baseline(&self, grant: &str, name: &str) -> Result<pb::Baseline, Status> {
        let request = pb::GetBaselineRequest { name: name.into(), known_at_date: None };
        let request = called(request, grant, "finance.baselines.read");
        self.baselines().get_baseline(request).await.map(tonic::Response::into_inner)
    }

    /// A baseline of one pharmacist, whom practices ceased to pay for on 1 January 2025.
    async fn vacant(&self) -> pb::Baseline {
        let etag = self.agree(&agreed(1_000_000, "2019-03-31", "\"0\"")).await.unwrap().etag;
        let etag = self.fund(MANAGER, &funded(1_000_000, "2019-03-31", &etag)).await.unwrap().etag;
        self.fund(MANAGER, &funded(0, "2025-01-01", &etag)).await.unwrap()
    }
}

fn told<'a>(money: &'a pb::PcnMoney, reference: &str) -> (&'a str, &'a str, Option<i64>) {
    let line = money.lines.iter().find(|line| line.reference == reference).unwrap();
    let step = line.steps.iter().find(|step| step.code.starts_with("BASELINE")).unwrap();
    (&step.code, &step.text, line.payable_pence)
}

#[tokio::test]
async fn a_baseline_is_agreed_and_amended_and_practices_staff_recorded_beside_it() {
    let finance = Finance::with_roster().await;

    let empty = finance.baseline(MANAGER, PHARMACISTS).await.unwrap();
    assert_eq!((empty.agreed.len(), empty.etag.as_str()), (0, "\"0\""));
    let (_, before) = finance.written().await;
    let vacant = finance.vacant().await;
    let amended = finance.agree(&agreed(500_000, "2026-01-01", &vacant.etag)).await.unwrap();

    let wte: Vec<i64> = amended.agreed.iter().map(|agreed| agreed.wte_micro).collect();
    assert_eq!(wte, [1_000_000, 500_000]);
    assert_eq!(amended.agreed[0].agreed_by, "the ICB and the PCN");
    let wte: Vec<i64> = amended.practice_funded.iter().map(|funded| funded.wte_micro).collect();
    assert_eq!(wte, [1_000_000, 0]);
    assert_eq!(finance.baseline(MANAGER, PHARMACISTS).await.unwrap(), amended);
    assert_eq!(finance.written().await.1, before + 4, "each is told as a fact");

    let parent = format!("pcns/{PCN}");
    let request = pb::ListBaselinesRequest { parent, known_at_date: None };
    let request = called(request, MANAGER, "finance.baselines.read");
    let all = finance.baselines().list_baselines(request).await.unwrap().into_inner();
    assert_eq!(all.baselines, [amended]);
}

#[tokio::test]
async fn a_repeat_changes_nothing_and_an_old_version_is_refused() {
    let finance = Finance::with_roster().await;
    let message = agreed(1_000_000, "2019-03-31", "\"0\"");
    let first = finance.agree(&message).await.unwrap();
    let written = finance.written().await;

    assert_eq!(finance.agree(&message).await.unwrap(), first);
    let other = pb::SetBaselineRequest { wte_micro: Some(2_000_000), ..message };
    let reused = finance.agree(&other).await.unwrap_err();
    assert_eq!(reason_of(&reused), Some(ErrorReason::RequestIdReused));
    let stale = finance.agree(&agreed(2_000_000, "2019-03-31", "\"0\"")).await.unwrap_err();
    assert_eq!(reason_of(&stale), Some(ErrorReason::EtagMismatch));
    let stale = finance.fund(MANAGER, &funded(0, "2019-03-31", "\"0\"")).await.unwrap_err();
    assert_eq!(reason_of(&stale), Some(ErrorReason::EtagMismatch));
    let checked = agreed(3_000_000, "2019-03-31", &first.etag);
    let checked = pb::SetBaselineRequest { validate_only: true, ..checked };
    assert_eq!(finance.agree(&checked).await.unwrap().agreed[0].wte_micro, 3_000_000);

    assert_eq!(finance.written().await, written);
    assert_eq!(finance.baseline(MANAGER, PHARMACISTS).await.unwrap(), first);
}

#[tokio::test]
async fn what_is_wrong_with_a_baseline_is_said_field_by_field() {
    let finance = Finance::with_roster().await;
    let wrong = pb::SetBaselineRequest {
        name: "pcns/U09081".into(),
        wte_micro: Some(-1),
        request_id: "1".into(),
        ..Default::default()
    };
    let message = finance.agree(&wrong).await.unwrap_err();
    assert_eq!(message.code(), Code::InvalidArgument);
    for field in ["name", "wte_micro", "from_date", "agreed_by", "reference", "etag", "request_id"]
    {
        assert!(message.message().contains(field), "{field}: {message:?}");
    }
    let coach = pb::SetBaselineRequest {
        name: "pcns/U09081/baselines/HWBC".into(),
        ..agreed(1, "2019-03-31", "\"0\"")
    };
    let early = agreed(1, "2019-03-30", "\"0\"");
    for (message, field) in [(&coach, "name"), (&early, "from_date")] {
        let refused = finance.agree(message).await.unwrap_err();
        assert_eq!(reason_of(&refused), Some(ErrorReason::FieldInvalid));
        assert!(refused.message().contains(field), "{refused:?}");
    }
    let to_come = finance.fund(MANAGER, &funded(0, "2026-07-16", "\"0\"")).await.unwrap_err();
    assert!(to_come.message().contains("from_date"), "{to_come:?}");
}

#[tokio::test]
async fn another_pcns_baseline_is_neither_seen_nor_changed() {
    let finance = Finance::with_roster().await;
    finance.vacant().await;
    let other = "pcn-manager@pcn:U31970";

    let seen = finance.baseline(other, PHARMACISTS).await.unwrap_err();
    let changed = finance.fund(other, &funded(0, "2025-01-01", "\"3\"")).await.unwrap_err();
    let absent = finance.baseline(MANAGER, "pcns/U99999/baselines/CP").await.unwrap_err();

    for refused in [seen, changed, absent] {
        assert_eq!(reason_of(&refused), Some(ErrorReason::NotPermitted), "{refused:?}");
    }
}

#[tokio::test]
async fn a_manager_reads_what_an_old_vacancy_holds_back() {
    let finance = Finance::with_roster().await;
    finance.import(PAY).await.unwrap();
    let before = finance.summary(MANAGER, PCN, None, None).await.unwrap();
    assert_eq!(
        told(&before, "demo-e-001"),
        (
            "BASELINE_NOT_RECORDED",
            "The baseline of Clinical pharmacist is not recorded, so it is not known whether it \
             has a vacancy. Nothing was held back.",
            Some(573_318)
        )
    );

    finance.vacant().await;
    let money = finance.summary(MANAGER, PCN, None, None).await.unwrap();

    let of = "Practices pay for 0 of a baseline of 1 WTE of Clinical pharmacist. Vacancies older \
              than three months hold back 1 WTE in the month:";
    // In post since 14 July: all of 18/31.
    let (_, text, payable) = told(&money, "demo-e-003");
    assert_eq!(payable, Some(0));
    assert!(
        text.starts_with(&format!(
            "{of} 0 of people who started later, 0.5806 of the 0.5806 WTE of this line"
        )),
        "{text}"
    );
    // In post since 2023: the other 13/31 of 5,733.18 are 2,404.24.
    assert_eq!(
        told(&money, "demo-e-001"),
        (
            "BASELINE",
            &format!(
                "{of} 0.5806 of people who started later, 0.4194 of the 1 WTE of this line, so \
                 £3,328.94 of £5,733.18 is left."
            )[..],
            Some(332_894)
        )
    );
    let (_, text, _) = told(&money, "demo-e-002");
    assert_eq!(text, format!("{of} 1 of people who started later, none of this line."));
    assert_eq!(
        told(&money, "demo-e-006").1,
        "The role Health and wellbeing coach has no baseline."
    );
}

#[tokio::test]
async fn a_claim_keeps_the_baseline_it_was_built_with() {
    let finance = Finance::with_roster().await;
    finance.import(PAY).await.unwrap();
    let vacant = finance.vacant().await;
    let built = finance.act(claims::MANAGER, &july(), Doing::Prepare).await.unwrap();

    finance.fund(MANAGER, &funded(1_000_000, "2025-01-01", &vacant.etag)).await.unwrap();

    let caller = kit::Caller::for_test(&["auditor@england"], "finance.claims.read");
    let verified = finance.app.verify_claim(&caller, &july()).await.unwrap();
    assert_eq!(verified.result_digest, verified.basis.result_digest);
    assert_eq!(verified.differing, []);
    let filled = finance.summary(MANAGER, PCN, None, None).await.unwrap();
    assert!(filled.payable_pence > built.claim.payable().0);
}
