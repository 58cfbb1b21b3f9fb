//! Projected maxima on the wire, and their steps in sentences.

use arrs_proto::finance::v1 as pb;
use kit::Error;
use kit::names::Fields;
use kit::wire::optional_date;
use terms::{Band, Date, LondonArea, Pence, RoleCode};

use super::unchecked;
use super::wire::figure;
use crate::domain::figure::{RowArea, Share, Value};
use crate::domain::on_cost::{BasisPoints, NiBasis, OnCost, PayScale, SupplementPart};
use crate::domain::projection::{Base, Missing, Projection, Question, Step, Work, project};
use crate::domain::rulebook::{Role, Row, RuleBook};

/// Ten times the highest salary of a scheme role, in pence.
const SALARY_PENCE_MAX: i64 = 100_000_000;

/// Half of a salary lost to twice of it: beyond lies a slipped digit.
const AWARD_BASIS_POINTS: std::ops::RangeInclusive<i32> = -5_000..=10_000;

/// What is asked, with every field checked.
pub(super) fn question(
    request: pb::ProjectMaximumRequest,
    rules: &RuleBook,
    today: Date,
) -> Result<Question<'_>, Error> {
    let pb::ProjectMaximumRequest { role, band, area, date, base, rules_known_on_date } = request;
    let mut fields = Fields::new();
    let role = fields.parse::<RoleCode>("role", &role).and_then(|code| {
        let role = rules.role(&code);
        if role.is_none() {
            fields.violation("role", "must be a role of the scheme");
        }
        role
    });
    let band = match band.as_str() {
        "" => None,
        band => fields.parse::<Band>("band", band),
    };
    if let Some(role) = role {
        check_band(role, band, &mut fields);
    }
    let area = fields.parse::<LondonArea>("area", &area);
    let day = fields.date("date", date);
    if let (Some(role), Some(day)) = (role, day)
        && !role.in_force(day)
    {
        let life = match role.left {
            Some(left) => format!("from {} to {left}", role.joined),
            None => format!("{} or later", role.joined),
        };
        fields.violation("date", format!("must be in the life of the role: {life}"));
    }
    let known_on = optional_date(rules_known_on_date, "rules_known_on_date", &mut fields);
    let known_on = known_on.unwrap_or(today);
    let base = base_of(base, day, known_on, &mut fields);
    fields.finish()?;
    let (Some(role), Some(area), Some(day), Some(base)) = (role, area, day, base) else {
        return Err(unchecked());
    };
    Ok(Question { role, band, area, day, known_on, base })
}

fn check_band(role: &Role, band: Option<Band>, fields: &mut Fields) {
    let bands: Vec<&str> = role.bands.iter().map(|band| band.as_str()).collect();
    match band {
        Some(band) if !role.bands.contains(&band) => {
            let expected = match bands.is_empty() {
                true => format!("must be left out: {} has no band", role.code),
                false => format!("must be a band of {}: {}", role.code, bands.join(", ")),
            };
            fields.violation("band", expected);
        }
        None if role.row == Row::ByBand(None) => {
            let expected = format!("must be given, it picks the row: {}", bands.join(", "));
            fields.violation("band", expected);
        }
        Some(_) | None => {}
    }
}

fn base_of(
    base: Option<pb::project_maximum_request::Base>,
    day: Option<Date>,
    known_on: Date,
    fields: &mut Fields,
) -> Option<Base> {
    use pb::project_maximum_request::Base as Wire;
    match base {
        None => {
            fields.violation("base", "must be a salary_pence or an award");
            None
        }
        Some(Wire::SalaryPence(pence)) => {
            if !(1..=SALARY_PENCE_MAX).contains(&pence) {
                let expected = format!("must be from 1 to {SALARY_PENCE_MAX} pence a year");
                fields.violation("salary_pence", expected);
            }
            Some(Base::Salary(Pence(pence)))
        }
        Some(Wire::Award(award)) => award_of(award, day, known_on, fields),
    }
}

fn award_of(
    award: pb::ProjectedAward,
    day: Option<Date>,
    known_on: Date,
    fields: &mut Fields,
) -> Option<Base> {
    let pb::ProjectedAward { edition_date, edition_known_on_date, basis_points } = award;
    let edition = fields.date("award.edition_date", edition_date);
    if let (Some(edition), Some(day)) = (edition, day)
        && edition > day
    {
        fields.violation("award.edition_date", format!("must not be after {day}"));
    }
    let field = "award.edition_known_on_date";
    let edition_known_on = optional_date(edition_known_on_date, field, fields);
    let edition_known_on = edition_known_on.unwrap_or(known_on);
    if edition_known_on > known_on {
        fields.violation(field, format!("must not be after {known_on}"));
    }
    if !AWARD_BASIS_POINTS.contains(&basis_points) {
        let (least, most) = (AWARD_BASIS_POINTS.start(), AWARD_BASIS_POINTS.end());
        let expected = format!("must be from {least} to {most}, 100 for one percent");
        fields.violation("award.basis_points", expected);
    }
    Some(Base::Award { edition: edition?, edition_known_on, award: BasisPoints(basis_points) })
}

