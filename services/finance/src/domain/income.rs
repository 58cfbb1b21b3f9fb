//! What a PCN gets beside the scheme, and what goes to its practices: a rate for each patient, bed
//! or point of the contract year.

use std::collections::BTreeSet;
use std::sync::Arc;

use terms::{Confidence, ContractYear, Date, Fraction, Month, Pence, Population};

use super::allocation::Lists;
use super::figure::{Cell, Figure, PerEach, Value};
use super::rulebook::RuleBook;

terms::words! {
    /// A line of income.
    IncomeLine,
    "must be a line of income such as CORE_PCN",
    {
        /// Core PCN funding, until it took in what paid clinical directors, leadership and management.
        CorePcn = "CORE_PCN",
        /// Core PCN funding with all that it took in.
        CorePcnCombined = "CORE_PCN_COMBINED",
        /// For the clinical director.
        ClinicalDirector = "CLINICAL_DIRECTOR",
        /// For leadership and management.
        LeadershipManagement = "LEADERSHIP_MGMT",
        /// For appointments outside core hours, until enhanced access took its place.
        ExtendedHours = "EXTENDED_HOURS",
        /// For appointments on evenings and Saturdays.
        EnhancedAccess = "ENHANCED_ACCESS",
        /// For beds of care homes.
        CareHomePremium = "CARE_HOME_PREMIUM",
        /// Capacity and access support payment.
        CapacitySupport = "CASP",
        /// Capacity and access improvement payment.
        CapacityImprovement = "CAIP",
        /// Support in the first months of the pandemic.
        PcnSupport = "PCN_SUPPORT",
        /// Investment and Impact Fund.
        ImpactFund = "IIF",
        /// For taking part in a network, to practices.
        NetworkParticipation = "NETWORK_PARTICIPATION",
        /// The scheme of practices for general practitioners, to practices.
        PracticeGpScheme = "PRACTICE_GP_SCHEME",
    }
}

terms::words! {
    /// What a rate is multiplied with.
    Counted,
    "must be registered, weighted, adjusted, registered_and_adjusted, beds, points or nothing",
    {
        /// Registered patients.
        Registered = "registered",
        /// Patients weighted by need.
        Weighted = "weighted",
        /// Patients weighted as for PCN payments.
        Adjusted = "adjusted",
        /// The rate is the sum of one for registered and one for adjusted patients.
        RegisteredAndAdjusted = "registered_and_adjusted",
        /// Beds of care homes.
        Beds = "beds",
        /// Points achieved.
        Points = "points",
        /// Nothing: the line is paid no more.
        Nothing = "nothing",
    }
}

/// Who gets a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payee {
    /// The PCN.
    Pcn,
    /// Its practices: no income of the PCN.
    Practices,
}

impl IncomeLine {
    /// Who gets it.
    pub const fn payee(self) -> Payee {
        match self {
            IncomeLine::NetworkParticipation | IncomeLine::PracticeGpScheme => Payee::Practices,
            IncomeLine::CorePcn
            | IncomeLine::CorePcnCombined
            | IncomeLine::ClinicalDirector
            | IncomeLine::LeadershipManagement
            | IncomeLine::ExtendedHours
            | IncomeLine::EnhancedAccess
            | IncomeLine::CareHomePremium
            | IncomeLine::CapacitySupport
            | IncomeLine::CapacityImprovement
            | IncomeLine::PcnSupport
            | IncomeLine::ImpactFund => Payee::Pcn,
        }
    }
}

/// The lists of a PCN on 1 January before the year, as far as recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IncomeLists {
    /// Registered and weighted patients.
    pub lists: Lists,
    /// Patients weighted as for PCN payments.
    pub adjusted: Option<Population>,
}

/// Why an amount is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IncomeGap {
    /// The list of the day is not recorded.
    ListMissing {
        /// Which.
        counted: Counted,
        /// 1 January before the year.
        date: Date,
    },
    /// There is no record of how many there are.
    NoRecord {
        /// Beds or points.
        counted: Counted,
    },
    /// Nobody prints the rate.
    RateUnknown,
    /// Nobody prints which part of the rate is for which list.
    SplitUnknown,
}

