//! The executable as a person and a script use it: what it says, and the number it ends with.

use std::net::TcpListener;
use std::process::{Command, Output};

use arrs_tests::cluster::{Cluster, Engine, executable};
use tempfile::TempDir;

use crate::demo_set::{self, STAFF};
use crate::spawned::{ended, fed};

const DONE: Option<i32> = Some(0);
const REFUSED: Option<i32> = Some(1);
const USAGE: Option<i32> = Some(2);
const CONFIGURATION: Option<i32> = Some(64);
const UNREACHABLE: Option<i32> = Some(69);

/// A folder without a server, where the executable runs.
struct Alone(TempDir);

impl Alone {
    fn new() -> Alone {
        Alone(TempDir::new().unwrap())
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(executable());
        command.args(arguments).current_dir(self.0.path());
        // A listener of another test must not stand in the way.
        for role in ["GATEWAY", "WORKFORCE", "FINANCE", "SUPERVISION"] {
            command.env(format!("ARRS__{role}__LISTEN"), "127.0.0.1:0");
        }
        command
    }

    async fn run(&self, arguments: &[&str]) -> Output {
        ended(self.command(arguments)).await
    }

    fn file(&self, name: &str, text: &str) -> String {
        let path = self.0.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn told(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[track_caller]
fn assert_contains(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "{word:?} is not in:\n{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn help_names_every_command_kind_and_column() {
    let alone = Alone::new();

    let help = alone.run(&["--help"]).await;
    assert_eq!(help.status.code(), DONE);
    let commands = [
        "serve",
        "demo",
        "import",
        "report",
        "claim",
        "ledger",
        "rulebook",
        "token",
        "migrate",
        "config",
        "healthcheck",
    ];
    assert_contains(&out(&help), &commands);
    assert_contains(
        &out(&help),
        &["0 done", "1 refused", "2 wrong usage", "64", "69", "arrs demo"],
    );

    let help = alone.run(&["import", "--help"]).await;
    assert_eq!(help.status.code(), DONE);
    let help = out(&help);
    for (kind, text) in demo_set::FILES {
        assert_contains(&help, &[kind]);
        // The published file has a layout of its own, which is not ours to teach.
        if kind == "pcn-workforce" {
            continue;
        }
        let header: Vec<&str> = text.lines().next().unwrap().split(',').collect();
        assert_contains(&help, &header);
    }
    assert_contains(&help, &["ods-pcns", "ods-partners", "practice-lists"]);
    assert_contains(&help, &["--recorded-on", "--check", "--owner", "--server", "--token"]);

    for command in commands {
        let help = alone.run(&[command, "--help"]).await;
        assert_eq!(help.status.code(), DONE, "{command}");
    }
    assert!(std::fs::read_dir(alone.0.path()).unwrap().next().is_none(), "help writes nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_usage_ends_with_two_and_says_what_would_be_right() {
    let alone = Alone::new();
    let folder = alone.0.path().to_str().unwrap().to_owned();
    let report = ["report", "pcn", "U09081", "--token", "x", "--month"];
    let with = |rest: &[&'static str]| -> Vec<&str> { [&report[..], rest].concat() };

    let cases: Vec<(Vec<&str>, &str)> = vec![
        (vec![], "Usage"),
        (vec!["fly"], "fly"),
        (vec!["serve", "kitchen"], "workforce"),
        (vec!["report", "pcn", "U09081"], "--month"),
        (with(&["2025-13"]), "2025-13"),
        (with(&["July"]), "July"),
        (with(&["2025-7"]), "2025-7"),
        (with(&["2025-07", "--known-at", "31/07/2025"]), "31/07/2025"),
        (with(&["2025-07", "--format", "xml"]), "xml"),
        (with(&["2025-07", "--server", "ftp://here"]), "http://"),
        (vec!["report", "pcn", "u09081", "--month", "2025-07"], "u09081"),
        (vec!["import", "people", "x.csv"], "organisations"),
        (vec!["import", "staff"], "FILE"),
        (vec!["import", "staff", "--token", "x", "no-such.csv"], "no-such.csv"),
        (vec!["import", "staff", "--token", "x", &folder], "is not a file"),
        (vec!["import", "staff", "--recorded-on", "2025-02-30", "x.csv"], "2025-02-30"),
        (vec!["rulebook"], "show"),
        (vec!["rulebook", "show", "2025"], "2025-26"),
        (vec!["rulebook", "diff", "2025-26"], "TO"),
        (vec!["rulebook", "show", "2025-26", "--role", "cp"], "role code"),
        (vec!["rulebook", "show", "2025-26", "--known-at", "today"], "today"),
        (vec!["rulebook", "check", "--directory", "no-such"], "no-such"),
        (vec!["claim", "submit", "U09081"], "MONTH"),
        (vec!["claim", "submit", "U09081", "2025-7"], "2025-7"),
        (vec!["claim", "query", "U09081", "2025-07"], "--text"),
        (vec!["claim", "query", "U09081", "2025-07", "--text", "x", "--line", "0"], "0"),
        (vec!["claim", "amend", "U09081", "2025-07"], "--note"),
        (vec!["claim", "pay", "U09081", "2025-07", "--reference", "x"], "--on"),
        (vec!["claim", "check", "U09081", "2025-07", "--request-id", "7"], "--request-id"),
        (vec!["claim", "list", "--state", "lost"], "submitted"),
        (vec!["ledger", "transfers", "U09081", "--year", "2025"], "2025-26"),
        (vec!["token"], "ROLE@SCOPE"),
        (vec!["token", "king@england"], "king@england"),
        (vec!["token", "auditor@england", "--hours", "0"], "0"),
        // No token, and no key here to make one with.
        (vec!["report", "pcn", "U09081", "--month", "2025-07"], "--token"),
    ];
    for (arguments, word) in cases {
        let output = alone.run(&arguments).await;
        assert_eq!(output.status.code(), USAGE, "{arguments:?}: {output:?}");
        assert_contains(&told(&output), &[word]);
        assert!(output.stdout.is_empty(), "{arguments:?} prints nothing that looks like a result");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_configuration_ends_with_sixty_four_and_names_the_setting() {
    let alone = Alone::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let postgres = "postgres://arrs:hush@127.0.0.1:1/arrs";

    // Settings of the file; variables; what the message says.
    type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a [&'a str]);
    let finance = ("ARRS__FINANCE__DATABASE__URL", postgres);
    let cases: &[Case<'_>] = &[
        ("[kit]\nno_such = 1\n", &[], &["kit.no_such", "arrs.toml"]),
        ("[catering]\nx = 1\n", &[], &["catering"]),
        ("", &[("ARRS__KIT__NO_SUCH", "1")], &["ARRS__KIT__NO_SUCH", "kit.no_such"]),
        ("", &[("ARRS__GATEWAY__LISTEM", "x")], &["ARRS__GATEWAY__LISTEM"]),
        (
            "[kit.server]\ndrain_seconds = \"soon\"\n",
            &[],
            &["kit.server.drain_seconds", "arrs.toml"],
        ),
        ("", &[("ARRS__KIT__SERVER__MAX_CALLS", "many")], &["ARRS__KIT__SERVER__MAX_CALLS"]),
        ("", &[("ARRS__KIT__SERVER__MAX_CALLS", "-1")], &["kit.server.max_calls"]),
        ("", &[("ARRS__KIT__LOG__FORMAT", "xml")], &["kit.log.format"]),
        ("", &[("ARRS__GATEWAY__LISTEN", "here")], &["gateway.listen"]),
        ("", &[("ARRS__GATEWAY__LISTEN", &taken)], &["gateway.listen", &taken]),
        ("", &[("ARRS__FINANCE__DATABASE__URL", "mysql://a:hush@b/c")], &["finance.database.url"]),
        // Without leave for the local issuer, that is what is said first.
        ("", &[finance], &["kit.identity.issuer", "database"]),
        ("not toml", &[], &["arrs.toml"]),
        ("[finance]\nrulebook_directory = \"/no/such\"\n", &[], &["finance.rulebook_directory"]),
    ];
    for (text, variables, words) in cases {
        let file = alone.file("arrs.toml", text);
        let mut command = alone.command(&["--config", &file, "serve"]);
        command.envs(variables.iter().copied());
        let output = ended(command).await;
        let told = told(&output);
        assert_eq!(output.status.code(), CONFIGURATION, "{text:?} {variables:?}: {told}");
        assert_contains(&told, words);
        assert!(!told.contains("hush"), "a password is shown: {told}");
    }

    let output = alone.run(&["--config", "no-such.toml", "config"]).await;
    assert_eq!(output.status.code(), CONFIGURATION);
    assert_contains(&told(&output), &["no-such.toml"]);
    let output = Alone::new().run(&["token", "auditor@england"]).await;
    assert_eq!(output.status.code(), CONFIGURATION, "there is no key: {output:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_server_that_does_not_answer_ends_with_sixty_nine() {
    let alone = Alone::new();
    let mut command = alone.command(&["migrate"]);
    command.env("ARRS__WORKFORCE__DATABASE__URL", "postgres://arrs:hush@127.0.0.1:1/arrs");

    let output = ended(command).await;

    let told = told(&output);
    assert_eq!(output.status.code(), UNREACHABLE, "{told}");
    assert_contains(&told, &["database is not reachable"]);
    assert!(!told.contains("hush"), "a password is shown: {told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_listening_ends_with_sixty_nine() {
    let alone = Alone::new();
    let file = alone.file("staff.csv", STAFF);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);

    for arguments in [
        vec!["report", "pcn", "U09081", "--month", "2025-07"],
        vec!["import", "staff", file.as_str()],
        vec!["claim", "show", "U09081", "2025-07"],
        vec!["ledger", "balances", "U09081"],
        vec!["healthcheck"],
    ] {
        let mut command = alone.command(&arguments);
        command.env("ARRS_SERVER", &server).env("ARRS_TOKEN", "x");
        let output = ended(command).await;
        assert_eq!(output.status.code(), UNREACHABLE, "{arguments:?}: {output:?}");
        assert!(!told(&output).is_empty(), "{arguments:?} says why");
        assert!(output.stdout.is_empty(), "{arguments:?} prints no result");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_answers_nothing_ends_a_healthcheck_with_sixty_nine() {
    let alone = Alone::new();
    // It accepts and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = format!("http://{}", silent.local_addr().unwrap());

    let output = alone.run(&["healthcheck", "--server", &server]).await;

    assert_eq!(output.status.code(), UNREACHABLE, "{output:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_settings_printed_can_be_loaded_again_and_show_no_secret() {
    let alone = Alone::new();
    let mut command = alone.command(&["config"]);
    command
        .env("ARRS__FINANCE__DATABASE__URL", "postgres://arrs:hush@db/arrs?password=hush")
        .env("ARRS__KIT__SERVER__DRAIN_SECONDS", "7");
    let first = ended(command).await;
    assert_eq!(first.status.code(), DONE, "{first:?}");
    let text = out(&first);
    assert!(!text.contains("hush"), "{text}");
    assert_contains(&text, &["postgres://arrs:***@db/arrs", "drain_seconds = 7"]);
    for table in ["[kit.log]", "[gateway]", "[workforce]", "[finance.database]", "[supervision]"] {
        assert_contains(&text, &[table]);
    }

    let file = alone.file("again.toml", &text);
    let again = alone.run(&["--config", &file, "config"]).await;
    assert_eq!(again.status.code(), DONE, "{again:?}");
    assert_eq!(out(&again), text);
    let mut command = alone.command(&["config"]);
    command.env("ARRS_CONFIG", &file);
    assert_eq!(out(&ended(command).await), text, "the file may be named by a variable");
}

#[tokio::test(flavor = "multi_thread")]
async fn migrating_an_empty_folder_is_enough_to_serve() {
    let mut cluster = Cluster::idle_on(&Engine::Sqlite, &[]).await;

    for _ in 0..2 {
        let output = ended(cluster.command(&["migrate"])).await;
        assert_eq!(output.status.code(), DONE, "{output:?}");
    }

    for service in ["workforce", "finance", "supervision"] {
        assert!(cluster.folder().join(format!("{service}.db")).exists(), "{service}");
    }
    assert!(!cluster.folder().join("local-issuer.key").exists(), "migrating makes no key");
    cluster.start("all").await;
    let position = demo_set::bring_in(&cluster).await;
    assert!(position.contains("workforce="), "{position}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_health_check_of_a_running_server_is_done_without_a_token() {
    let cluster = Cluster::one().await;

    let given = ended({
        let mut command = cluster.command(&["healthcheck"]);
        command.env("ARRS_SERVER", cluster.url("gateway"));
        command
    });
    assert_eq!(given.await.status.code(), DONE);
    // Without an address it is the one of the settings, which a container relies on.
    let of_settings = ended(cluster.command(&["healthcheck"])).await;
    assert_eq!(of_settings.status.code(), DONE, "{of_settings:?}");
    assert!(of_settings.stdout.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_the_command_opens_what_it_grants() {
    let cluster = Cluster::one().await;
    demo_set::bring_in(&cluster).await;

    let token = cluster.run(&["token", "pcn-viewer@pcn:U09081"]);
    assert_eq!(token.status.code(), DONE, "{token:?}");
    let token = out(&token);
    assert_eq!(token.lines().count(), 1, "{token:?} is one line, for $(arrs token ...)");

    let ask = async |code: &str| {
        let mut command = cluster.command(&["report", "pcn", code, "--month", "2025-07"]);
        // As the shell of a person would pass it, and as a file with a last newline would.
        command.env("ARRS_SERVER", cluster.url("gateway")).env("ARRS_TOKEN", &token);
        ended(command).await
    };
    let own = ask("U09081").await;
    assert_eq!(own.status.code(), DONE, "{own:?}");
    assert_contains(&out(&own), &["FALMOUTH AND PENRYN PCN"]);
    for other in ["U31970", "U99999"] {
        let refused = ask(other).await;
        assert_eq!(refused.status.code(), REFUSED, "{other}: {refused:?}");
        assert_contains(&told(&refused), &["NOT_PERMITTED"]);
        assert!(refused.stdout.is_empty(), "{other}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reports_are_printed_for_people_programs_and_spreadsheets() {
    let cluster = Cluster::one().await;
    demo_set::bring_in(&cluster).await;
    let report = |format: &str| {
        let output =
            cluster.run(&["report", "pcn", "U09081", "--month", "2025-07", "--format", format]);
        assert_eq!(output.status.code(), DONE, "{output:?}");
        out(&output)
    };

    assert_contains(&report("table"), &["FALMOUTH AND PENRYN PCN", "2025-07", "demo-e-001"]);

    let json: serde_json::Value = serde_json::from_str(&report("json")).unwrap();
    assert_eq!(json["name"], "pcns/U09081");
    assert_eq!(json["month"], "2025-07");
    let states: Vec<&str> = json["sections"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["state"].as_str().unwrap())
        .collect();
    assert_eq!(states, ["SECTION_STATE_FRESH"; 3]);
    assert_eq!(json["workforce"]["total"]["headcount"], 13);

    let text = report("csv");
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let header: Vec<String> = reader.headers().unwrap().iter().map(str::to_owned).collect();
    assert_eq!(header, ["pcn", "month", "section", "row", "measure", "value"]);
    let rows: Vec<csv::StringRecord> = reader.records().collect::<Result<_, _>>().unwrap();
    assert!(rows.iter().all(|row| &row[0] == "U09081" && &row[1] == "2025-07"));
    let value = |section: &str, row: &str, measure: &str| {
        let found = rows.iter().find(|it| (&it[2], &it[3], &it[4]) == (section, row, measure));
        found.unwrap_or_else(|| panic!("{section} {row} {measure} is not in {text}"))[5].to_owned()
    };
    assert_eq!(value("workforce_total", "", "headcount"), "13");
    assert_eq!(value("money_total", "", "payable"), "56673.71");
    assert_eq!(value("money", "demo-e-001", "payable"), "5733.18");
    assert_eq!(
        value("supervision_total", "", "never"),
        json["supervision"]["neverCount"].to_string()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_may_come_from_standard_input_and_twice_changes_nothing() {
    let cluster = Cluster::one().await;
    let (kind, text) = demo_set::FILES[0];
    let channel = cluster.channel(&[demo_set::OPERATOR]);
    let import = async || {
        let mut command = cluster.command(&["import", kind, "-", "--recorded-on", "2025-07-31"]);
        command.env("ARRS_SERVER", cluster.url("gateway"));
        fed(command, text.as_bytes()).await
    };

    let first = import().await;
    let position = demo_set::positions(&channel).await;
    let second = import().await;

    assert_eq!(first.status.code(), DONE, "{first:?}");
    assert_contains(&out(&first), &["standard input", "30 rows"]);
    assert!(position[0] > 0);
    assert_eq!(second.status.code(), DONE, "{second:?}");
    assert_contains(&out(&second), &["30 rows, nothing new"]);
    assert_eq!(demo_set::positions(&channel).await, position);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_file_ends_with_one_and_lists_every_bad_row() {
    let cluster = Cluster::one().await;
    demo_set::bring_in(&cluster).await;
    let channel = cluster.channel(&[demo_set::OPERATOR]);
    let before = demo_set::positions(&channel).await;
    let header = STAFF.lines().next().unwrap();
    let good =
        "new-1,new-p,Demo-New,One,CP,standard,7,DEMOCOM01,PCN_DIRECT,U09081,37.5,,2025-07-01,,,,,,";
    let hours = good.replace("new-1", "new-2").replace("37.5", "many");
    let role = good.replace("new-1", "new-3").replace("CP", "WIZARD");
    let file = cluster.file("bad.csv", format!("{header}\n{good}\n{hours}\n{role}\n").as_bytes());
    let good_file = cluster.file("next.csv", format!("{header}\n{good}\n").as_bytes());

    let output =
        cluster.run(&["import", "staff", file.to_str().unwrap(), good_file.to_str().unwrap()]);

    assert_eq!(output.status.code(), REFUSED, "{output:?}");
    let told = told(&output);
    assert_contains(&told, &["bad.csv was refused with 2 errors; nothing was written"]);
    let line = |number: u32| {
        let start = format!("line {number}, column ");
        told.lines()
            .find(|line| line.trim_start().starts_with(&start))
            .unwrap_or_else(|| panic!("{start} is not in {told}"))
    };
    assert_contains(line(3), &["weekly_hours", "\"many\"", ": "]);
    assert_contains(line(4), &["role", "\"WIZARD\"", ": "]);
    assert_contains(&told, &["1 more file was not tried"]);
    assert!(output.stdout.is_empty(), "{output:?}");
    assert_eq!(demo_set::positions(&channel).await, before);

    let checked = cluster.run(&["import", "staff", "--check", good_file.to_str().unwrap()]);
    assert_eq!(checked.status.code(), DONE, "{checked:?}");
    assert_contains(&out(&checked), &["nothing written"]);
    assert_eq!(demo_set::positions(&channel).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rule_files_are_checked_without_a_server() {
    let alone = Alone::new();

    let right = alone.run(&["rulebook", "check"]).await;

    assert_eq!(right.status.code(), DONE, "{right:?}");
    let text = out(&right);
    assert_contains(&text, &["The rule files are right", "0 further", "4 printed"]);
    assert_contains(&text, &["NOT KNOWN", "OTHER", "agreed", "outside, outer, inner"]);
    assert!(right.stderr.is_empty(), "{right:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mistake_in_a_rule_file_is_named_by_file_line_and_field() {
    let alone = Alone::new();
    let file = |row: &str| {
        format!(
            "[sources]\nown = \"a test\"\n[[maximum]]\napplies_from = 2026-04-01\n\
             known_from = 2026-11-01\nsource = \"own\"\nconfidence = \"DERIVED\"\nrows = [\n\
             {{ role = \"CP\", band = \"7-8a\", area = \"outside\", {row} }},\n]\n"
        )
    };
    let folder = alone.0.path().to_str().unwrap();
    let check = ["rulebook", "check", "--directory", folder];

    for (row, words) in [
        ("pounds = 71_927", ["extra.toml, line 9, pounds", "DERIVED", "£71,725.00"]),
        ("pounds = 0", ["extra.toml, line 9, pounds", "0", "from 1 to"]),
        ("pound = 1", ["extra.toml, line 9, pound", "unknown field", "pounds"]),
        (
            "pounds = 71725, pounds_a_month = \"5977\"",
            ["extra.toml, line 9, pounds_a_month", "£5,977.00", "£5,977.08"],
        ),
    ] {
        alone.file("extra.toml", &file(row));
        let refused = alone.run(&check).await;
        assert_eq!(refused.status.code(), REFUSED, "{refused:?}");
        assert_contains(&told(&refused), &words);
        assert!(refused.stdout.is_empty(), "{refused:?}");
    }

    alone.file("extra.toml", &file("pounds = 71725"));
    assert_eq!(alone.run(&check).await.status.code(), DONE);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_year_is_printed_as_it_was_known() {
    let alone = Alone::new();
    let show = async |rest: &[&str]| {
        let shown = alone.run(&[&["rulebook", "show", "2025-26"], rest].concat()).await;
        assert_eq!(shown.status.code(), DONE, "{shown:?}");
        out(&shown)
    };

    let today = show(&["--role", "CP"]).await;
    let then = show(&["--role", "CP", "--known-at", "2025-07-31"]).await;
    let whole = show(&[]).await;

    assert_contains(&today, &["CP 7-8a, outside", "£69,410.00", "£5,784.17", "DERIVED", "[1]"]);
    assert!(!today.contains("£66,972.00") && !today.contains("SPLW"), "{today}");
    assert_contains(
        &then,
        &["figures known on 2025-07-31", "£66,972.00", "£5,581.00", "CONFIRMED"],
    );
    assert!(!then.contains("£69,410.00"), "{then}");
    assert_contains(&whole, &["ALLOCATION", "26.631", "MAXIMA", "CAPS", "FEES", "Sources"]);
    assert_contains(&whole, &["ni-rate/MAXIMA", "15%", "salary/7-8a", "https://"]);

    let none = alone.run(&["rulebook", "show", "2031-32"]).await;
    assert_eq!(none.status.code(), REFUSED, "{none:?}");
    assert_contains(&told(&none), &["2031-32 has no rule book", "2025-26"]);
    let nobody = alone.run(&["rulebook", "show", "2025-26", "--role", "XX"]).await;
    assert_eq!(nobody.status.code(), REFUSED, "{nobody:?}");
    assert_contains(&told(&nobody), &["XX is no role", "SPLW"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_years_are_compared_as_they_were_known() {
    let alone = Alone::new();
    let diff = async |rest: &[&str]| {
        let shown = alone.run(&[&["rulebook", "diff", "2024-25", "2025-26"], rest].concat()).await;
        assert_eq!(shown.status.code(), DONE, "{shown:?}");
        out(&shown)
    };

    let today = diff(&["--role", "CP"]).await;
    let then = diff(&["--known-at", "2025-07-31"]).await;

    let moved = ["CP 7-8a, outside", "£65,838.00", "£69,410.00", "£3,572.00 (+5.4%)"];
    assert_contains(&today, &moved);
    assert_contains(&today, &["CONFIRMED, then DERIVED"]);
    assert_contains(&then, &["£66,972.00", "£1,134.00 (+1.7%)", "CNPC 8c", "new", "ended"]);
    assert_contains(&then, &["22.894", "26.631", "are the same", "Sources"]);
}
