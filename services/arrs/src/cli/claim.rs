//! The command line of claims and of the ledger behind them.

use std::fmt;
use std::str::FromStr;

use clap::{Args, Subcommand, ValueEnum};
use terms::{ContractYear, Date, Month, OdsCode, ParseError};
use uuid::Uuid;

use super::{ServerArguments, date};

const CLAIM_HELP: &str = "\
A claim goes from hand to hand; nobody gives both approvals, or one to a claim of their own:
  the PCN      prepare, amend, submit, reply, withdraw
  the ICB      query, check (first approval), approve (second), reject, pay
  both         show, list, explain, history, verify, remark
Without --token you are an operator of this machine, who looks and moves nothing. To try it here:
  export ARRS_TOKEN=$(arrs token pcn-manager@pcn:U09081 --subject NAME)

For example:
  arrs claim prepare U09081 2025-07           what July would come to; nothing is reserved
  arrs claim explain U09081 2025-07 2         why line 2 comes to what it comes to
  arrs claim amend U09081 2025-07 --evidence \"payroll run 4711\"
  arrs claim submit U09081 2025-07            ask for the money, and have it reserved
  arrs claim check U09081 2025-07             first approval, by somebody of the ICB
  arrs claim approve U09081 2025-07           second approval, by somebody else
  arrs claim pay U09081 2025-07 --on 2025-08-29 --reference BACS-1234
  arrs ledger balances U09081                 where the money of the year stands now
  arrs claim arrears U09081 --year 2025-26    what changed about approved months since
  arrs claim prepare U09081 2025-07-adj1      one claim of all that is missing up to July";

#[derive(Debug, Args)]
#[command(after_long_help = CLAIM_HELP)]
pub(crate) struct ClaimArguments {
    /// What to do.
    #[command(subcommand)]
    pub(crate) what: ClaimCommand,
}

/// What to do with claims.
#[derive(Debug, Subcommand)]
pub(crate) enum ClaimCommand {
    /// Build the claim of a month from what is known now, or build it anew; nothing is reserved.
    Prepare(ClaimMove),
    /// Say where the evidence is, and what there is to say; what is not given stays as it is.
    Amend(AmendArguments),
    /// Ask for the money: the claim is frozen, and what it comes to is reserved.
    Submit(ClaimMove),
    /// Ask the PCN a question, which stops the claim until it replies.
    Query(TalkArguments),
    /// Answer the question.
    Reply(TalkArguments),
    /// Give the first approval.
    Check(ClaimMove),
    /// Give the second approval.
    Approve(ClaimMove),
    /// Refuse the claim; what was reserved is free again.
    Reject(RejectArguments),
    /// Take the claim back; what was reserved is free again.
    Withdraw(ClaimMove),
    /// Record that an approved claim was paid.
    Pay(PayArguments),
    /// Say something about a claim or a line of it, in whatever state it is.
    Remark(TalkArguments),
    /// Print a claim with its lines.
    Show(ShowArguments),
    /// Print the claims of a PCN, or of all PCNs that you may see.
    List(ListArguments),
    /// Print how a line comes to its amount, step by step, and what was said about it.
    Explain(ExplainArguments),
    /// Print what was done with a claim, by whom and when.
    History(LookArguments),
    /// Print what changed about the approved months of a year: maxima that rose, pay that came
    /// later or was taken back, hours that were corrected.
    Arrears(ArrearsArguments),
    /// Evaluate a claim again from what was frozen; fails if a line or step comes out otherwise.
    Verify(LookArguments),
}

impl ClaimCommand {
    /// The server that it asks.
    pub(crate) fn server(&self) -> &ServerArguments {
        match self {
            ClaimCommand::Prepare(made)
            | ClaimCommand::Submit(made)
            | ClaimCommand::Check(made)
            | ClaimCommand::Approve(made)
            | ClaimCommand::Withdraw(made)
            | ClaimCommand::Amend(AmendArguments { made, .. })
            | ClaimCommand::Query(TalkArguments { made, .. })
            | ClaimCommand::Reply(TalkArguments { made, .. })
            | ClaimCommand::Remark(TalkArguments { made, .. })
            | ClaimCommand::Reject(RejectArguments { made, .. })
            | ClaimCommand::Pay(PayArguments { made, .. }) => &made.server,
            ClaimCommand::Arrears(ArrearsArguments { server, .. })
            | ClaimCommand::Show(ShowArguments { server, .. })
            | ClaimCommand::List(ListArguments { server, .. })
            | ClaimCommand::Explain(ExplainArguments { server, .. })
            | ClaimCommand::History(LookArguments { server, .. })
            | ClaimCommand::Verify(LookArguments { server, .. }) => server,
        }
    }
}

