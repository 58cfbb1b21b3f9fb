//! The command line.

mod claim;

pub(crate) use claim::{
    AmendArguments, ArrearsArguments, BalancesArguments, ClaimArguments, ClaimCommand, ClaimMove,
    ClaimName, ClaimStage, ExplainArguments, LedgerArguments, LedgerCommand, ListArguments,
    OwedArguments, PayArguments, RejectArguments, ShowArguments, TalkArguments, TransfersArguments,
};

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use kit::audit::Head;
use kit::identity::Grant;
use terms::{ContractYear, Date, Month, OdsCode, RoleCode};

const AFTER_HELP: &str = "\
First steps:
  arrs demo                                   run everything with a demonstration set
  arrs serve                                  run everything on data of your own
  arrs import organisations organisations.csv bring in files, in the order organisations, lists,
                                              staff, pay, sessions
  arrs report pcn U09081 --month 2025-07      look at a PCN and month
  arrs rulebook show 2025-26                  look at the figures of a year
  arrs claim prepare U09081 2025-07           build the claim of a month; `arrs claim --help` tells
                                              how it comes to be paid

Exit codes: 0 done, 1 refused, 2 wrong usage, 64 wrong configuration, 69 server not reachable.";

/// Workforce, finance and supervision of the Additional Roles Reimbursement Scheme.
#[derive(Debug, Parser)]
#[command(name = "arrs", version, after_help = AFTER_HELP)]
pub(crate) struct Cli {
    /// Settings that differ from the defaults (see `arrs config`); variables such as
    /// `ARRS__KIT__LOG__FORMAT` win over the file.
    #[arg(long, global = true, value_name = "FILE", env = "ARRS_CONFIG")]
    pub(crate) config: Option<PathBuf>,

    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the suite, or one service of it, until Ctrl-C or SIGTERM.
    Serve(ServeArguments),
    /// Run the suite with a demonstration set, print its report, and go on serving.
    Demo(DemoArguments),
    /// Bring in files: each whole, or not at all.
    Import(ImportArguments),
    /// Print a report.
    Report(ReportArguments),
    /// Prepare the claim of a PCN and month, move it from hand to hand, and explain it.
    Claim(ClaimArguments),
    /// Look into the ledger: where the money of a PCN stands, and how it came there.
    Ledger(LedgerArguments),
    /// Look into the figures of the scheme: check them, print a year, compare two.
    Rulebook(RulebookArguments),
    /// Look into the audit trail: who did what, and whether it is whole.
    Audit(AuditArguments),
    /// Print a token of the local issuer, for trying the suite on this machine.
    Token(TokenArguments),
    /// Bring the databases up to what this version needs.
    Migrate,
    /// Look after the facts that services tell each other.
    Facts(FactsArguments),
    /// Print all settings in force, secrets masked.
    Config,
    /// Ask a server whether it serves; for probes.
    Healthcheck(HealthcheckArguments),
}

/// Which part of the suite a process runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ServeRole {
    /// Everything in one process.
    All,
    /// People, hours, organisations.
    Workforce,
    /// Rules, pay, claims.
    Finance,
    /// Requirements and sessions.
    Supervision,
    /// Reports, and the way to the others.
    Gateway,
}

#[derive(Debug, Args)]
pub(crate) struct ServeArguments {
    /// Which part of the suite to run.
    #[arg(value_enum, default_value = "all")]
    pub(crate) role: ServeRole,
}

#[derive(Debug, Args)]
pub(crate) struct DemoArguments {
    /// End after the report instead of serving.
    #[arg(long)]
    pub(crate) exit: bool,

    /// Where the demonstration's databases are kept.
    #[arg(long, value_name = "FOLDER", default_value = "data/demo")]
    pub(crate) folder: PathBuf,
}

/// How to reach a server, and as whom.
#[derive(Clone, Debug, Args)]
pub(crate) struct ServerArguments {
    /// The gateway.
    #[arg(long, value_name = "URL", env = "ARRS_SERVER", default_value = "http://127.0.0.1:8080")]
    pub(crate) server: String,

    /// The authorities to trust where the address begins with https, in PEM; those of the settings
    /// without, or the public ones.
    #[arg(long, value_name = "FILE", env = "ARRS_CA")]
    pub(crate) ca: Option<PathBuf>,