/// The projection, or which figure it lacks.
pub(super) fn answer(rules: &RuleBook, question: &Question<'_>) -> pb::ProjectMaximumResponse {
    let Question { role, band, area, day, known_on, base: _ } = question;
    // The row contains the share that the scheme paid of everybody in the role.
    let share = rules.role_index(&role.code).and_then(|it| rules.share(it, *day, *known_on));
    let share = share.map_or(Share::WHOLE, |(share, _)| share);
    let row = rules.maximum(&role.code, *band, *area, share, *day, *known_on);
    let rule_book_figure = row.map(|row| figure(row));
    match project(rules, question) {
        Ok(Projection { maximum, half, steps, confidence }) => pb::ProjectMaximumResponse {
            maximum_pence: Some(maximum.0),
            half_pence: half.map(|half| half.0),
            steps: steps.iter().map(step).collect(),
            weakest_confidence: confidence.to_string(),
            missing: String::new(),
            rule_book_figure,
        },
        Err(missing) => pb::ProjectMaximumResponse {
            missing: told(&missing),
            rule_book_figure,
            ..Default::default()
        },
    }
}

fn step(step: &Step) -> pb::ProjectionStep {
    pb::ProjectionStep {
        code: step.work.as_str().to_owned(),
        amount_pence: Pence::from_fraction(step.amount).0,
        text: text(step),
        figures: step.figures.iter().map(|one| figure(one)).collect(),
    }
}

fn text(step: &Step) -> String {
    let amount = Pence::from_fraction(step.amount);
    match step.work {
        Work::Given => format!("The salary is given: {amount} a year outside London."),
        Work::Implied { edition } => {
            let mut values = step.figures.iter().map(|figure| figure.value.to_string());
            let first = values.next().unwrap_or_default();
            let awards: Vec<String> = values.collect();
            let grown = match awards.is_empty() {
                true => String::new(),
                false => format!(": {first}, grown by {}", awards.join(" and ")),
            };
            format!("The salary inside the maximum of {edition} is {amount}{grown}.")
        }
        Work::Award { award } => format!("With an award of {award} it is {amount}."),
        Work::Supplement { part } => match (part, step.figures.first().map(|it| it.value)) {
            (SupplementPart::Share, Some(Value::Percent(share))) => {
                format!("The London supplement is {share} of it: {amount}.")
            }
            (SupplementPart::Share | SupplementPart::Fixed, _) => {
                format!("The London supplement is {amount}, whatever the salary.")
            }
            (SupplementPart::Least, _) => {
                format!("The London supplement is the least there is: {amount}.")
            }
            (SupplementPart::Most, _) => {
                format!("The London supplement is the most there is: {amount}.")
            }
        },
        Work::Ni { rate, threshold, law } => {
            let law = law.map_or_else(String::new, |(rate, threshold)| {
                format!(
                    " Employers pay {rate} above {threshold} on that day; the maxima are not \
                     priced with it."
                )
            });
            format!("National Insurance is {rate} of what is above {threshold}: {amount}.{law}")
        }
        Work::Pension { rate } => {
            format!("The employer's part of the pension is {rate}: {amount}.")
        }
        Work::Maximum => {
            format!("The sum, rounded once to the pound, is {amount} a year for one WTE.")
        }
        Work::Half => {
            format!("The scheme pays half of the cost; half of the unrounded sum is {amount}.")
        }
    }
}

/// The missing figure in words.
fn told(missing: &Missing) -> String {
    let Missing { figure, day, known_on } = missing;
    let what = match figure {
        OnCost::NiRate(NiBasis::Law | NiBasis::Maxima) => {
            "the rate of employer's National Insurance".to_owned()
        }
        OnCost::NiThreshold(NiBasis::Law | NiBasis::Maxima) => {
            "the threshold of employer's National Insurance".to_owned()
        }
        OnCost::Pension => "the employer's part of the pension rate".to_owned(),
        OnCost::Supplement { scale, area, part: _ } => {
            let place = match area {
                RowArea::Outside => "outside London",
                RowArea::Outer => "in outer London",
                RowArea::Inner => "in inner London",
                RowArea::London => "in London",
            };
            format!("the supplement {place} of {}", people(*scale))
        }
        OnCost::Salary { label } if label == "n/a" => "the salary inside the maximum".to_owned(),
        OnCost::Salary { label } => format!("the salary inside the maximum of band {label}"),
        OnCost::Award { scale } => format!("the award of {}", people(*scale)),
    };
    format!("{what} is not known for {day}, by what was known on {known_on}")
}

fn people(scale: PayScale) -> &'static str {
    match scale {
        PayScale::AgendaForChange => "Agenda for Change",
        PayScale::GeneralPractitioners => "general practitioners",
    }
}
