//! Rows of income beside the scheme.

use serde::Deserialize;
use terms::Rate;

use crate::domain::figure::{Cell, PerEach, Value};
use crate::domain::income::Counted;

use super::check::Check;
use super::rows::{Entry, FigureRow};

/// A rate is for at most a year.
const MONTHS: std::ops::RangeInclusive<u32> = 1..=12;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct IncomeRow {
    line: String,
    counts: String,
    pounds: Option<String>,
    #[serde(default = "a_year")]
    months: u32,
    confidence: Option<String>,
    source: Option<String>,
    note: Option<String>,
}

const fn a_year() -> u32 {
    *MONTHS.end()
}

impl FigureRow for IncomeRow {
    const TABLE: &'static str = "income";

    fn entry(&self, check: &mut Check<'_>) -> Option<Entry> {
        let line = check.word("line", &self.line);
        let counted: Option<Counted> = check.word("counts", &self.counts);
        let rate = match &self.pounds {
            Some(pounds) => Some(Some(check.word::<Rate>("pounds", pounds)?)),
            None => Some(None),
        };
        let (line, counted, rate) = (line?, counted?, rate?);
        if !MONTHS.contains(&self.months) {
            let reason = format!("a rate is not for {} months", self.months);
            return check.fault("months", reason, "must be from 1 to 12");
        }
        let nothing = rate.is_some_and(|rate| rate.ten_thousandths() == 0);
        if nothing != (counted == Counted::Nothing) {
            let reason = "a rate of zero is that of a line which is paid no more".to_owned();
            return check.fault("pounds", reason, "must be 0 just where counts = \"nothing\"");
        }
        Some(Entry {
            cell: Cell::Income { line, counted },
            value: rate.map_or(Value::NotPrinted, |rate| {
                Value::Each(PerEach { rate, months: self.months })
            }),
            confidence: self.confidence.clone(),
            source: self.source.clone(),
            note: self.note.clone(),
        })
    }
}