    /// The bearer token. Without one, a token of the local issuer is made, as an operator of this
    /// machine, if its key is here.
    #[arg(long, env = "ARRS_TOKEN", hide_env_values = true)]
    pub(crate) token: Option<String>,
}

/// What a file can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// code, name, kind, relation, related_code, valid_from, valid_to, london_area
    Organisations,
    /// code, date, registered, weighted [, adjusted]
    Lists,
    /// one row an assignment: engagement_id, person_id, family_name, given_name, role, stage, band,
    /// employer_code, model, pcn_code, weekly_hours, full_time_hours, start, end,
    /// registration_body, registration_number, registration_expiry, leaving_reason
    /// [, contract_hours]
    Staff,
    /// engagement_id, month, salary, employer_ni, employer_pension, fees, paid_on
    Pay,
    /// session_id, person_id, supervisor_id, kind, date, minutes, pcn_code
    Sessions,
    /// the published PCN workforce file of 16 columns
    PcnWorkforce,
    /// PCNs as the Organisation Data Service publishes them
    OdsPcns,
    /// practices of PCNs as the Organisation Data Service publishes them
    OdsPartners,
    /// patients registered at practices, as published each month
    PracticeLists,
}

impl Kind {
    /// The word of the import services.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Kind::Organisations => "organisations",
            Kind::Lists => "lists",
            Kind::Staff => "staff",
            Kind::Pay => "pay",
            Kind::Sessions => "sessions",
            Kind::PcnWorkforce => "pcn-workforce",
            Kind::OdsPcns => "ods-pcns",
            Kind::OdsPartners => "ods-partners",
            Kind::PracticeLists => "practice-lists",
        }
    }

    /// The service that owns it.
    pub(crate) fn service(self) -> &'static str {
        match self {
            Kind::Pay => "finance",
            Kind::Sessions => "supervision",
            Kind::Organisations
            | Kind::Lists
            | Kind::Staff
            | Kind::PcnWorkforce
            | Kind::OdsPcns
            | Kind::OdsPartners
            | Kind::PracticeLists => "workforce",
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct ImportArguments {
    /// What the files hold, with their columns.
    #[arg(value_enum)]
    pub(crate) kind: Kind,

    /// CSV files in UTF-8 with a header, in the order in which to bring them in; `-` is standard
    /// input.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,

    /// Who keeps the records, where that cannot be told from the caller or the file.
    #[arg(long, value_name = "ODS")]
    pub(crate) owner: Option<OdsCode>,

    /// Record everything as known since this day: for loading history. Kept in the audit trail.
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = date)]
    pub(crate) recorded_on: Option<Date>,

    /// Check everything, write nothing.
    #[arg(long)]
    pub(crate) check: bool,

    #[command(flatten)]
    pub(crate) server: ServerArguments,
}

#[derive(Debug, Args)]
pub(crate) struct RulebookArguments {
    /// What to do.
    #[command(subcommand)]
    pub(crate) what: RulebookCommand,
}

/// What to do with the figures. Nothing here asks a server: the files compiled in and those of
/// `finance.rulebook_directory` are read, as a server with the same settings reads them.
#[derive(Debug, Subcommand)]
pub(crate) enum RulebookCommand {
    /// Check the rule files, and list what nobody knows; fails if one has a mistake.
    Check(RulebookCheckArguments),
    /// Print the figures that hold in a contract year, each with its mark and source.
    Show(RulebookShowArguments),
    /// Print what differs between the ends of two contract years.
    Diff(RulebookDiffArguments),
}

#[derive(Debug, Args)]
pub(crate) struct RulebookCheckArguments {
    /// Rule files to check together with those compiled in; those of the settings without.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) directory: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct RulebookShowArguments {
    /// The contract year, for example 2025-26.
    pub(crate) year: ContractYear,

    #[command(flatten)]
    pub(crate) figures: FiguresArguments,
}

#[derive(Debug, Args)]
pub(crate) struct RulebookDiffArguments {
    /// The earlier contract year, for example 2024-25.
    pub(crate) from: ContractYear,

    /// The later one.
    pub(crate) to: ContractYear,

    #[command(flatten)]
    pub(crate) figures: FiguresArguments,
}

/// Which figures to print.
#[derive(Debug, Args)]
pub(crate) struct FiguresArguments {
    /// Only figures of this role, for example CP.
    #[arg(long, value_name = "CODE")]
    pub(crate) role: Option<RoleCode>,