/// Which claim.
#[derive(Clone, Debug, Args)]
pub(crate) struct ClaimName {
    /// The PCN, for example U09081.
    #[arg(value_name = "PCN")]
    pub(crate) code: OdsCode,

    /// The month, for example 2025-07; 2025-07-adj1 is the first adjustment of what was approved
    /// up to July.
    #[arg(value_name = "MONTH")]
    pub(crate) month: ClaimOf,
}

/// The month of a claim, and which adjustment it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ClaimOf {
    month: Month,
    adjustment: Option<u32>,
}

impl FromStr for ClaimOf {
    type Err = ParseError;
    fn from_str(text: &str) -> Result<ClaimOf, ParseError> {
        let Some((month, number)) = text.split_once("-adj") else {
            return Ok(ClaimOf { month: text.parse()?, adjustment: None });
        };
        let expected = "must be a month such as 2025-07, or an adjustment such as 2025-07-adj1";
        let number = number.parse().ok().filter(|number| *number > 0);
        let adjustment = Some(number.ok_or(ParseError { expected })?);
        Ok(ClaimOf { month: month.parse()?, adjustment })
    }
}

impl fmt::Display for ClaimOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.month)?;
        self.adjustment.map_or(Ok(()), |number| write!(f, "-adj{number}"))
    }
}

/// What every move of a claim needs.
#[derive(Clone, Debug, Args)]
pub(crate) struct ClaimMove {
    #[command(flatten)]
    pub(crate) claim: ClaimName,

    /// The version that you looked at, as `arrs claim show` prints it, or an empty one if there was
    /// no claim; another one by now is refused. Without, the claim is read and moved as it is.
    #[arg(long, value_name = "ETAG")]
    pub(crate) etag: Option<String>,

    /// A UUID of your own: the same command with the same UUID and etag is done once, however
    /// often it is given.
    #[arg(long, value_name = "UUID")]
    pub(crate) request_id: Option<Uuid>,

    /// Check everything, write nothing.
    #[arg(long)]
    pub(crate) check: bool,

    #[command(flatten)]
    pub(crate) server: ServerArguments,
}

#[derive(Debug, Args)]
#[group(id = "amendment", required = true, multiple = true, args = ["note", "evidence"])]
pub(crate) struct AmendArguments {
    #[command(flatten)]
    pub(crate) made: ClaimMove,

    /// What there is to say about the claim; it should name no person. Empty takes it away.
    #[arg(long, value_name = "TEXT")]
    pub(crate) note: Option<String>,

    /// Where evidence is kept, for example "payroll run 4711". Give it again for each; together
    /// they replace what was there, and an empty one alone takes it away.
    #[arg(long, value_name = "REF")]
    pub(crate) evidence: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct TalkArguments {
    #[command(flatten)]
    pub(crate) made: ClaimMove,

    /// What to say. Everybody who may read the claim sees it, so it should name no person.
    #[arg(long)]
    pub(crate) text: String,

    /// The line it is about, by its number; the claim as a whole without.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(i32).range(1..))]
    pub(crate) line: Option<i32>,
}

#[derive(Debug, Args)]
pub(crate) struct RejectArguments {
    #[command(flatten)]
    pub(crate) made: ClaimMove,

    /// Why. Everybody who may read the claim sees it, so it should name no person.
    #[arg(long)]
    pub(crate) text: String,
}

#[derive(Debug, Args)]
pub(crate) struct PayArguments {
    #[command(flatten)]
    pub(crate) made: ClaimMove,

    /// The day on which it was paid.
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = date)]
    pub(crate) on: Date,

    /// What the payer calls the payment.
    #[arg(long, value_name = "TEXT")]
    pub(crate) reference: String,
}

#[derive(Debug, Args)]
pub(crate) struct ShowArguments {
    #[command(flatten)]
    pub(crate) claim: ClaimName,