/// What one figure gives in a year.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Income {
    /// The line.
    pub line: IncomeLine,
    /// What the rate is multiplied with.
    pub counted: Counted,
    /// The rate, or that nobody prints one.
    pub figure: Arc<Figure>,
    /// The list, if it is one and recorded.
    pub list: Option<Population>,
    /// The first month that it is for.
    pub first: Month,
    /// The last one.
    pub last: Month,
    /// From the first month to the one asked about, or why that is unknown.
    pub to_date: Result<Pence, IncomeGap>,
    /// In the whole year, by what is known.
    pub of_year: Result<Pence, IncomeGap>,
}

impl Income {
    /// What is not known, so that there is no amount: `adjusted list of 2025-01-01 not known`.
    pub fn missing(&self) -> Option<String> {
        Some(match self.of_year.err()? {
            IncomeGap::ListMissing { counted, date } => {
                format!("{counted} list of {date} not known")
            }
            IncomeGap::NoRecord { counted: Counted::Beds } => {
                "no record of beds of care homes".to_owned()
            }
            IncomeGap::NoRecord { counted } => format!("no record of {counted}"),
            IncomeGap::RateUnknown => "the rate was not found".to_owned(),
            IncomeGap::SplitUnknown => {
                format!(
                    "how much of {} is for registered patients and how much for adjusted ones was \
                     not found",
                    self.figure.value
                )
            }
        })
    }
}

/// Lines added up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IncomeTotal {
    /// From April to the month asked about, as far as known.
    pub to_date: Pence,
    /// In the whole year, as far as known.
    pub of_year: Pence,
    /// The weakest mark of the figures used.
    pub confidence: Option<Confidence>,
    /// Lines that rest on a figure which is not confirmed.
    pub unconfirmed: BTreeSet<IncomeLine>,
    /// Lines that are not in the amounts.
    pub missing: BTreeSet<IncomeLine>,
}

/// Every line of a year up to and including a month, by the figures known on a day.
pub fn incomes(
    rules: &RuleBook,
    year: ContractYear,
    through: Month,
    lists: IncomeLists,
    known_on: Date,
) -> Vec<Income> {
    let mut all = Vec::new();
    for line in IncomeLine::ALL {
        let mut of_line: Vec<(Arc<Figure>, Vec<Month>)> = Vec::new();
        for month in year.months_to(Month::of(year.last())) {
            for figure in rules.income(*line, month.first(), known_on) {
                match of_line.iter_mut().find(|(known, _)| known.id == figure.id) {
                    Some((_, months)) => months.push(month),
                    None => of_line.push((Arc::clone(figure), vec![month])),
                }
            }
        }
        let incomes = of_line.into_iter();
        all.extend(
            incomes.filter_map(|(figure, months)| {
                income(*line, year, figure, &months, through, lists)
            }),
        );
    }
    all
}

fn income(
    line: IncomeLine,
    year: ContractYear,
    figure: Arc<Figure>,
    months: &[Month],
    through: Month,
    lists: IncomeLists,
) -> Option<Income> {
    let Cell::Income { counted, .. } = figure.cell else { return None };
    let (first, last) = (*months.first()?, *months.last()?);
    let list = match counted {
        Counted::Registered => lists.lists.registered,
        Counted::Weighted => lists.lists.weighted,
        Counted::Adjusted => lists.adjusted,
        Counted::RegisteredAndAdjusted | Counted::Beds | Counted::Points | Counted::Nothing => None,
    };
    let amount = |months: usize| amount(figure.value, counted, list, year.list_date(), months);
    let begun = months.iter().filter(|month| **month <= through).count();
    let (to_date, of_year) = (amount(begun), amount(months.len()));
    Some(Income { line, counted, list, first, last, to_date, of_year, figure })
}