    /// As known at the end of this day; today without.
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = date)]
    pub(crate) known_at: Option<Date>,
}

#[derive(Debug, Args)]
pub(crate) struct AuditArguments {
    /// What to do.
    #[command(subcommand)]
    pub(crate) what: AuditCommand,
}

/// What to do with the audit trail.
#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Print what happened, the newest first.
    List(AuditListArguments),
    /// Check that every event is as it was sealed, in its order; fails if one is not.
    Verify(AuditVerifyArguments),
}

/// A service that keeps a trail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Audited {
    /// People, hours, organisations; also reports that nobody was allowed.
    Workforce,
    /// Rules, pay, claims.
    Finance,
    /// Requirements and sessions.
    Supervision,
}

/// What came of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum AuditedOutcome {
    /// It was done.
    Done,
    /// Personal data were shown.
    Read,
    /// The caller was not allowed to.
    Denied,
    /// It was wrong in itself.
    Refused,
}

#[derive(Debug, Args)]
pub(crate) struct AuditListArguments {
    /// The service; all of them without.
    #[arg(value_enum)]
    pub(crate) service: Option<Audited>,

    /// Not before this day.
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = date)]
    pub(crate) since: Option<Date>,

    /// Not after this day.
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = date)]
    pub(crate) until: Option<Date>,

    /// Of this principal: issuer and subject of a token, as they are printed here.
    #[arg(long, value_name = "TEXT")]
    pub(crate) principal: Option<String>,

    /// Of this method, such as arrs.workforce.v1.PersonService/GetPerson.
    #[arg(long, value_name = "METHOD")]
    pub(crate) method: Option<String>,

    /// About this resource, such as people/0198c2a4-...
    #[arg(long, value_name = "NAME")]
    pub(crate) resource: Option<String>,

    /// About the records of this PCN, federation or ICB.
    #[arg(long, value_name = "ODS")]
    pub(crate) tenant: Option<OdsCode>,

    /// With this outcome.
    #[arg(long, value_enum)]
    pub(crate) outcome: Option<AuditedOutcome>,

    /// The most events to print.
    #[arg(long, value_name = "COUNT", default_value = "50",
          value_parser = clap::value_parser!(i32).range(1..=1_000))]
    pub(crate) limit: i32,

    #[command(flatten)]
    pub(crate) server: ServerArguments,
}

#[derive(Debug, Args)]
pub(crate) struct AuditVerifyArguments {
    /// The service; all of them without.
    #[arg(value_enum)]
    pub(crate) service: Option<Audited>,

    /// A head noted earlier, from the log or an earlier check: the trail must still have it.
    #[arg(long, value_name = "SEQ:HASH", requires = "service")]
    pub(crate) head: Option<Head>,

    #[command(flatten)]
    pub(crate) server: ServerArguments,
}

#[derive(Debug, Args)]
pub(crate) struct ReportArguments {
    /// What the report is of.
    #[command(subcommand)]
    pub(crate) of: ReportOf,
}

/// What a report is of.
#[derive(Debug, Subcommand)]
pub(crate) enum ReportOf {
    /// Workforce, money and supervision of one PCN and month.
    Pcn(PcnReportArguments),
    /// All the money of one PCN in a contract year so far: what it gets beside the scheme, and what
    /// the scheme pays, role by role.
    Money(MoneyReportArguments),
}

#[derive(Debug, Args)]
pub(crate) struct PcnReportArguments {
    /// The PCN, for example U09081.
    pub(crate) code: OdsCode,

    /// The month, for example 2025-07.
    #[arg(long, value_name = "YYYY-MM")]
    pub(crate) month: Month,

    /// Use the scheme's figures as known at the end of this day; today's without.
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = date)]
    pub(crate) rules_known_on: Option<Date>,

    /// Use records and figures as known at the end of this day, which must be over.
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = date)]
    pub(crate) known_at: Option<Date>,

    /// How to print it.
    #[arg(long, value_enum, default_value = "table")]
    pub(crate) format: Format,

    #[command(flatten)]
    pub(crate) server: ServerArguments,
}

#[derive(Debug, Args)]
pub(crate) struct MoneyReportArguments {
    /// The PCN, for example U09081.
    pub(crate) code: OdsCode,

