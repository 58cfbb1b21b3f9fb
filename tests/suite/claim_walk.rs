//! A claim from hand to hand, through the executable alone.
//!
//! It reads as a tutorial: every command is one that a person would type, and what it prints is
//! asserted. The set is the demonstration's, July 2025 of Falmouth and Penryn PCN.

use std::process::Output;

use arrs_tests::cluster::Cluster;
use kit::Clock;

use crate::demo_set;
use crate::spawned::ended;

/// The claim that is walked.
const CLAIM: [&str; 2] = ["U09081", "2025-07"];

/// Somebody at a terminal, with a token.
struct Person<'a> {
    cluster: &'a Cluster,
    token: String,
}

impl Person<'_> {
    /// Whom a token names, and what it grants.
    fn named<'a>(cluster: &'a Cluster, subject: &str, grant: &str) -> Person<'a> {
        let made = cluster.run(&["token", grant, "--subject", subject]);
        assert_eq!(made.status.code(), Some(0), "{made:?}");
        Person { cluster, token: String::from_utf8(made.stdout).unwrap() }
    }

    async fn types(&self, arguments: &[&str]) -> Output {
        let mut command = self.cluster.command(arguments);
        command.env("ARRS_SERVER", self.cluster.url("gateway")).env("ARRS_TOKEN", &self.token);
        ended(command).await
    }

    /// `arrs claim WHAT U09081 2025-07 ...`, which does it; answers what is printed.
    async fn claim(&self, what: &str, rest: &[&str]) -> String {
        self.arrs(&[&["claim", what], &CLAIM[..], rest].concat()).await
    }

    /// The same, which is refused; answers why.
    async fn refused_claim(&self, what: &str, rest: &[&str]) -> String {
        let arguments = [&["claim", what], &CLAIM[..], rest].concat();
        let output = self.types(&arguments).await;
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {output:?}");
        assert!(output.stdout.is_empty(), "{arguments:?} prints nothing that looks like a result");
        String::from_utf8(output.stderr).unwrap()
    }

    /// Any command that does what it says; answers what is printed.
    async fn arrs(&self, arguments: &[&str]) -> String {
        let output = self.types(arguments).await;
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }
}

#[track_caller]
fn assert_says(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "{word:?} is not in:\n{text}");
    }
}

/// The value of a line of a claim's head, such as its etag.
fn value<'a>(text: &'a str, label: &str) -> &'a str {
    let lines = text.lines().map(str::trim_start);
    let found = lines.filter_map(|line| line.strip_prefix(label)).next();
    found.unwrap_or_else(|| panic!("{label} is not in:\n{text}")).trim()
}

