//! Rows of what maxima are built of.

use serde::Deserialize;
use terms::Pence;

use crate::domain::figure::{Cell, RowArea, Value};
use crate::domain::on_cost::{BasisPoints, NiBasis, OnCost, PayScale, SupplementPart};

use super::check::Check;
use super::rows::{Entry, FigureRow};

/// A rate is less than the whole, and no award doubles a salary: a larger one has a slipped digit.
const BASIS_POINTS_MAX: i32 = 9_999;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OnCostRow {
    figure: String,
    basis: Option<String>,
    scale: Option<String>,
    area: Option<String>,
    band: Option<String>,
    basis_points: Option<i32>,
    pounds: Option<String>,
    confidence: Option<String>,
    source: Option<String>,
    note: Option<String>,
}

/// What the number of a figure is.
enum Unit {
    BasisPoints,
    Pounds,
}

impl FigureRow for OnCostRow {
    const TABLE: &'static str = "on_cost";

    fn entry(&self, check: &mut Check<'_>) -> Option<Entry> {
        let (of, unit) = self.of(check)?;
        let value = match unit {
            Unit::BasisPoints => self.rate(check)?,
            Unit::Pounds => self.amount(check)?,
        };
        Some(Entry {
            cell: Cell::OnCost(of),
            value,
            confidence: self.confidence.clone(),
            source: self.source.clone(),
            note: self.note.clone(),
        })
    }
}

impl OnCostRow {
    fn of(&self, check: &mut Check<'_>) -> Option<(OnCost, Unit)> {
        let (of, unit) = match self.figure.as_str() {
            "ni-rate" => (OnCost::NiRate(self.basis(check)?), Unit::BasisPoints),
            "ni-threshold" => (OnCost::NiThreshold(self.basis(check)?), Unit::Pounds),
            "pension" => (OnCost::Pension, Unit::BasisPoints),
            "supplement-share" => {
                (self.supplement(SupplementPart::Share, check)?, Unit::BasisPoints)
            }
            "supplement-least" => (self.supplement(SupplementPart::Least, check)?, Unit::Pounds),
            "supplement-most" => (self.supplement(SupplementPart::Most, check)?, Unit::Pounds),
            "supplement-fixed" => (self.supplement(SupplementPart::Fixed, check)?, Unit::Pounds),
            "salary" => {
                let label = self.given("band", self.band.as_ref(), check)?.clone();
                (OnCost::Salary { label }, Unit::Pounds)
            }
            "award" => (OnCost::Award { scale: self.scale(check)? }, Unit::BasisPoints),
            other => {
                let expected = "must be ni-rate, ni-threshold, pension, supplement-share, \
                                supplement-least, supplement-most, supplement-fixed, salary or \
                                award";
                return check.fault("figure", format!("`{other}` is not one"), expected);
            }
        };
        self.alone(&of, &unit, check)?;
        Some((of, unit))
    }

    /// A field that is no part of the figure was meant to say something, and would not.
    fn alone(&self, of: &OnCost, unit: &Unit, check: &mut Check<'_>) -> Option<()> {
        let (basis, scale, area, band) = match of {
            OnCost::NiRate(_) | OnCost::NiThreshold(_) => (true, false, false, false),
            OnCost::Pension => (false, false, false, false),
            OnCost::Supplement { .. } => (false, true, true, false),
            OnCost::Salary { .. } => (false, false, false, true),
            OnCost::Award { .. } => (false, true, false, false),
        };
        let points = matches!(unit, Unit::BasisPoints);
        let fields = [
            ("basis", self.basis.is_some(), basis),
            ("scale", self.scale.is_some(), scale),
            ("area", self.area.is_some(), area),
            ("band", self.band.is_some(), band),
            ("basis_points", self.basis_points.is_some(), points),
            ("pounds", self.pounds.is_some(), !points),
        ];
        match fields.into_iter().find(|(_, given, meant)| *given && !meant) {
            None => Some(()),
            Some((field, _, _)) => {
                let reason = format!("it is no part of `{}`", self.figure);
                check.fault(field, reason, "must be left out")
            }
        }
    }

    fn given<'a, T>(
        &self,
        field: &str,
        value: Option<&'a T>,
        check: &mut Check<'_>,
    ) -> Option<&'a T> {
        match value {
            Some(value) => Some(value),
            None => check.fault(field, format!("`{}` needs it", self.figure), "must be given"),
        }
    }

    fn basis(&self, check: &mut Check<'_>) -> Option<NiBasis> {
        let basis = self.given("basis", self.basis.as_ref(), check)?;
        check.word("basis", basis)
    }

    fn scale(&self, check: &mut Check<'_>) -> Option<PayScale> {
        let scale = self.given("scale", self.scale.as_ref(), check)?;
        check.word("scale", scale)
    }

    fn supplement(&self, part: SupplementPart, check: &mut Check<'_>) -> Option<OnCost> {
        let scale = self.scale(check)?;
        let area = self.given("area", self.area.as_ref(), check)?;
        let area: RowArea = check.word("area", area)?;
        let fits = match scale {
            PayScale::AgendaForChange => matches!(area, RowArea::Outer | RowArea::Inner),
            PayScale::GeneralPractitioners => area == RowArea::London,
        };
        if !fits {
            let reason = format!("{} has no supplement {area}", scale.as_str());
            return check.fault("area", reason, "must be outer or inner with AFC, london with GP");
        }
        let meant = match part {
            SupplementPart::Fixed => PayScale::GeneralPractitioners,
            SupplementPart::Share | SupplementPart::Least | SupplementPart::Most => {
                PayScale::AgendaForChange
            }
        };
        if meant != scale {
            let reason = format!("{} has no {}", scale.as_str(), self.figure);
            return check.fault(
                "figure",
                reason,
                "must be supplement-fixed with GP, and only there",
            );
        }
        Some(OnCost::Supplement { scale, area, part })
    }

    fn rate(&self, check: &mut Check<'_>) -> Option<Value> {
        let points = *self.given("basis_points", self.basis_points.as_ref(), check)?;
        if points.abs() > BASIS_POINTS_MAX || (points <= 0 && self.figure != "award") {
            let expected = format!("must be from 1 to {BASIS_POINTS_MAX}; an award may be below 0");
            return check.fault("basis_points", format!("{points} cannot be it"), &expected);
        }
        Some(Value::Percent(BasisPoints(points)))
    }

    fn amount(&self, check: &mut Check<'_>) -> Option<Value> {
        let pounds = self.given("pounds", self.pounds.as_ref(), check)?;
        let amount: Pence = check.word("pounds", pounds)?;
        // The bound of a whole-pound figure holds for salaries and thresholds too.
        check.pounds("pounds", amount.0 / 100).map(|_| Value::AYear(amount))
    }
}