    /// As known at the end of this day, which must be over.
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = date)]
    pub(crate) known_at: Option<Date>,

    #[command(flatten)]
    pub(crate) server: ServerArguments,
}

/// How far a claim has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ClaimStage {
    /// Built, and not asked for yet.
    Prepared,
    /// Asked for; waits for the first approval.
    Submitted,
    /// Waits for an answer of the PCN.
    Queried,
    /// Waits for the second approval.
    Checked,
    /// Waits to be paid.
    Approved,
    /// Paid.
    Paid,
    /// Refused by the ICB.
    Rejected,
    /// Taken back by the PCN.
    Withdrawn,
}

#[derive(Debug, Args)]
pub(crate) struct ListArguments {
    /// The PCN; all that you may see without.
    #[arg(value_name = "PCN")]
    pub(crate) code: Option<OdsCode>,

    /// Only claims in this state; give it again, or several with commas, for more.
    #[arg(long, value_enum, value_delimiter = ',')]
    pub(crate) state: Vec<ClaimStage>,

    /// Only claims of this contract year, for example 2025-26.
    #[arg(long)]
    pub(crate) year: Option<ContractYear>,

    /// As known at the end of this day, which must be over.
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = date)]
    pub(crate) known_at: Option<Date>,

    #[command(flatten)]
    pub(crate) server: ServerArguments,
}

#[derive(Debug, Args)]
pub(crate) struct ExplainArguments {
    #[command(flatten)]
    pub(crate) claim: ClaimName,

    /// The line: its number, or what your files call the engagement.
    #[arg(value_name = "LINE|REFERENCE")]
    pub(crate) line: String,

    /// As known at the end of this day, which must be over.
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = date)]
    pub(crate) known_at: Option<Date>,

    #[command(flatten)]
    pub(crate) server: ServerArguments,
}

#[derive(Debug, Args)]
pub(crate) struct ArrearsArguments {
    /// The PCN, for example U09081.
    #[arg(value_name = "PCN")]
    pub(crate) code: OdsCode,

    /// The contract year, for example 2025-26.
    #[arg(long)]
    pub(crate) year: ContractYear,

    #[command(flatten)]
    pub(crate) server: ServerArguments,
}

/// What it takes to look at a claim as it is.
#[derive(Debug, Args)]
pub(crate) struct LookArguments {
    #[command(flatten)]
    pub(crate) claim: ClaimName,

    #[command(flatten)]
    pub(crate) server: ServerArguments,
}

#[derive(Debug, Args)]
pub(crate) struct LedgerArguments {
    /// What to do.
    #[command(subcommand)]
    pub(crate) what: LedgerCommand,
}

/// What to look at in the ledger.
#[derive(Debug, Subcommand)]
pub(crate) enum LedgerCommand {
    /// Print where the money of each year and pot of a PCN stands.
    Balances(BalancesArguments),
    /// Print every transfer that led there, in order.
    Transfers(TransfersArguments),
    /// Print what is owed to a PCN and how long it has waited, when it may be expected, and what
    /// its people cost meanwhile.
    Owed(OwedArguments),
}

#[derive(Debug, Args)]
pub(crate) struct BalancesArguments {
    /// The PCN, for example U09081.
    #[arg(value_name = "PCN")]
    pub(crate) code: OdsCode,

    /// As known at the end of this day, which must be over.
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = date)]
    pub(crate) known_at: Option<Date>,

    #[command(flatten)]
    pub(crate) server: ServerArguments,
}

#[derive(Debug, Args)]
pub(crate) struct OwedArguments {
    /// The PCN, for example U09081; one row for each that you may see without.
    #[arg(value_name = "PCN")]
    pub(crate) code: Option<OdsCode>,

    /// As known at the end of this day, which must be over.
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = date)]
    pub(crate) known_at: Option<Date>,

    #[command(flatten)]
    pub(crate) server: ServerArguments,
}

#[derive(Debug, Args)]
pub(crate) struct TransfersArguments {
    /// The PCN, for example U09081.
    #[arg(value_name = "PCN")]
    pub(crate) code: OdsCode,

    /// Only of this contract year, for example 2025-26.
    #[arg(long)]
    pub(crate) year: Option<ContractYear>,

    #[command(flatten)]
    pub(crate) server: ServerArguments,
}
