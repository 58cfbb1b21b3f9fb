//! Small files: the demonstration set, corrections, and everything that is refused.

use terms::Date;

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn the_demonstration_set_loads_and_a_second_time_changes_nothing() {
    let world = World::demonstration().await;
    let position = world.position().await;

    for (kind, text, rows) in [
        ("organisations", ORGANISATIONS, 30),
        ("lists", LISTS, 42),
        ("staff", STAFF, 22),
        ("pcn-workforce", RETURN, 20),
    ] {
        let applied = world.bring(OPERATOR, kind, text, Some(JULY)).await.unwrap();
        let changed = (applied.rows, applied.added, applied.corrected);
        assert_eq!(changed, (rows, 0, 0), "{kind}: {:?}", applied.notes);
        assert!(applied.unchanged >= rows, "{kind}");
    }
    assert_eq!(world.position().await, position);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_summary_of_the_demonstration_pcn_is_what_its_files_say() {
    let world = World::demonstration().await;

    let found = world.summary(OPERATOR, "U09081", "2025-07", None).await.unwrap();

    let parents: Vec<&str> = found.parents.iter().map(OdsCode::as_str).collect();
    assert_eq!(parents, ["11N", "QT6", "Y58"]);
    // Four practices on 1 January 2025.
    let list = found.list_size.unwrap();
    assert_eq!((list.date, list.registered), (Date::constant(2025, 1, 1), 48_287));
    assert_eq!(list.weighted.unwrap().to_string(), "49642.42");
    let role = |code: &str| {
        let found = found.statistics.roles.iter().find(|(role, _)| role.as_str() == code);
        found.map(|(_, figures)| *figures).unwrap()
    };
    let pharmacists = role("CP");
    assert_eq!(micro(&pharmacists), [3_000_000, 0, 2_580_645, 0]);
    assert_eq!((pharmacists.headcount_month_end, pharmacists.joiners), (3, 1));
    // 35 of 37.5 hours, whatever the employer's full time.
    assert_eq!(micro(&role("HWBC"))[0], 933_333);
    let linkworkers = role("SPLW");
    assert_eq!(micro(&linkworkers)[..2], [1_000_000, 1_000_000]);
    assert_eq!(linkworkers.headcount_month_end, 1);
    assert_eq!((role("PA").leavers, role("PA").headcount_month_end), (1, 0));
    // A change of hours makes nobody leave or join.
    let coordinator = role("CC");
    assert_eq!((coordinator.joiners, coordinator.leavers), (0, 0));
    assert_eq!(micro(&coordinator)[2], 903_226);
    let returned = found.national_return.unwrap();
    let pharmacists = returned.roles.iter().find(|(role, _)| role.as_str() == "CP").unwrap().1;
    assert_eq!((pharmacists.staff.micro(), pharmacists.headcount), (3_000_000, 3));
    assert_eq!(returned.outside_scheme.unwrap().staff.micro(), 250_000);
    let none = world.summary(OPERATOR, "U62043", "2025-07", None).await.unwrap();
    assert_eq!(none.national_return, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_known_stays_known_after_a_correction() {
    let world = World::demonstration().await;
    let corrected = STAFF.replace("U09081,18.75,,2022-05-09", "U09081,37.5,,2022-05-09");

    let day = Date::constant(2025, 9, 1);
    let applied = world.bring(OPERATOR, "staff", &corrected, Some(day)).await.unwrap();

    assert_eq!((applied.added, applied.corrected), (0, 1));
    let note = applied.notes.iter().find(|note| note.contains("1125")).unwrap();
    assert!(note.starts_with("line 5: hours in U09081 from 2022-05-09: "), "{note}");
    let technicians = async |known_at: Option<Date>| {
        let found = world.summary(OPERATOR, "U09081", "2025-07", known_at).await.unwrap();
        let found = found.statistics.roles.iter().find(|(role, _)| role.as_str() == "PT");
        found.map(|(_, figures)| micro(figures)[0])
    };
    assert_eq!(technicians(Some(JULY)).await, Some(500_000));
    assert_eq!(technicians(Some(Date::constant(2025, 8, 31))).await, Some(500_000));
    assert_eq!(technicians(Some(day)).await, Some(1_000_000));
    assert_eq!(technicians(None).await, Some(1_000_000));
    // Before anything was recorded nobody knew of the PCN.
    let before = Date::constant(2025, 7, 30);
    let unknown = world.summary(OPERATOR, "U09081", "2025-07", Some(before)).await;
    assert!(matches!(unknown, Err(Error::Denied { .. })));
    // The old file recorded as of the old day still changes nothing.
    let again = world.bring(OPERATOR, "staff", STAFF, Some(JULY)).await.unwrap();
    assert_eq!((again.added, again.corrected), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_given_stays_as_it_is_known() {
    let world = World::demonstration().await;
    // The leaver without end, reason, expiry and names.
    let header = STAFF.lines().next().unwrap();
    let row = "demo-e-011,demo-p-011,,,PA,,7,DEMOCOM01,PCN_DIRECT,U09081,37.5,,2021-08-16,,,,,,";

    let file = format!("{header}\n{row}\n");
    let applied = world.bring(OPERATOR, "staff", file, None).await.unwrap();

    assert_eq!((applied.added, applied.corrected, applied.unchanged), (0, 0, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_release_of_a_month_takes_the_place_of_the_first() {
    let world = World::demonstration().await;
    let next = RETURN.replace("Pharmacy Technician,0.5,", "Pharmacy Technician,0.6,");

    let day = Date::constant(2025, 9, 1);
    let applied = world.bring(OPERATOR, "pcn-workforce", &next, Some(day)).await.unwrap();

    assert_eq!((applied.added, applied.corrected, applied.unchanged), (1, 1, 19));
    let technicians = async |known_at: Option<Date>| {
        let found = world.summary(OPERATOR, "U09081", "2025-07", known_at).await.unwrap();
        let roles = found.national_return.unwrap().roles;
        roles.iter().find(|(role, _)| role.as_str() == "PT").unwrap().1.staff.micro()
    };
    assert_eq!(technicians(None).await, 600_000);
    assert_eq!(technicians(Some(JULY)).await, 500_000);
    // And back.
    let back = world.bring(OPERATOR, "pcn-workforce", RETURN, None).await.unwrap();
    assert_eq!((back.added, back.corrected, back.unchanged), (1, 1, 19));
    assert_eq!(technicians(None).await, 500_000);
}

/// Replaces `from` by `to` in the demonstration file and expects exactly these problems.
async fn refused(kind: &str, from: &str, to: &str, expected: &[&str]) {
    let world = World::new().await;
    world.bring(OPERATOR, "organisations", ORGANISATIONS, Some(JULY)).await.unwrap();
    let text = match kind {
        "organisations" => ORGANISATIONS,
        "lists" => LISTS,
        "staff" => STAFF,
        "pcn-workforce" => RETURN,
        other => panic!("{other}"),
    };
    assert!(text.contains(from), "{from}");
    let position = world.position().await;
    let found = world.bring(OPERATOR, kind, text.replacen(from, to, 1), None).await.unwrap_err();
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.starts_with(expected), "{found}\n does not start with\n{expected}");
    }
    assert_eq!(world.position().await, position);
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_staff_is_refused_with_line_column_and_reason() {
    for (from, to, expected) in [
        (
            ",U62043,22.5",
            ",U99999,22.5",
            &["23 pcn_code<U99999> unknown PCN or one you may not see"][..],
        ),
        (
            ",U62043,22.5",
            ",L82013,22.5",
            &["23 pcn_code<L82013> unknown PCN or one you may not see"],
        ),
        (
            "2025-07-14,,GPhC",
            "2025-07-14,2025-07-13,GPhC",
            &["4 end<2025-07-13> is before start 2025-07-14"],
        ),
        (
            "DEMO-012,2026-04-30,,37.5",
            "DEMO-012,2026-04-30,,18",
            &["14 weekly_hours<18.75> with it 18.75 hours are worked from 2023-01-09, \
                 beyond the contract of 18"],
        ),
        (
            ",CC,,4,DEMOFED01",
            ",HCSW,,4,DEMOFED01",
            &["20 role<HCSW> is not in force on 2024-05-07: it can be claimed from 2025-04-01"],
        ),
        (
            ",CC,,4,DEMOFED01",
            ",NURSE,,4,DEMOFED01",
            &["20 role<NURSE> is no role of the scheme; known are"],
        ),
        (",CC,,4,DEMOFED01", ",CC,,8,DEMOFED01", &["20 band<8> must be an Agenda for Change band"]),
        (
            ",CC,,4,DEMOFED01",
            ",CC,expert,4,DEMOFED01",
            &["20 stage<expert> must be standard, senior"],
        ),
        (
            "PCN_DIRECT,U09081,37.5,,2023-09-04",
            "PCN,U09081,37.5,,2023-09-04",
            &["2 model<PCN> must be a deployment model"],
        ),
        (
            "U09081,37.5,,2023-09-04",
            "U09081,37.555,,2023-09-04",
            &["2 weekly_hours<37.555> must be hours with at most two decimals"],
        ),
        ("U09081,37.5,,2023-09-04", "U09081,-1,,2023-09-04", &["2 weekly_hours<-1> must be hours"]),
        (
            "U09081,37.5,,2023-09-04",
            "U09081,37.5,0,2023-09-04",
            &["2 full_time_hours<0> must be more than 0 hours"],
        ),
        ("2023-09-04", "04/09/2023", &["2 start<04/09/2023> must be a date such as 2025-07-31"]),
        (
            "2025-07-16,,,,,",
            "2025-07-15,,,,,",
            &["16 start<2025-07-15> overlaps line 15, from 2025-07-15 to 2025-07-15"],
        ),
        (
            "2025-07-16,,,,,",
            "2024-04-02,,,,,",
            &[
                "15 engagement_id<demo-e-013> the same engagement_id, pcn_code and \
                 start is in line 16",
                "16 engagement_id<demo-e-013> the same engagement_id, pcn_code and \
                 start is in line 15",
                "16 start<2024-04-02> overlaps line 15",
            ],
        ),
        (
            "FEDERATION,U31970,15,",
            "LEAD_PRACTICE,U31970,15,",
            &[
                "8 model<FEDERATION> differs from line 9; all rows of engagement \
                 demo-e-007 must agree",
                "9 model<LEAD_PRACTICE> differs from line 8; all rows of engagement \
                 demo-e-007 must agree",
            ],
        ),
        (
            "Seven,PARA,,7,DEMOFED01,FEDERATION,U31970",
            "Eleven,PARA,,7,DEMOFED01,FEDERATION,U31970",
            &[
                "8 given_name<> differs from line 9; all rows of person demo-p-007 must agree",
                "9 given_name<> differs from line 8",
            ],
        ),
        (
            "demo-e-010,,,,SPLW",
            "demo-e-010,,Somebody,,SPLW",
            &["12 family_name<> must be empty without a person_id"],
        ),
        (",contract_hours", ",contract_hours,colour", &["1 colour<> is not a column of this file"]),
        (
            "2025-12-31,,\n",
            "2025-12-31,,,extra\n",
            &["2 <> has 20 fields, but the header has 19 columns"],
        ),
    ] {
        refused("staff", from, to, expected).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_wrong_with_a_file_is_told_at_once() {
    let world = World::demonstration().await;
    let file = STAFF
        .replace(",U62043,22.5", ",U99999,22.5")
        .replace("2023-09-04", "4 September")
        .replace(",CC,,4,DEMOFED01", ",NURSE,,4,DEMOFED01");

    let found = world.bring(OPERATOR, "staff", file, None).await.unwrap_err();

    let places: Vec<_> =
        found.iter().map(|text| text.split('<').next().unwrap_or_default()).collect();
    assert_eq!(places, ["2 start", "20 role", "23 pcn_code"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_reference_data_is_refused_with_line_column_and_reason() {
    refused(
        "organisations",
        "U31970,TRURO PCN,pcn,part-of,11N,2019-10-01,,outside",
        "U31970,TRURO PCN,pcn,part-of,11N,2019-10-01,2019-09-30,outside",
        &["6 valid_to<2019-09-30> is before valid_from 2019-10-01"],
    )
    .await;
    refused(
        "organisations",
        "L82006,PENRYN SURGERY,practice,part-of,U09081,2019-10-01,,",
        "L82006,PENRYN SURGERY,practice,part-of,U09081,2019-10-01,,inner",
        &["11 london_area<inner> must be empty for a practice"],
    )
    .await;
    refused(
        "organisations",
        "practice,part-of,U31970",
        "practice,part-of,11N",
        &["15 related_code<11N> is a sub-icb, and here it should be a pcn"],
    )
    .await;
    refused(
        "organisations",
        "practice,part-of,U31970",
        "practice,part-of,",
        &["15 related_code<> must be given where a relation is"],
    )
    .await;
    refused(
        "organisations",
        "U31970,TRURO PCN,pcn,served-by",
        "U31970,TRURO,pcn,served-by",
        &["6 name<TRURO PCN> line 10 says \"TRURO\" of U31970", "10 name<TRURO> line 6"],
    )
    .await;
    refused(
        "lists",
        "10571,11226.40",
        "10571.5,11226.40",
        &["5 registered<10571.5> must be whole patients"],
    )
    .await;
    refused(
        "lists",
        "L82006,2026-01-01",
        "L82006,2025-01-01",
        &["2 code<L82006> the same code and date is in line 3", "3 code<L82006>"],
    )
    .await;
    refused(
        "lists",
        "L82006,2025-01-01",
        "QT6,2025-01-01",
        &["2 code<QT6> is a icb; lists are of practices and PCNs"],
    )
    .await;
    refused(
        "pcn-workforce",
        "2025,7,",
        "2025,13,",
        &["2 CENSUS_MONTH<13> must be the number of a month"],
    )
    .await;
    refused(
        "pcn-workforce",
        "Pharmacist,1,9000001",
        "Pharmacist,-1,9000001",
        &["2 FTE<-1> must be an FTE"],
    )
    .await;
    refused(
        "pcn-workforce",
        "NWRS Staff",
        "NWRS staff",
        &["2 Data_source<NWRS staff> must be NWRS Staff"],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_byte_order_mark_is_skipped_and_invalid_text_is_named() {
    let world = World::demonstration().await;
    let marked = format!("\u{feff}{RETURN}");
    let applied = world.bring(OPERATOR, "pcn-workforce", marked, Some(JULY)).await.unwrap();
    assert_eq!((applied.added, applied.corrected), (0, 0));

    let mut broken = STAFF.as_bytes().to_vec();
    let at = STAFF.find("Demo-Technician").unwrap();
    broken[at] = 0xff;
    let found = world.bring(OPERATOR, "staff", broken, None).await.unwrap_err();
    assert_eq!(found, ["5 family_name<> is not valid UTF-8"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn rounded_hours_missing_bands_and_unknown_employers_are_noted() {
    let world = World::demonstration().await;
    let file = STAFF
        .replace("U09081,37.5,,2023-09-04", "U09081,37.51,,2023-09-04")
        .replace(",SPLW,,5,DEMOPRO01,NON_GP,U62043", ",SPLW,,,UNKNOWN1,NON_GP,U62043");

    let applied = world.bring(OPERATOR, "staff", file, None).await.unwrap();

    for note in [
        "1 hours were not whole minutes and were rounded half up",
        "1 rows have no band: lines 23",
        "line 23: employer UNKNOWN1 is not among the organisations",
    ] {
        assert!(applied.notes.iter().any(|found| found == note), "{note}: {:?}", applied.notes);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_met_only_as_a_parent_becomes_an_organisation() {
    let world = World::new().await;
    let header = ORGANISATIONS.lines().next().unwrap();
    let file = format!("{header}\nU00001,ONE PCN,pcn,part-of,99Z,2024-04-01,,\n");

    let applied = world.bring(OPERATOR, "organisations", &file, Some(JULY)).await.unwrap();

    assert_eq!(applied.notes, ["line 2: sub-icb 99Z is first seen here, on 2025-07-31"]);
    assert_eq!(applied.added, 3);
    let again = world.bring(OPERATOR, "organisations", &file, Some(JULY)).await.unwrap();
    assert_eq!((again.added, again.corrected, again.unchanged), (0, 0, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_empty_cell_keeps_and_who_changed_is_noted_by_line() {
    let world = World::demonstration().await;
    let header = STAFF.lines().next().unwrap();
    let row = "demo-e-011,demo-p-011,Changed,,PA,,7,DEMOCOM01,PCN_DIRECT,U09081,37.5,,2021-08-16,,\
               GMC,,2027-01-31,,";

    let applied = world.bring(OPERATOR, "staff", format!("{header}\n{row}\n"), None).await.unwrap();

    assert_eq!(
        applied.notes,
        [
            "line 2: end 2025-07-11 is known and stays; an empty cell clears nothing",
            "line 2: the particulars of person demo-p-011 changed",
            "line 2: the registration of person demo-p-011 with GMC changed",
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_models_and_roles_are_told_with_the_right_ones() {
    let world = World::demonstration().await;
    let file = STAFF.replace("CP,standard,8a,DEMOCOM01,PCN_DIRECT", "cp,standard,8a,DEMOCOM01,PCN");

    let found = world.bring(OPERATOR, "staff", file, None).await.unwrap_err();

    let role = "2 role<cp> must be a role of the scheme: AP, CC, CNPC, CP,";
    let model = "2 model<PCN> must be a deployment model: PCN_DIRECT, LEAD_PRACTICE, FLAT,";
    assert!(found[0].starts_with(role), "{found:?}");
    assert!(found[1].starts_with(model) && found[1].ends_with("NON_GP"), "{found:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pcn_has_one_london_area_a_day() {
    let world = World::demonstration().await;
    let header = ORGANISATIONS.lines().next().unwrap();
    let row = |from: &str, to: &str, area: &str| {
        format!("U09081,FALMOUTH AND PENRYN PCN,pcn,part-of,11N,{from},{to},{area}\n")
    };
    let bring = async |rows: &[String]| {
        let file = format!("{header}\n{}", rows.concat());
        world.bring(OPERATOR, "organisations", file, None).await
    };

    let known = bring(&[row("2024-04-01", "", "inner")]).await.unwrap_err();
    let both = [row("2019-10-01", "", "outside"), row("2024-04-01", "", "inner")];
    let both = bring(&both).await.unwrap_err();
    let follows = [row("2019-10-01", "2024-03-31", "outside"), row("2024-04-01", "", "inner")];
    bring(&follows).await.unwrap();

    assert_eq!(
        known,
        ["2 london_area<inner> U09081 is known as outside from 2019-10-01 on some of these days; \
          a PCN has one area a day"]
    );
    assert_eq!(both.len(), 2, "{both:?}");
    assert!(both[0].starts_with("2 london_area<outside> line 3 says inner of U09081"), "{both:?}");
}
