//! What the cap of a role does to the lines of a PCN, in the words in which it is told.

use arrs_proto::finance::v1 as pb;

use super::fixture::{Finance, PCN, list, numbered};

const MANAGER: &str = "pcn-manager@pcn:U09081";
const PAY: &str = "engagement_id,month,salary,employer_ni,employer_pension,fees,paid_on
demo-e-901,2024-07,1000.00,0,0,,2024-07-28
demo-e-902,2024-07,1000.00,0,0,,2024-07-28
demo-e-903,2024-07,1000.00,0,0,,2024-07-28
";

/// Finance with two enhanced practice nurses at 0.6 WTE and a pharmacist.
async fn three() -> Finance {
    let finance = Finance::with_roster().await;
    for (number, role, start) in
        [(901, "EPN", "2024-04-01"), (902, "EPN", "2024-05-01"), (903, "CP", "2024-04-01")]
    {
        let cells = [("pcn_code", PCN), ("role", role), ("start", start), ("end", "")];
        let hours = [("weekly_hours", "22.5"), ("full_time_hours", "37.5"), ("band", "")];
        finance.know(numbered(number, &[&cells[..], &hours[..]].concat())).await;
    }
    finance.import(PAY).await.unwrap();
    finance
}

async fn july(finance: &Finance) -> pb::PcnMoney {
    finance.summary_of(MANAGER, PCN, "2024-07").await.unwrap()
}

/// The code and text of step 8 of a line.
fn told<'a>(money: &'a pb::PcnMoney, reference: &str) -> (&'a str, &'a str) {
    let line = money.lines.iter().find(|line| line.reference == reference).unwrap();
    let step = line.steps.iter().find(|step| step.code.starts_with("CAP")).unwrap();
    (&step.code, &step.text)
}

#[tokio::test]
async fn a_manager_reads_who_uses_a_cap_and_what_that_leaves() {
    let finance = three().await;
    finance.know(vec![list(PCN, "2024-01-01", 99_999)]).await;

    let money = july(&finance).await;

    assert_eq!(
        told(&money, "demo-e-901"),
        (
            "CAP",
            "The PCN may claim for 1 WTE of Enhanced practice nurse, of which people longer in \
             post use 0: the 0.6 WTE of this line fit."
        )
    );
    assert_eq!(
        told(&money, "demo-e-902"),
        (
            "CAP",
            "The PCN may claim for 1 WTE of Enhanced practice nurse, of which people longer in \
             post use 0.6: 0.4 of the 0.6 WTE of this line fit, so £666.67 of £1,000.00 is payable."
        )
    );
    assert_eq!(
        told(&money, "demo-e-903"),
        ("CAP", "No source prints a cap of Clinical pharmacist for 2024-07, so none applies.")
    );
    let cut = money.lines.iter().find(|line| line.reference == "demo-e-902").unwrap();
    assert_eq!(cut.payable_pence, Some(66_667));
    let step = cut.steps.iter().find(|step| step.code == "CAP").unwrap();
    assert_eq!(step.policies, ["cap_order = longest_in_post_first"]);
    assert_eq!(step.confidence, "CONFIRMED");
}

#[tokio::test]
async fn a_manager_reads_which_list_is_missing_where_the_cap_depends_on_it() {
    let finance = three().await;

    let money = july(&finance).await;

    assert_eq!(
        told(&money, "demo-e-902"),
        (
            "CAP_UNKNOWN",
            "The cap of Enhanced practice nurse in 2024-07 depends on the PCN's registered list \
             of 2024-01-01, which is not recorded. Nothing was cut; what is payable may be too \
             much."
        )
    );
    assert_eq!(money.payable_pence, 300_000);
}