    /// The contract year, for example 2025-26.
    #[arg(long, value_name = "YYYY-YY")]
    pub(crate) year: ContractYear,

    /// Use the scheme's figures as known at the end of this day; today's without.
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = date)]
    pub(crate) rules_known_on: Option<Date>,

    /// Use records and figures as known at the end of this day, which must be over.
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = date)]
    pub(crate) known_at: Option<Date>,

    #[command(flatten)]
    pub(crate) server: ServerArguments,
}

/// How a report is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Table,
    /// The whole answer, as the contracts define it.
    Json,
    /// One row a figure, for spreadsheets.
    Csv,
}

#[derive(Debug, Args)]
pub(crate) struct TokenArguments {
    /// What the token grants, as role@scope: `pcn-manager@pcn:U09081`, `auditor@england`,
    /// `icb-finance@icb:QT6`, `federation-manager@federation:DEMOFED01`.
    #[arg(required = true, value_name = "ROLE@SCOPE")]
    pub(crate) grants: Vec<Grant>,

    /// Whom the token names.
    #[arg(long, default_value = "local-user")]
    pub(crate) subject: String,

    /// How long it lasts.
    #[arg(long, default_value_t = 12, value_parser = clap::value_parser!(u16).range(1..=720))]
    pub(crate) hours: u16,
}

#[derive(Debug, Args)]
pub(crate) struct FactsArguments {
    /// What to do with them.
    #[command(subcommand)]
    pub(crate) action: FactsAction,
}

/// What operators do with facts.
#[derive(Debug, Subcommand)]
pub(crate) enum FactsAction {
    /// List facts that could not be recorded, with those that wait behind them.
    Parked(ParkedArguments),
    /// Try parked facts again.
    Redrive(RedriveArguments),
    /// Have a service follow the others again from their first fact, and wait until it has.
    Replay(ReplayArguments),
    /// Publish facts on the broker again, for subscribers that lost them. They keep their ids, so
    /// the broker drops those that it had within its duplicate window.
    Republish(RepublishArguments),
}

/// A service that tells facts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Telling {
    /// People, hours, organisations.
    Workforce,
    /// Pay.
    Finance,
    /// Sessions.
    Supervision,
}

impl Telling {
    /// The name of the service.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Telling::Workforce => "workforce",
            Telling::Finance => "finance",
            Telling::Supervision => "supervision",
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct RepublishArguments {
    /// The service that told them.
    #[arg(value_enum)]
    pub(crate) service: Telling,

    /// Only the facts after this position; 0 for all.
    #[arg(long, value_name = "POSITION", value_parser = clap::value_parser!(i64).range(0..))]
    pub(crate) after: i64,

    #[command(flatten)]
    pub(crate) server: ServerArguments,
}

/// A service that keeps a projection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Following {
    /// Follows workforce.
    Finance,
    /// Follows workforce.
    Supervision,
}

impl Following {
    /// The name of the service.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Following::Finance => "finance",
            Following::Supervision => "supervision",
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct ParkedArguments {
    /// Only those of one service.
    #[arg(value_enum)]
    pub(crate) service: Option<Following>,

    #[command(flatten)]
    pub(crate) server: ServerArguments,
}

#[derive(Debug, Args)]
pub(crate) struct RedriveArguments {
    /// The service that could not record them.
    #[arg(value_enum)]
    pub(crate) service: Following,

    /// Only those about one resource, such as organisations/U00070.
    #[arg(long)]
    pub(crate) subject: Option<String>,

    #[command(flatten)]
    pub(crate) server: ServerArguments,
}

#[derive(Debug, Args)]
pub(crate) struct ReplayArguments {
    /// The service that follows.
    #[arg(value_enum)]
    pub(crate) service: Following,

    #[command(flatten)]
    pub(crate) server: ServerArguments,
}

#[derive(Debug, Args)]
pub(crate) struct HealthcheckArguments {
    /// The server to ask; the gateway's listening address of the settings without.
    #[arg(long, value_name = "URL", env = "ARRS_SERVER")]
    pub(crate) server: Option<String>,

    /// The authorities to trust where the address begins with https, in PEM; those of the settings
    /// without, or the public ones.
    #[arg(long, value_name = "FILE", env = "ARRS_CA")]
    pub(crate) ca: Option<PathBuf>,
}

fn date(text: &str) -> Result<Date, terms::ParseError> {
    terms::parse_date(text)
}