/// Rate times list, for some of the months that the rate is for; rounded once, half up.
fn amount(
    value: Value,
    counted: Counted,
    list: Option<Population>,
    date: Date,
    months: usize,
) -> Result<Pence, IncomeGap> {
    let Value::Each(PerEach { rate, months: of }) = value else {
        return Err(IncomeGap::RateUnknown);
    };
    match counted {
        Counted::Nothing => Ok(Pence::ZERO),
        Counted::RegisteredAndAdjusted => Err(IncomeGap::SplitUnknown),
        Counted::Beds | Counted::Points => Err(IncomeGap::NoRecord { counted }),
        Counted::Registered | Counted::Weighted | Counted::Adjusted => {
            let list = list.ok_or(IncomeGap::ListMissing { counted, date })?;
            let months = i128::try_from(months).expect("a year has twelve months");
            let product = i128::from(rate.ten_thousandths()) * i128::from(list.ten_thousandths());
            // Ten-thousandths of pounds times ten-thousandths of patients are millionths of pence.
            let exact = Fraction::new(product * months, 1_000_000 * i128::from(of));
            Ok(Pence::from_fraction(exact))
        }
    }
}

/// Adds up what one payee gets.
pub fn total(incomes: &[Income], payee: Payee) -> IncomeTotal {
    let mut total = IncomeTotal::default();
    for income in incomes.iter().filter(|income| income.line.payee() == payee) {
        let (Ok(to_date), Ok(of_year)) = (income.to_date, income.of_year) else {
            total.missing.insert(income.line);
            continue;
        };
        total.to_date = total.to_date + to_date;
        total.of_year = total.of_year + of_year;
        total.confidence = total.confidence.max(Some(income.figure.confidence));
        if income.figure.confidence != Confidence::Confirmed {
            total.unconfirmed.insert(income.line);
        }
    }
    total
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use terms::parse_date;

    use super::*;

    /// Read once: it is large.
    static RULES: LazyLock<RuleBook> =
        LazyLock::new(|| crate::store::rulebook::load(None).unwrap());

    fn lists() -> IncomeLists {
        let patients = |text: &str| text.parse().ok();
        let lists = Lists { registered: patients("48287"), weighted: patients("49642.42") };
        IncomeLists { lists, adjusted: patients("49062.98") }
    }

    /// As `LINE counted: so far of the year`, or what is missing.
    fn told(through: &str, lists: IncomeLists, known_on: &str) -> Vec<String> {
        let through: Month = through.parse().unwrap();
        let known_on = parse_date(known_on).unwrap();
        let all = incomes(&RULES, through.contract_year(), through, lists, known_on);
        let told = |income: &Income| {
            let (line, counted) = (income.line, income.counted);
            match (income.to_date, income.of_year, income.missing()) {
                (Ok(to_date), Ok(of_year), None) => {
                    format!("{line} {counted}: {to_date} of {of_year}")
                }
                (Err(_), Err(_), Some(missing)) => format!("{line} {counted}: {missing}"),
                other => panic!("{other:?}"),
            }
        };
        all.iter().map(told).collect()
    }

    #[test]
    fn a_year_has_every_line_with_its_own_list_and_says_what_is_missing() {
        let wanted = [
            "CORE_PCN_COMBINED registered: £36,472.78 of £109,418.34",
            "CORE_PCN_COMBINED adjusted: £11,987.72 of £35,963.16",
            "ENHANCED_ACCESS adjusted: £137,817.91 of £413,453.73",
            "CARE_HOME_PREMIUM beds: no record of beds of care homes",
            "CASP adjusted: £52,464.68 of £157,394.04",
            "CAIP adjusted: £22,487.20 of £67,461.60",
            "IIF points: no record of points",
            "NETWORK_PARTICIPATION weighted: £29,140.10 of £87,420.30",
        ];
        assert_eq!(told("2025-07", lists(), "2026-07-15"), wanted);
        let unknown = told("2025-07", IncomeLists::default(), "2026-07-15");
        assert_eq!(
            unknown[0],
            "CORE_PCN_COMBINED registered: registered list of 2025-01-01 not known"
        );
        assert_eq!(unknown[2], "ENHANCED_ACCESS adjusted: adjusted list of 2025-01-01 not known");
    }

    #[test]
    fn a_line_pays_the_months_of_it_that_have_begun() {
        let of = |through: &str, line: &str| {
            let all = told(through, lists(), "2026-07-15");
            all.into_iter().find(|told| told.starts_with(line)).unwrap()
        };
        // 0.720 for the six months to September 2022, 3.764 for the six after it.
        for (through, extended, enhanced) in [
            ("2022-04", "£5,794.44", "£0.00"),
            ("2022-06", "£17,383.32", "£0.00"),
            ("2022-09", "£34,766.64", "£0.00"),
            ("2022-10", "£34,766.64", "£30,778.84"),
            ("2023-03", "£34,766.64", "£184,673.06"),
        ] {
            let line = of(through, "EXTENDED_HOURS");
            assert_eq!(line, format!("EXTENDED_HOURS registered: {extended} of £34,766.64"));
            let line = of(through, "ENHANCED_ACCESS");
            assert_eq!(line, format!("ENHANCED_ACCESS adjusted: {enhanced} of £184,673.06"));
        }
        // A rate of a year that is paid for nine months of it.
        assert_eq!(of("2020-03", "CORE_PCN"), "CORE_PCN registered: £54,322.88 of £54,322.88");
        assert_eq!(of("2026-06", "CASP"), "CASP nothing: £0.00 of £0.00");
    }

    #[test]
    fn an_amount_is_rounded_once_half_up() {
        let one = IncomeLists {
            lists: Lists { registered: "1".parse().ok(), weighted: None },
            adjusted: None,
        };
        // £1.50 a patient and year: twelve and a half pence a month.
        let told = told("2020-04", one, "2026-07-15");
        assert_eq!(told[0], "CORE_PCN registered: £0.13 of £1.50");
    }

    #[test]
    fn a_rate_published_anew_takes_the_place_of_the_first_and_its_split_stays_unknown() {
        let first = told("2024-12", lists(), "2024-09-25");
        assert_eq!(first[0], "CORE_PCN_COMBINED registered: £80,325.42 of £107,100.57");
        assert_eq!(first[1], "CORE_PCN_COMBINED adjusted: £25,684.47 of £34,245.96");
        let anew = told("2024-12", lists(), "2024-09-26");
        assert_eq!(
            anew[0],
            "CORE_PCN_COMBINED registered_and_adjusted: how much of £2.967 is for registered \
             patients and how much for adjusted ones was not found"
        );
        assert_eq!(anew[1], "ENHANCED_ACCESS adjusted: £293,457.95 of £391,277.27");
    }

    #[test]
    fn a_total_says_what_it_rests_on_and_what_it_lacks() {
        let of = |year: &str, payee| {
            let through: Month = format!("{year}-07").parse().unwrap();
            let known_on = parse_date("2026-07-15").unwrap();
            total(&incomes(&RULES, through.contract_year(), through, lists(), known_on), payee)
        };

        let pcn = of("2025", Payee::Pcn);
        assert_eq!((pcn.to_date, pcn.of_year), (Pence(26_123_029), Pence(78_369_087)));
        assert_eq!(pcn.confidence, Some(Confidence::OneSource));
        assert_eq!(pcn.unconfirmed, BTreeSet::from([IncomeLine::CapacitySupport]));
        let missing = [IncomeLine::CareHomePremium, IncomeLine::ImpactFund];
        assert_eq!(pcn.missing, BTreeSet::from(missing));
        let practices = of("2025", Payee::Practices);
        assert_eq!(practices.to_date, Pence(2_914_010));
        assert_eq!(practices.confidence, Some(Confidence::Confirmed));
        assert_eq!(practices.unconfirmed, BTreeSet::new());
        assert_eq!(of("2022", Payee::Pcn).confidence, Some(Confidence::FromMemory));
    }
}
