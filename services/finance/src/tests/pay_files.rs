//! Files of pay: what is taken, what is refused, and what is said of it.

use kit::imports::Applied;
use kit::table::Problem;

use super::fixture::{Finance, PAY, PCN, ended_relation, namesake};

const HEADER: &str = "engagement_id,month,salary,employer_ni,employer_pension,fees,paid_on\n";
const MANAGER: &str = "pcn-manager@pcn:U09081";

#[tokio::test]
async fn the_same_file_again_changes_nothing_and_tells_nothing() {
    let finance = Finance::with_roster().await;

    let first = finance.import(PAY).await.unwrap();
    let written = finance.written().await;
    let second = finance.import(PAY).await.unwrap();

    assert_eq!((first.rows, first.added, first.corrected, first.unchanged), (78, 78, 0, 0));
    assert_eq!((second.rows, second.added, second.corrected, second.unchanged), (78, 0, 0, 78));
    assert_eq!(written, (78, 78));
    assert_eq!(finance.written().await, written);
    assert_eq!((first.notes, second.notes), (vec![], vec![]));
}

#[tokio::test]
async fn a_bad_row_is_named_with_its_column_and_nothing_is_written() {
    let finance = Finance::with_roster().await;
    let good = "demo-e-001,2025-07,4479.58,609.44,644.16,,2025-07-28\n";
    for (row, column, value, reason) in [
        ("demo-e-999,2025-07,1,1,1,,", "engagement_id", "demo-e-999", "must be an engagement"),
        (",2025-07,1,1,1,,", "engagement_id", "", "must be given"),
        ("demo-e-002,2025-7,1,1,1,,", "month", "2025-7", "must be a month"),
        ("demo-e-002,2025-08,1,1,1,,", "month", "2025-08", "must not be after 2025-07"),
        ("demo-e-003,2025-06,1,1,1,,", "month", "2025-06", "no day in post"),
        ("demo-e-002,2025-07,-1,0,0,,", "salary", "-1", "add up to -£1.00, below zero"),
        ("demo-e-002,2025-07,5,0,-6.5,,", "employer_pension", "-6.5", "below zero"),
        ("demo-e-002,2025-07,1.234,1,1,,", "salary", "1.234", "at most two decimals"),
        ("demo-e-002,2025-07,£100,1,1,,", "salary", "£100", "at most two decimals"),
        ("demo-e-002,2025-07,\"1,000\",1,1,,", "salary", "1,000", "at most two decimals"),
        ("demo-e-002,2025-07,1e3,1,1,,", "salary", "1e3", "at most two decimals"),
        ("demo-e-002,2025-07,,1,1,,", "salary", "", "must be given"),
        ("demo-e-002,2025-07,1,,1,,", "employer_ni", "", "must be given"),
        ("demo-e-002,2025-07,1,1,,,", "employer_pension", "", "must be given"),
        ("demo-e-002,2025-07,1,1,1,x,", "fees", "x", "at most two decimals"),
        ("demo-e-002,2025-07,1,1,1,,28/07/2025", "paid_on", "28/07/2025", "must be a date"),
        ("demo-e-002,2025-07,1,1,1,,2025-02-30", "paid_on", "2025-02-30", "must be a date"),
        ("demo-e-002,2025-07,10000000.01,1,1,,", "salary", "10000000.01", "10 million"),
        (
            "demo-e-002,2025-07,92233720368547758.07,92233720368547758.07,1,,",
            "salary",
            "",
            "10 million",
        ),
    ] {
        let problems = finance.import(&format!("{HEADER}{good}{row}\n")).await.unwrap_err();

        let [problem] = problems.as_slice() else { panic!("{row}: {problems:?}") };
        assert_eq!((problem.line, problem.column.as_str()), (3, column), "{row}");
        assert!(problem.value.starts_with(value), "{row}: {problem:?}");
        assert!(problem.reason.contains(reason), "{row}: {problem:?}");
        assert_eq!(finance.written().await, (0, 0), "{row}");
    }
}

#[tokio::test]
async fn a_key_twice_is_an_error_on_both_lines_and_everything_wrong_is_said_at_once() {
    let finance = Finance::with_roster().await;
    let file = format!(
        "{HEADER}demo-e-001,2025-07,1,1,1,,2025-07-28\n\
         demo-e-001,2025-07,2,1,1,,2025-07-28\n\
         demo-e-001,2025-07,2,1,1,,2025-07-31\n\
         nobody,2025-07,1,1,1,,\n"
    );

    let problems = finance.import(&file).await.unwrap_err();

    let said: Vec<(u32, &str)> =
        problems.iter().map(|problem| (problem.line, problem.reason.as_str())).collect();
    assert_eq!(said.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [2, 3, 5]);
    assert_eq!(said[0].1, "line 3 has the same engagement_id, month and paid_on");
    assert_eq!(said[1].1, "line 2 has the same engagement_id, month and paid_on");
    assert_eq!(finance.written().await, (0, 0));
}

