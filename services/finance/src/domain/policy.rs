//! Points on which the scheme's documents are silent, each a named value.
//!
//! The mechanism knows one value of each so far; a rule book with another is refused, because a
//! value that changes nothing would be a lie in every explanation.

use std::fmt;

/// A point that is ours to settle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PolicyName {
    /// How the days of a part month count.
    PartMonth,
    /// Whether the cost of a part month is scaled as well.
    CostProration,
    /// When a line is rounded.
    LineRounding,
    /// By which hours the WTE of a claim divides.
    ClaimWteDivisor,
    /// The hours of a full-time general practitioner.
    GpFullTime,
    /// Whether hours above full time raise the maximum.
    WteCeiling,
    /// Over which period cost and maximum are compared.
    MaximumTest,
    /// How the cost of an engagement over several PCNs is shared.
    CostShare,
    /// What a change of hours inside a month does.
    HoursChange,
    /// What is paid for a mental health practitioner.
    MhpHalf,
    /// When the fee of a link worker's supplier may be claimed.
    SplwFee,
    /// Whose WTE come first within the cap of a role.
    CapOrder,
    /// What a vacancy in a baseline holds back.
    VacancyBlock,
    /// Whose lines come first when the sum runs out.
    SumOrder,
    /// Whose London area counts, and on which day.
    LondonArea,
    /// Which edition of the figures is used.
    Edition,
    /// Whether cost must have been paid.
    PaidBeforeClaim,
    /// What becomes of pay after the last day in post.
    LatePay,
    /// What of a maximum that rose afterwards is claimed.
    Arrears,
    /// What absence does to the maximum.
    AbsenceMaximum,
    /// How the allocation is rounded.
    AllocationRounding,
    /// What a line says of tests without a record.
    Eligibility,
}

impl PolicyName {
    /// Every point, in the order of the list of open points.
    pub const ALL: [PolicyName; 22] = [
        PolicyName::PartMonth,
        PolicyName::CostProration,
        PolicyName::LineRounding,
        PolicyName::ClaimWteDivisor,
        PolicyName::GpFullTime,
        PolicyName::WteCeiling,
        PolicyName::MaximumTest,
        PolicyName::CostShare,
        PolicyName::HoursChange,
        PolicyName::MhpHalf,
        PolicyName::SplwFee,
        PolicyName::CapOrder,
        PolicyName::VacancyBlock,
        PolicyName::SumOrder,
        PolicyName::LondonArea,
        PolicyName::Edition,
        PolicyName::Arrears,
        PolicyName::PaidBeforeClaim,
        PolicyName::LatePay,
        PolicyName::AbsenceMaximum,
        PolicyName::AllocationRounding,
        PolicyName::Eligibility,
    ];

    /// The name in rule files.
    pub const fn as_str(self) -> &'static str {
        match self {
            PolicyName::PartMonth => "part_month",
            PolicyName::CostProration => "cost_proration",
            PolicyName::LineRounding => "line_rounding",
            PolicyName::ClaimWteDivisor => "claim_wte_divisor",
            PolicyName::GpFullTime => "gp_full_time",
            PolicyName::WteCeiling => "wte_ceiling",
            PolicyName::MaximumTest => "maximum_test",
            PolicyName::CostShare => "cost_share",
            PolicyName::HoursChange => "hours_change",
            PolicyName::MhpHalf => "mhp_half",
            PolicyName::SplwFee => "splw_fee",
            PolicyName::CapOrder => "cap_order",
            PolicyName::VacancyBlock => "vacancy_block",
            PolicyName::SumOrder => "sum_order",
            PolicyName::LondonArea => "london_area",
            PolicyName::Edition => "edition",
            PolicyName::Arrears => "arrears",
            PolicyName::PaidBeforeClaim => "paid_before_claim",
            PolicyName::LatePay => "late_pay",
            PolicyName::AbsenceMaximum => "absence_maximum",
            PolicyName::AllocationRounding => "allocation_rounding",
            PolicyName::Eligibility => "eligibility",
        }
    }

    /// The value that the mechanism implements.
    pub const fn implemented(self) -> &'static str {
        match self {
            PolicyName::PartMonth => "calendar_days_inclusive",
            PolicyName::CostProration => "none",
            PolicyName::LineRounding | PolicyName::AllocationRounding => "once_half_up",
            PolicyName::ClaimWteDivisor => "employer_full_time_hours",
            PolicyName::GpFullTime => "nine_sessions_2250_minutes",
            PolicyName::WteCeiling => "none_up_to_40_hours",
            PolicyName::MaximumTest => "monthly",
            PolicyName::CostShare => "hour_days",
            PolicyName::HoursChange => "segments",
            PolicyName::MhpHalf => "min_half_of_cost_and_stored_half_row",
            PolicyName::SplwFee => "subcontract_only",
            PolicyName::CapOrder => "longest_in_post_first",
            PolicyName::VacancyBlock => "wte_for_wte",
            PolicyName::SumOrder => "month_start_date_engagement_id",
            PolicyName::LondonArea => "pcn_on_the_1st_of_the_month",
            PolicyName::Edition => "newest_known",
            PolicyName::Arrears => "min_of_rise_and_uplift_paid",
            PolicyName::PaidBeforeClaim => "required",
            PolicyName::LatePay => "last_month_in_post",
            PolicyName::AbsenceMaximum => "full",
            PolicyName::Eligibility => "not_checked",
        }
    }

    /// The point with its value, as a step names it.
    pub const fn applied(self) -> PolicyUse {
        PolicyUse { name: self, value: self.implemented() }
    }
}

impl fmt::Display for PolicyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A policy that a step followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PolicyUse {
    /// The point.
    pub name: PolicyName,
    /// The value followed.
    pub value: &'static str,
}

/// A policy of a rule book.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    name: PolicyName,
    /// Its number in the list of open points: `P1`.
    pub point: String,
    /// What else somebody could do.
    pub alternatives: Vec<String>,
    /// Why this value.
    pub basis: String,
}

/// Why a policy cannot be followed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// No such point.
    #[error("there is no policy of this name")]
    Unknown,
    /// The point is known, the value is not built.
    #[error("this value is not implemented")]
    NotImplemented {
        /// The value that is.
        implemented: &'static str,
    },
}

impl Policy {
    /// Checks that the mechanism knows the point and does what the value says.
    pub fn new(
        name: &str,
        value: &str,
        point: String,
        alternatives: Vec<String>,
        basis: String,
    ) -> Result<Policy, PolicyError> {
        let name = PolicyName::ALL
            .into_iter()
            .find(|known| known.as_str() == name)
            .ok_or(PolicyError::Unknown)?;
        let implemented = name.implemented();
        if value != implemented {
            return Err(PolicyError::NotImplemented { implemented });
        }
        Ok(Policy { name, point, alternatives, basis })
    }

    /// Which point it settles.
    pub const fn name(&self) -> PolicyName {
        self.name
    }

    /// The value that is followed.
    pub const fn value(&self) -> &'static str {
        self.name.implemented()
    }
}