/// How many transfers of what July comes to went from one account to the other.
fn moved(transfers: &str, [from, to]: [&str; 2]) -> usize {
    let way = [from, to, "£56,673.71"];
    let went = |line: &&str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        words.windows(3).any(|words| words == way)
    };
    transfers.lines().filter(went).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_walks_from_the_pcn_to_its_payment() {
    let cluster = Cluster::one().await;
    demo_set::bring_in(&cluster).await;
    // Three people have a hand in a claim that is paid.
    let manager = Person::named(&cluster, "demo-manager", "pcn-manager@pcn:U09081");
    let checker = Person::named(&cluster, "demo-checker", "icb-finance@icb:QT6");
    let approver = Person::named(&cluster, "demo-approver", "icb-finance-approver@icb:QT6");

    // The manager of the PCN builds the claim of July. Nothing is asked for yet.
    let prepared = manager.claim("prepare", &[]).await;
    assert_says(
        &prepared,
        &[
            "Claim of U09081 for July 2025: PREPARED (not asked for yet, nothing is reserved)",
            "  lines          15\n",
            "  own cost       £60,834.81\n",
            "  payable        £56,673.71\n",
            "  taken from     main £56,673.71\n",
            "  weakest figure ",
            "  built from     records as known at ",
        ],
    );

    // She looks at its lines, each with what is payable and what was cut.
    let shown = manager.claim("show", &[]).await;
    let row = shown.lines().find(|line| line.contains("demo-e-002")).unwrap();
    assert_says(row, &["CP", "£6,460.84", "£5,784.17", "£676.67"]);
    assert_says(&shown, &["`arrs claim explain U09081 2025-07 LINE` says why"]);

    // Why is £676.67 of that line cut? Every step is told with the rule and figure behind it.
    let explained = manager.claim("explain", &["demo-e-002"]).await;
    assert_says(
        &explained,
        &[
            "own cost £6,460.84, maximum £5,784.17, payable £5,784.17, cut £676.67",
            "LOWER_OF_COST_AND_MAXIMUM",
            "£6,460.84 ->     £5,784.17  (-£676.67)",
            "The cost of £6,460.84 is £676.67 above the maximum; the maximum of £5,784.17 is payable.",
            "figure: maximum/CP/7-8a/outside",
            "(DERIVED, known from 2025-08-01)",
            "source: not printed",
            "policy: maximum_test = monthly",
        ],
    );
    let line = explained.strip_prefix("Line ").unwrap().split(':').next().unwrap();
    assert_eq!(manager.claim("explain", &[line]).await, explained, "a line goes by number as well");
    assert_says(
        &manager.refused_claim("explain", &["nobody"]).await,
        &["the claim has no line nobody", "arrs claim show U09081 2025-07"],
    );

    // She says where the evidence is. The note is added later, and the evidence stays.
    manager.claim("amend", &["--evidence", "payroll run 4711", "--evidence", "folder 3"]).await;
    let amended = manager.claim("amend", &["--note", "One leaver, one starter."]).await;
    assert_says(
        &amended,
        &[
            "  note           One leaver, one starter.\n",
            "  evidence       payroll run 4711\n                 folder 3\n",
        ],
    );

    // What would come of asking for the money? Checking it first changes nothing.
    let checked = manager.claim("submit", &["--check"]).await;
    assert_says(&checked, &["Checked only, nothing written", "SUBMITTED", "£56,673.71"]);
    assert_says(&manager.claim("show", &[]).await, &[": PREPARED"]);

    // Whoever names the version that he looked at never moves another one. Given twice with a
    // request id, a command is done once.
    let old = value(&prepared, "etag");
    assert_says(&manager.refused_claim("submit", &["--etag", old]).await, &["ETAG_MISMATCH"]);
    let once = "0a1b2c3d-0000-4000-8000-000000000001";
    let submit = ["--etag", value(&amended, "etag"), "--request-id", once];
    let submitted = manager.claim("submit", &submit).await;
    assert_eq!(manager.claim("submit", &submit).await, submitted);
    assert_says(
        &submitted,
        &["SUBMITTED (reserved, waits for the first approval)", "  submitted      20"],
    );

    // The money is reserved: a part of the year's sum is claimed, and the room is smaller.
    let balances = manager.arrs(&["ledger", "balances", "U09081"]).await;
    let row = balances.lines().find(|line| line.contains("2025-26")).unwrap();
    let mut amounts = row.split_whitespace().skip(2);
    assert_eq!(amounts.next(), Some("£1,322,027.29"), "allocation: {row}");
    assert_eq!(amounts.next(), Some("£1,265,353.58"), "room: {row}");
    assert_eq!(amounts.next(), Some("£56,673.71"), "claimed: {row}");

    // A PCN approves nothing. And whoever had a hand in a claim does not approve it, whatever
    // other post he holds.
    assert_says(&manager.refused_claim("check", &[]).await, &["NOT_PERMITTED"]);
    let same = Person::named(&cluster, "demo-manager", "icb-finance@icb:QT6");
    assert_says(&same.refused_claim("check", &[]).await, &["SECOND_PERSON_NEEDED"]);

    // The ICB finds what waits for it, and asks about a line. The claim stops until the answer.
    let waiting = checker.arrs(&["claim", "list", "--state", "submitted,queried"]).await;
    let row = waiting.lines().find(|line| line.contains("U09081")).unwrap();
    assert_says(row, &["2025-07", "SUBMITTED", "15", "£56,673.71"]);
    let question = ["--text", "Is this post still at band 8a?", "--line", line];
    assert_says(&checker.claim("query", &question).await, &["QUERIED"]);
    assert_says(&checker.refused_claim("check", &[]).await, &["CLAIM_STATE_WRONG"]);

    // The PCN replies, and everybody who looks at the line sees both.
    let answer = ["--text", "Yes, since June.", "--line", line];
    assert_says(&manager.claim("reply", &answer).await, &["SUBMITTED"]);
    assert_says(
        &checker.claim("explain", &[line]).await,
        &["What was said about it", "Is this post still at band 8a?", "Yes, since June."],
    );

    // The first approval. The second is by somebody else: the checker with that post is refused.
    assert_says(
        &checker.claim("check", &[]).await,
        &["CHECKED (reserved, waits for the second approval by somebody else)"],
    );
    let same = Person::named(&cluster, "demo-checker", "icb-finance-approver@icb:QT6");
    assert_says(&same.refused_claim("approve", &[]).await, &["SECOND_PERSON_NEEDED"]);
    assert_says(&approver.claim("approve", &[]).await, &["APPROVED"]);

    // It is paid today.
    let today = Clock::system().today().to_string();
    let payment = ["--on", &today, "--reference", "BACS-1234"];
    let paid = checker.claim("pay", &payment).await;
    assert_says(&paid, &["PAID (done)", &format!("  paid           on {today} as BACS-1234\n")]);

    // Everything that was done stands in its history, in order, with who did it.
    let history = manager.claim("history", &[]).await;
    let done: Vec<(&str, &str)> = history
        .lines()
        .filter(|line| !line.starts_with(' '))
        .map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            (words[2], words[words.len() - 1].rsplit('/').next().unwrap())
        })
        .collect();
    assert_eq!(
        done,
        [
            ("PREPARE", "demo-manager"),
            ("AMEND", "demo-manager"),
            ("AMEND", "demo-manager"),
            ("SUBMIT", "demo-manager"),
            ("QUERY", "demo-checker"),
            ("REPLY", "demo-manager"),
            ("CHECK", "demo-checker"),
            ("APPROVE", "demo-approver"),
            ("PAY", "demo-checker"),
        ],
        "{history}"
    );
    assert_says(&history, &[&format!("line {line}: Is this post still at band 8a?")]);

    // And in the ledger: what was claimed is paid, by transfers that nobody can change.
    let balances = manager.arrs(&["ledger", "balances", "U09081"]).await;
    let row = balances.lines().find(|line| line.contains("2025-26")).unwrap();
    let amounts: Vec<&str> = row.split_whitespace().skip(2).collect();
    let nothing = "£0.00";
    let expected = ["£1,322,027.29", "£1,265,353.58", nothing, nothing, nothing, "£56,673.71"];
    assert_eq!(amounts, expected, "{balances}");
    let transfers = manager.arrs(&["ledger", "transfers", "U09081", "--year", "2025-26"]).await;
    for way in [
        ["room", "claimed"],
        ["claimed", "committed"],
        ["committed", "approved"],
        ["approved", "paid"],
    ] {
        assert_eq!(moved(&transfers, way), 1, "{way:?}: {transfers}");
    }

    // Years later anybody may ask whether it still comes to the same.
    let verified = manager.claim("verify", &[]).await;
    assert_says(&verified, &["is reproduced", "the same to the penny"]);

    // Afterwards two people are paid arrears for July: one of them costs more than the maximum
    // already, the other does not.
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("arrears.csv");
    let header = "engagement_id,month,salary,employer_ni,employer_pension,fees,paid_on";
    let rows =
        "demo-e-002,2025-07,200.00,0,0,,2025-08-28\ndemo-e-005,2025-07,31.50,0,0,,2025-08-28";
    std::fs::write(&file, format!("{header}\n{rows}\n")).unwrap();
    manager.arrs(&["import", "pay", file.to_str().unwrap()]).await;

    // What changed about the months that are approved? Of the first nothing can be claimed.
    let arrears = manager.arrs(&["claim", "arrears", "U09081", "--year", "2025-26"]).await;
    assert_says(
        &arrears,
        &[
            "2025-07  demo-e-002",
            "£200.00 more was paid to staff since.",
            "2025-07  demo-e-005",
            "£31.50 may be claimed",
            "To be claimed: £31.50; to be paid back: £0.00",
        ],
    );

    // One claim of what is missing, with those people only. The claim of July stays as it is.
    let adjustment = ["U09081", "2025-07-adj1"];
    let adjust = async |person: &Person<'_>, what: &str, rest: &[&str]| {
        person.arrs(&[&["claim", what], &adjustment[..], rest].concat()).await
    };
    let prepared = adjust(&manager, "prepare", &[]).await;
    assert_says(
        &prepared,
        &[
            "Adjustment 1 of U09081 of the months up to July 2025: PREPARED",
            "  lines          1\n",
            "  payable        £31.50\n",
        ],
    );
    assert_says(
        &adjust(&manager, "explain", &["demo-e-005"]).await,
        &["ADJUSTMENT", "payable £31.50", "policy: arrears = min_of_rise_and_uplift_paid"],
    );
    adjust(&manager, "submit", &[]).await;
    adjust(&checker, "check", &[]).await;
    adjust(&approver, "approve", &[]).await;
    adjust(&checker, "pay", &["--on", &today, "--reference", "BACS-1235"]).await;
    assert_says(&manager.claim("show", &[]).await, &["PAID", "  payable        £56,673.71\n"]);
    let balances = manager.arrs(&["ledger", "balances", "U09081"]).await;
    assert_says(&balances, &["£56,705.21"]);
    let arrears = manager.arrs(&["claim", "arrears", "U09081", "--year", "2025-26"]).await;
    assert_says(&arrears, &["To be claimed: £0.00; to be paid back: £0.00"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_that_was_taken_back_or_refused_is_prepared_again() {
    let cluster = Cluster::one().await;
    demo_set::bring_in(&cluster).await;
    let manager = Person::named(&cluster, "demo-manager", "pcn-manager@pcn:U09081");
    let checker = Person::named(&cluster, "demo-checker", "icb-finance@icb:QT6");

    // Nothing was prepared: there is no claim to show, and none to submit.
    for what in ["show", "submit", "history"] {
        assert_says(&manager.refused_claim(what, &[]).await, &["RESOURCE_NOT_FOUND"]);
    }
    assert_says(&manager.arrs(&["claim", "list", "U09081"]).await, &["There is no such claim"]);
    assert_says(
        &manager.arrs(&["ledger", "balances", "U09081"]).await,
        &["Nothing was asked for yet"],
    );

    // The manager takes back what she submitted, and submits it again.
    manager.claim("prepare", &[]).await;
    manager.claim("submit", &[]).await;
    assert_says(&manager.claim("withdraw", &[]).await, &["WITHDRAWN", "nothing is reserved"]);
    assert_says(&manager.claim("prepare", &[]).await, &["PREPARED"]);
    assert_says(&manager.claim("submit", &[]).await, &["SUBMITTED"]);

    // The ICB refuses it, and says why; the manager says what she thinks of that.
    let why = ["--text", "Please split off the leaver."];
    assert_says(&checker.claim("reject", &why).await, &["REJECTED", "nothing is reserved"]);
    manager.claim("remark", &["--text", "He left on the 11th, as recorded."]).await;
    let history = checker.claim("history", &[]).await;
    assert_says(&history, &["Please split off the leaver.", "He left on the 11th, as recorded."]);
    let refused =
        checker.arrs(&["claim", "list", "--state", "rejected", "--year", "2025-26"]).await;
    assert_says(&refused, &["U09081", "2025-07", "REJECTED"]);

    // Twice reserved and twice released: the whole sum is free.
    let balances = manager.arrs(&["ledger", "balances", "U09081"]).await;
    let row = balances.lines().find(|line| line.contains("2025-26")).unwrap();
    let amounts: Vec<&str> = row.split_whitespace().skip(2).take(3).collect();
    assert_eq!(amounts, ["£1,322,027.29", "£1,322,027.29", "£0.00"], "{balances}");
    let transfers = manager.arrs(&["ledger", "transfers", "U09081"]).await;
    assert_eq!(moved(&transfers, ["room", "claimed"]), 2, "{transfers}");
    assert_eq!(moved(&transfers, ["claimed", "room"]), 2, "{transfers}");

    // As known before it was prepared, there was no claim.
    let before = ["--known-at", "2025-12-31"];
    assert_says(&manager.refused_claim("show", &before).await, &["RESOURCE_NOT_FOUND"]);
    assert_says(&manager.claim("prepare", &[]).await, &["PREPARED"]);
}
