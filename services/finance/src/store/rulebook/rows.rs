//! How rule files are laid out, and what a row of them becomes.

use std::collections::BTreeMap;

use serde::Deserialize;
use terms::{Fraction, Minutes, Pence, Population, RoleCode};
use toml::Spanned;
use toml::value::Datetime;

use crate::domain::baseline::BaselineRule;
use crate::domain::figure::{Cell, ListRange, Share, Value};
use crate::domain::policy::{Policy, PolicyError};
use crate::domain::rulebook::{LondonRegion, PotPeriod, Role, RoleShare, Row};

use super::check::Check;
use super::incomes::IncomeRow;
use super::on_costs::OnCostRow;

/// Months: a payment that takes longer than two years has a slipped digit.
const DELAY_MAX: u32 = 24;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RuleFile {
    #[serde(default)]
    pub(super) sources: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) maximum: Vec<Spanned<EditionRow<MaximumRow>>>,
    #[serde(default)]
    pub(super) rate: Vec<Spanned<EditionRow<RateRow>>>,
    #[serde(default)]
    pub(super) sum: Vec<Spanned<EditionRow<SumRow>>>,
    #[serde(default)]
    pub(super) share: Vec<Spanned<EditionRow<ShareRow>>>,
    #[serde(default)]
    pub(super) cap: Vec<Spanned<EditionRow<CapRow>>>,
    #[serde(default)]
    pub(super) fee: Vec<Spanned<EditionRow<FeeRow>>>,
    #[serde(default)]
    pub(super) on_cost: Vec<Spanned<EditionRow<OnCostRow>>>,
    #[serde(default)]
    pub(super) payment_delay: Vec<Spanned<EditionRow<PaymentDelayRow>>>,
    #[serde(default)]
    pub(super) income: Vec<Spanned<EditionRow<IncomeRow>>>,
    #[serde(default)]
    pub(super) role: Vec<Spanned<RoleRow>>,
    #[serde(default)]
    pub(super) policy: Vec<Spanned<PolicyRow>>,
    pub(super) london: Option<Spanned<LondonRow>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EditionRow<R> {
    /// Whether its rows are added to the table in force, rather than taking its place.
    #[serde(default)]
    pub(super) addition: bool,
    pub(super) applies_from: Datetime,
    pub(super) applies_to: Option<Datetime>,
    pub(super) known_from: Option<Datetime>,
    pub(super) source: Option<String>,
    pub(super) confidence: Option<String>,
    pub(super) rows: Vec<Spanned<R>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MaximumRow {
    pub(super) role: String,
    pub(super) band: String,
    pub(super) area: String,
    pub(super) share: Option<i64>,
    pub(super) pounds: i64,
    pub(super) pounds_a_month: Option<String>,
    pub(super) confidence: Option<String>,
    pub(super) source: Option<String>,
    pub(super) note: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RateRow {
    pub(super) pot: String,
    pub(super) pounds_per_weighted_patient: String,
    pub(super) confidence: Option<String>,
    pub(super) source: Option<String>,
    pub(super) note: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SumRow {
    pub(super) pot: String,
    pub(super) min_list: Option<u32>,
    pub(super) max_list: Option<u32>,
    pub(super) pounds: String,
    pub(super) confidence: Option<String>,
    pub(super) source: Option<String>,
    pub(super) note: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ShareRow {
    pub(super) role: String,
    pub(super) percent: i64,
    pub(super) confidence: Option<String>,
    pub(super) source: Option<String>,
    pub(super) note: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CapRow {
    pub(super) role: Option<String>,
    pub(super) min_list: Option<u32>,
    pub(super) max_list: Option<u32>,
    pub(super) wte: Option<u32>,
    pub(super) confidence: Option<String>,
    pub(super) source: Option<String>,
    pub(super) note: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FeeRow {
    pub(super) role: String,
    pub(super) pounds_a_month_per_wte: i64,
    pub(super) confidence: Option<String>,
    pub(super) source: Option<String>,
    pub(super) note: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PaymentDelayRow {
    pub(super) term: String,
    pub(super) months: u32,
    pub(super) confidence: Option<String>,
    pub(super) source: Option<String>,
    pub(super) note: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RoleRow {
    pub(super) code: String,
    pub(super) name: String,
    pub(super) bands: Vec<String>,
    pub(super) row: Option<String>,
    #[serde(default)]
    pub(super) row_by_band: bool,
    pub(super) row_without_band: Option<String>,
    #[serde(default)]
    pub(super) half_share: bool,
    pub(super) whole_share_from: Option<Datetime>,
    pub(super) full_time_minutes: Option<u32>,
    pub(super) baseline: Option<BaselineRow>,
    #[serde(default)]
    pub(super) pots: Vec<PotRow>,
    pub(super) joined: Datetime,
    pub(super) left: Option<Datetime>,
    pub(super) source: String,
    pub(super) confidence: String,
    pub(super) note: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BaselineRow {
    pub(super) from: Datetime,
    pub(super) source: String,
    pub(super) confidence: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PotRow {
    pub(super) pot: String,
    pub(super) applies_from: Datetime,
    pub(super) applies_to: Datetime,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PolicyRow {
    pub(super) point: String,
    pub(super) name: String,
    pub(super) value: String,
    pub(super) alternatives: Vec<String>,
    pub(super) basis: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LondonRow {
    pub(super) region: String,
    pub(super) source: String,
    pub(super) confidence: String,
}

/// Cell, value and provenance of a row of any table.
pub(super) struct Entry {
    pub(super) cell: Cell,
    pub(super) value: Value,
    pub(super) confidence: Option<String>,
    pub(super) source: Option<String>,
    pub(super) note: Option<String>,
}

/// A row of a table of figures.
pub(super) trait FigureRow {
    const TABLE: &'static str;
    fn entry(&self, check: &mut Check<'_>) -> Option<Entry>;

    /// The twelfth of the amount that is printed beside it, if one is.
    fn a_month(&self, _: &mut Check<'_>) -> Option<Pence> {
        None
    }
}

impl FigureRow for MaximumRow {
    const TABLE: &'static str = "maximum";

    fn entry(&self, check: &mut Check<'_>) -> Option<Entry> {
        let role = check.word::<RoleCode>("role", &self.role);
        let area = check.word("area", &self.area);
        let share = self.share.map_or(Some(Share::WHOLE), |of| percent("share", of, check));
        let value = check.pounds("pounds", self.pounds).map(Value::AYear);
        let (role, area, share, value) = (role?, area?, share?, value?);
        let label = self.band.clone();
        let band =
            if check.by_band.contains(&role) { Some(check.word("band", &label)?) } else { None };
        Some(Entry {
            cell: Cell::Maximum { role, label, band, area, share },
            value,
            confidence: self.confidence.clone(),
            source: self.source.clone(),
            note: self.note.clone(),
        })
    }

    fn a_month(&self, check: &mut Check<'_>) -> Option<Pence> {
        let printed: Pence = check.word("pounds_a_month", self.pounds_a_month.as_ref()?)?;
        let twelfth = Pence::from_fraction(Fraction::new(Pence::from_pounds(self.pounds).0, 12));
        if printed != twelfth {
            let reason = format!("{printed} is not a month of {} a year", self.pounds);
            return check.fault("pounds_a_month", reason, &format!("must be {twelfth}"));
        }
        Some(printed)
    }
}

impl FigureRow for RateRow {
    const TABLE: &'static str = "rate";

    fn entry(&self, check: &mut Check<'_>) -> Option<Entry> {
        let pot = check.word("pot", &self.pot);
        let field = "pounds_per_weighted_patient";
        let rate: Option<terms::Rate> = check.word(field, &self.pounds_per_weighted_patient);
        let (pot, rate) = (pot?, rate?);
        if rate.ten_thousandths() == 0 {
            return check.fault(
                field,
                "a rate of zero pays nothing".to_owned(),
                "must be positive",
            );
        }
        Some(Entry {
            cell: Cell::Rate { pot },
            value: Value::PerWeightedPatient(rate),
            confidence: self.confidence.clone(),
            source: self.source.clone(),
            note: self.note.clone(),
        })
    }
}

impl FigureRow for SumRow {
    const TABLE: &'static str = "sum";

    fn entry(&self, check: &mut Check<'_>) -> Option<Entry> {
        let pot = check.word("pot", &self.pot);
        let lists = lists(self.min_list, self.max_list, check);
        let sum: Option<Pence> = check.word("pounds", &self.pounds);
        let (pot, lists, sum) = (pot?, lists?, sum?);
        if sum <= Pence::ZERO {
            let reason = "a sum of nothing pays nothing".to_owned();
            return check.fault("pounds", reason, "must be positive");
        }
        Some(Entry {
            cell: Cell::Sum { pot, lists },
            value: Value::Fixed(sum),
            confidence: self.confidence.clone(),
            source: self.source.clone(),
            note: self.note.clone(),
        })
    }
}

impl FigureRow for ShareRow {
    const TABLE: &'static str = "share";

    fn entry(&self, check: &mut Check<'_>) -> Option<Entry> {
        let role = check.word("role", &self.role);
        let value = percent("percent", self.percent, check).map(Value::Share);
        Some(Entry {
            cell: Cell::Share { role: role? },
            value: value?,
            confidence: self.confidence.clone(),
            source: self.source.clone(),
            note: self.note.clone(),
        })
    }
}

impl FigureRow for CapRow {
    const TABLE: &'static str = "cap";

    fn entry(&self, check: &mut Check<'_>) -> Option<Entry> {
        let role = match &self.role {
            None => None,
            Some(role) => Some(check.word("role", role)?),
        };
        let lists = lists(self.min_list, self.max_list, check)?;
        if self.wte == Some(0) {
            let reason = "a limit of zero allows nobody".to_owned();
            return check.fault("wte", reason, "must be positive, or left out for no limit");
        }
        Some(Entry {
            cell: Cell::Cap { role, lists },
            value: self.wte.map_or(Value::Unlimited, Value::Wte),
            confidence: self.confidence.clone(),
            source: self.source.clone(),
            note: self.note.clone(),
        })
    }
}

impl FigureRow for FeeRow {
    const TABLE: &'static str = "fee";

    fn entry(&self, check: &mut Check<'_>) -> Option<Entry> {
        let role = check.word("role", &self.role);
        let value = check.pounds("pounds_a_month_per_wte", self.pounds_a_month_per_wte);
        Some(Entry {
            cell: Cell::Fee { role: role? },
            value: Value::AMonth(value?),
            confidence: self.confidence.clone(),
            source: self.source.clone(),
            note: self.note.clone(),
        })
    }
}

impl FigureRow for PaymentDelayRow {
    const TABLE: &'static str = "payment_delay";

    fn entry(&self, check: &mut Check<'_>) -> Option<Entry> {
        let term = check.word("term", &self.term)?;
        if self.months > DELAY_MAX {
            let reason = format!("{} months cannot be the delay", self.months);
            return check.fault("months", reason, &format!("must be at most {DELAY_MAX}"));
        }
        Some(Entry {
            cell: Cell::PaymentDelay { term },
            value: Value::Months(self.months),
            confidence: self.confidence.clone(),
            source: self.source.clone(),
            note: self.note.clone(),
        })
    }
}

/// Registered lists from one number of patients to another.
fn lists(least: Option<u32>, most: Option<u32>, check: &mut Check<'_>) -> Option<ListRange> {
    let least = least.unwrap_or(0);
    if most.is_some_and(|most| most < least) {
        let reason = "the largest list is below the smallest".to_owned();
        return check.fault("max_list", reason, "must be at least min_list");
    }
    let (least, most) = (Population::from_patients(least), most.map(Population::from_patients));
    Some(ListRange { least, most })
}

fn percent(field: &str, percent: i64, check: &mut Check<'_>) -> Option<Share> {
    match Share::from_percent(percent) {
        Some(share) => Some(share),
        None => check.fault(field, format!("{percent} is not a share"), "must be from 1 to 100"),
    }
}

pub(super) fn role(row: &RoleRow, check: &mut Check<'_>) -> Option<Role> {
    let code = check.word("code", &row.code)?;
    let bands = row.bands.iter().map(|band| check.word("bands", band)).collect::<Option<_>>()?;
    let selection = match (&row.row, row.row_by_band, &row.row_without_band) {
        (Some(label), false, None) => Row::ByRole(label.clone()),
        (None, true, None) => Row::ByBand(None),
        (None, true, Some(band)) => Row::ByBand(Some(check.word("row_without_band", band)?)),
        (Some(_), true, _) | (None, false, _) | (Some(_), false, Some(_)) => {
            let reason = "it is not clear which row is the role's".to_owned();
            return check.fault("row", reason, "must have either row or row_by_band");
        }
    };
    let whole_from = match &row.whole_share_from {
        None => None,
        Some(date) => Some(check.date("whole_share_from", date)?),
    };
    let share = match (row.half_share, whole_from) {
        (true, whole_from) => RoleShare::Half { whole_from },
        (false, None) => RoleShare::Whole,
        (false, Some(_)) => {
            let reason = "the role is paid in full anyway".to_owned();
            return check.fault("whole_share_from", reason, "must stand with half_share = true");
        }
    };
    let baseline = match &row.baseline {
        None => None,
        Some(row) => Some(BaselineRule {
            from: check.date("baseline", &row.from)?,
            source: check.source(Some(&row.source))?,
            confidence: check.confidence(Some(&row.confidence))?,
        }),
    };
    let pots = row.pots.iter().map(|pot| pot_period(pot, check)).collect::<Option<_>>()?;
    let joined = check.date("joined", &row.joined)?;
    let left = match &row.left {
        None => None,
        Some(date) => Some(check.date("left", date)?),
    };
    if left.is_some_and(|left| left < joined) {
        let reason = "the last day is before the first".to_owned();
        return check.fault("left", reason, "must be on or after joined");
    }
    if row.full_time_minutes == Some(0) {
        let reason = "nobody is full time with no hours".to_owned();
        return check.fault("full_time_minutes", reason, "must be positive");
    }
    Some(Role {
        code,
        name: row.name.clone(),
        bands,
        row: selection,
        share,
        full_time: row.full_time_minutes.map(Minutes::new),
        baseline,
        pots,
        joined,
        left,
        source: check.source(Some(&row.source))?,
        confidence: check.confidence(Some(&row.confidence))?,
        note: row.note.clone(),
    })
}

fn pot_period(row: &PotRow, check: &mut Check<'_>) -> Option<PotPeriod> {
    let period = PotPeriod {
        pot: check.word("pots", &row.pot)?,
        applies_from: check.date("pots", &row.applies_from)?,
        applies_to: check.date("pots", &row.applies_to)?,
    };
    if period.applies_to < period.applies_from {
        let reason = "the last day is before the first".to_owned();
        return check.fault("pots", reason, "must end on or after its first day");
    }
    Some(period)
}

pub(super) fn london(row: &LondonRow, check: &mut Check<'_>) -> Option<LondonRegion> {
    let code = check.word("region", &row.region);
    let source = check.source(Some(&row.source));
    let confidence = check.confidence(Some(&row.confidence));
    Some(LondonRegion { code: code?, source: source?, confidence: confidence? })
}

pub(super) fn policy(row: &PolicyRow, check: &mut Check<'_>) -> Option<Policy> {
    let (point, basis) = (row.point.clone(), row.basis.clone());
    match Policy::new(&row.name, &row.value, point, row.alternatives.clone(), basis) {
        Ok(policy) => Some(policy),
        Err(error @ PolicyError::Unknown) => check.fault(
            "name",
            format!("`{}`: {error}", row.name),
            "must be a policy of this build",
        ),
        Err(error @ PolicyError::NotImplemented { implemented }) => {
            let expected = format!("must be {implemented}");
            check.fault("value", format!("{} = {}: {error}", row.name, row.value), &expected)
        }
    }
}