#[tokio::test]
async fn a_wrong_header_is_refused_by_the_name_of_the_column() {
    let finance = Finance::with_roster().await;
    for (header, reason) in [
        ("engagement_id,month,salary,employer_ni,employer_pension,bonus", "bonus"),
        ("engagement_id,month,salary,employer_ni", "employer_pension"),
    ] {
        let problems = finance.import(&format!("{header}\n")).await.unwrap_err();
        let said = |problem: &Problem| format!("{} {}", problem.value, problem.reason);
        let told: Vec<String> = problems.iter().map(said).collect();
        let named = |problem: &Problem| problem.column.contains(reason);
        assert!(
            told.iter().any(|told| told.contains(reason)) || problems.iter().any(named),
            "{problems:?}"
        );
    }
}

#[tokio::test]
async fn a_recovery_is_taken_while_the_month_stays_at_or_above_zero() {
    let finance = Finance::with_roster().await;
    finance.import(&format!("{HEADER}demo-e-001,2025-07,100,0,0,,2025-07-28\n")).await.unwrap();

    let whole = format!("{HEADER}demo-e-001,2025-07,-100,0,0,,2025-07-31\n");
    finance.import(&whole).await.unwrap();
    let more = format!("{HEADER}demo-e-001,2025-07,-0.01,0,0,,2025-07-30\n");
    let problems = finance.import(&more).await.unwrap_err();
    assert!(problems[0].reason.contains("-£0.01, below zero"), "{problems:?}");

    // A correction of the row that was recovered from counts as well.
    let less = format!("{HEADER}demo-e-001,2025-07,99,0,0,,2025-07-28\n");
    let problems = finance.import(&less).await.unwrap_err();
    assert_eq!((problems[0].line, problems[0].column.as_str()), (2, "salary"));
    assert_eq!(finance.written().await, (2, 2));
}

#[tokio::test]
async fn a_correction_names_old_and_new_and_an_empty_fee_leaves_the_known_one() {
    let finance = Finance::with_roster().await;
    finance.import(&format!("{HEADER}demo-e-010,2025-07,100,10,5,250,2025-07-28\n")).await.unwrap();

    let file = format!("{HEADER}demo-e-010,2025-07,120.5,10,5,,2025-07-28\n");
    let kept = finance.import_as("operator@england", None, "2026-07-01", &file).await.unwrap();
    let file = format!("{HEADER}demo-e-010,2025-07,120.5,10,5,0,2025-07-28\n");
    let taken = finance.import_as("operator@england", None, "2026-07-02", &file).await.unwrap();

    assert_eq!(kept.corrected, 1);
    assert_eq!(kept.notes, ["line 2: demo-e-010 2025-07: salary 100.00 -> 120.50"]);
    assert_eq!(taken.notes, ["line 2: demo-e-010 2025-07: fees 250.00 -> 0.00"]);
}

#[tokio::test]
async fn late_pay_and_pay_that_counts_twice_are_noted() {
    let finance = Finance::with_roster().await;
    let unpaid = format!("{HEADER}demo-e-001,2025-07,100,0,0,,\n");
    finance.import(&unpaid).await.unwrap();

    let file = format!(
        "{HEADER}demo-e-001,2025-07,100,0,0,,2025-07-28\ndemo-e-011,2025-08,50,0,0,,2025-08-28\n"
    );
    let applied = finance.import_as("operator@england", None, "2025-09-01", &file).await.unwrap();

    assert_eq!(applied.added, 2);
    assert_eq!(
        applied.notes[0],
        "line 2: demo-e-001 2025-07 also has £100.00 without paid_on; both count. Send that row \
         with zeros if this one replaces it"
    );
    assert_eq!(
        applied.notes[1],
        "line 3: demo-e-011 has no day in post in 2025-08; its pay counts towards 2025-07"
    );
}

#[tokio::test]
async fn another_day_of_payment_is_noted_until_the_row_it_replaces_is_of_nothing() {
    let finance = Finance::with_roster().await;
    let england = "operator@england";
    let row = |salary: &str, day: &str| format!("demo-e-001,2025-07,{salary},0,0,,{day}\n");
    let send = async |recorded_on: &str, rows: &str| {
        let file = format!("{HEADER}{rows}");
        finance.import_as(england, None, recorded_on, &file).await.unwrap().notes
    };
    finance.import(&format!("{HEADER}{}", row("2600", "2025-07-28"))).await.unwrap();

    let other = send("2026-07-01", &row("2600", "2025-07-31")).await;
    let resolved = send("2026-07-02", &row("0", "2025-07-28")).await;
    // Both days in one file are two pay runs that their sender knows of.
    let runs = send("2026-07-03", &(row("1", "2025-07-29") + &row("2", "2025-07-31"))).await;
    let back = send("2026-07-04", &row("2600", "2025-07-28")).await;

    assert_eq!(
        other,
        ["line 2: demo-e-001 2025-07 also has £2,600.00 paid 2025-07-28; both count. Send that \
          row with zeros if this one replaces it"]
    );
    assert_eq!(resolved, ["line 2: demo-e-001 2025-07: salary 2600.00 -> 0.00"]);
    assert_eq!(runs, ["line 3: demo-e-001 2025-07: salary 2600.00 -> 2.00"]);
    assert_eq!(
        back[1],
        "line 2: demo-e-001 2025-07 also has £1.00 paid 2025-07-29, £2.00 paid 2025-07-31; all of \
         them count. Send those rows with zeros if this one replaces them"
    );
}

#[tokio::test]
async fn bad_cells_do_not_hide_what_is_wrong_with_other_rows() {
    let finance = Finance::with_roster().await;
    let file = format!(
        "{HEADER}demo-e-001,2025-07,many,1,1,,2025-07-28\n\
         demo-e-002,2025-07,1,1,1,,2025-07-28\n\
         nobody,2025-07,1,1,1,,\n\
         demo-e-002,2025-07,99999999,1,1,,2025-07-28\n"
    );

    let problems = finance.import(&file).await.unwrap_err();

    let said: Vec<(u32, &str, &str)> =
        problems.iter().map(|one| (one.line, one.column.as_str(), one.value.as_str())).collect();
    assert_eq!(
        said,
        [
            (2, "salary", "many"),
            (3, "engagement_id", "demo-e-002"),
            (4, "engagement_id", "nobody"),
            (5, "salary", "99999999"),
            (5, "engagement_id", "demo-e-002"),
        ]
    );
    let below = format!("{HEADER}demo-e-002,2025-07,-1,0,0.0,,\n");
    let problems = finance.import(&below).await.unwrap_err();
    assert_eq!(problems[0].value, "-1", "as it stands in the file");
    assert_eq!(finance.written().await, (0, 0));
}

#[tokio::test]
async fn a_federation_and_a_former_group_change_no_pay_of_a_pcn() {
    let finance = Finance::with_roster().await;
    finance.import(PAY).await.unwrap();
    let written = finance.written().await;
    let sub_icb = "pcn-manager@sub-icb:11N";
    let own = format!("{HEADER}demo-e-001,2025-07,1,1,1,,2025-07-28\n");
    let federation = "federation-manager@federation:DEMOFED01";

    let of_federation = finance.import_as(federation, None, "2026-07-01", &own).await;
    let left = ended_relation(PCN, "part-of", "11N", "2019-10-01", "2026-03-31");
    finance.know(vec![left]).await;
    let of_former = finance.import_as(sub_icb, None, "2026-07-01", &own).await;

    for refused in [of_federation, of_former] {
        let problems = refused.unwrap_err();
        assert!(problems[0].reason.contains("whose record you keep"), "{problems:?}");
    }
    assert_eq!(finance.written().await, written);
    // The federation's own records are its own.
    let of_federation = format!("{HEADER}demo-e-007,2025-07,1,1,1,,2025-07-28\n");
    finance.import_as(federation, None, "2026-07-01", &of_federation).await.unwrap();
}

#[tokio::test]
async fn only_the_owner_records_pay_and_what_is_not_visible_is_not_known() {
    let finance = Finance::with_roster().await;
    let row = |reference: &str| format!("{HEADER}{reference},2025-07,1,1,1,,\n");
    let july = "2025-07-31";

    finance.import_as(MANAGER, None, july, &row("demo-e-001")).await.unwrap();
    let of_federation = finance.import_as(MANAGER, None, july, &row("demo-e-007")).await;
    let elsewhere = finance.import_as(MANAGER, None, july, &row("demo-e-201")).await;
    let nobody = finance.import_as(MANAGER, None, july, &row("demo-e-999")).await;

    let reason = |refused: Result<Applied, Vec<Problem>>| refused.unwrap_err()[0].reason.clone();
    assert!(reason(of_federation).contains("whose record you keep"));
    assert_eq!(reason(elsewhere), reason(nobody));
    assert_eq!(finance.written().await, (1, 1));
}

#[tokio::test]
async fn a_reference_of_two_owners_asks_for_the_owner() {
    let finance = Finance::with_roster().await;
    finance.know(namesake("demo-e-001", "U31970", "U31970")).await;
    let row = format!("{HEADER}demo-e-001,2025-07,1,1,1,,\n");
    let (england, july) = ("operator@england", "2025-07-31");

    let problems = finance.import_as(england, None, july, &row).await.unwrap_err();
    let applied = finance.import_as(england, Some("U31970"), july, &row).await.unwrap();

    assert!(problems[0].reason.contains("--owner"), "{problems:?}");
    assert_eq!(applied.added, 1);
    // Within a scope that holds only one of them there is nothing to ask.
    assert_eq!(finance.import_as(MANAGER, None, july, &row).await.unwrap().added, 1);
}
