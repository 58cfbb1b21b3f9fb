//! What the scheme, guidance and others ask of supervision, as dated facts.
//!
//! Every row is kept; those that count sessions in a period can be examined, the others say
//! why not. Nothing here says that a requirement was met: see `compliance`.

use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

use terms::{Confidence, Date, Minutes, ParseError, Period, RoleCode, Stage};

/// One row of the requirement table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requirement {
    /// Its code: `CP-CLIN-M`. A correction repeats it with a later `known_from`.
    pub code: String,
    /// Whom it is about.
    pub subject: Subject,
    /// How far in the role somebody is to whom it applies.
    pub stage: StageRule,
    /// What is asked.
    pub kind: Kind,
    /// What stands behind it.
    pub force: Force,
    /// Who may supervise, or provides what is asked, as the source says.
    pub who_may_supervise: Option<String>,
    /// How many sessions.
    pub min_sessions: Option<NonZeroU32>,
    /// In which period.
    pub per_period: Option<PerPeriod>,
    /// How much time, where the source says; a fact, not examined.
    pub min_hours: Option<Minutes>,
    /// What must be in place, as the source says; not examined.
    pub prerequisites: Option<String>,
    /// A ratio, a length or a limit, as the source says; not examined.
    pub value: Option<String>,
    /// The days it applies to; none where the source has no date.
    pub applies: Option<Period>,
    /// Since when the row is known here; none means always.
    pub known_from: Option<Date>,
    /// Where it was read.
    pub source: String,
    /// How sure it is.
    pub confidence: Confidence,
    /// What else is to be known about it.
    pub note: Option<String>,
}

/// How many sessions of one kind in which period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Minimum {
    /// How many.
    pub sessions: NonZeroU32,
    /// In each of these.
    pub per: PerPeriod,
    /// The days on which that is asked.
    pub applies: Period,
}

/// Why a row is listed and not examined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum NotExamined {
    /// A registration, a ratio, a scope: nothing that is held as a session.
    #[error("{} is not a kind of session", kind.as_str())]
    NotASession {
        /// The kind of the row.
        kind: Kind,
    },
    /// Nobody read it, or it is derived.
    #[error("its confidence is {confidence}")]
    NotSureEnough {
        /// The mark of the row.
        confidence: Confidence,
    },
    /// A local rule binds only where an overlay takes it up, and there is none.
    #[error("it is local, and no overlay takes it up")]
    LocalOnly,
    /// The source names no number of sessions.
    #[error("its source names no number of sessions")]
    NoCount,
    /// The source names no period.
    #[error("its source names no period")]
    NoPeriod,
    /// The source names no date from which it applies.
    #[error("its source names no date from which it applies")]
    NoDate,
}

impl Requirement {
    /// What is to be counted, or why nothing is.
    pub fn minimum(&self) -> Result<Minimum, NotExamined> {
        if !self.kind.is_session() {
            return Err(NotExamined::NotASession { kind: self.kind });
        }
        match self.confidence {
            Confidence::Confirmed | Confidence::OneSource => {}
            Confidence::ByBand | Confidence::Derived | Confidence::FromMemory => {
                return Err(NotExamined::NotSureEnough { confidence: self.confidence });
            }
        }
        if self.force == Force::Local {
            return Err(NotExamined::LocalOnly);
        }
        let sessions = self.min_sessions.ok_or(NotExamined::NoCount)?;
        let per = self.per_period.ok_or(NotExamined::NoPeriod)?;
        let applies = self.applies.ok_or(NotExamined::NoDate)?;
        Ok(Minimum { sessions, per, applies })
    }

    /// Whether it is about somebody of this role and stage.
    pub fn concerns(&self, role: &RoleCode, stage: Stage) -> bool {
        let subject = match &self.subject {
            Subject::EveryRole => true,
            Subject::Supervisors => false,
            Subject::Role(own) => own == role,
        };
        let stage = match self.stage {
            StageRule::Any => true,
            StageRule::Only(own) => own == stage,
        };
        subject && stage
    }

    /// The day from which the row is known here; none means always.
    pub fn known_since(&self) -> Option<Date> {
        self.known_from.or(self.applies.map(Period::from))
    }
}

/// All rows, every edition of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Requirements {
    /// The rows in the order of their files.
    pub rows: Vec<Requirement>,
}

impl Requirements {
    /// The newest known edition of each code, in the order of codes.
    pub fn known_on(&self, day: Date) -> Vec<&Requirement> {
        let mut newest: BTreeMap<&str, &Requirement> = BTreeMap::new();
        for row in &self.rows {
            if row.known_since().is_some_and(|known| day < known) {
                continue;
            }
            let newer = newest
                .get(row.code.as_str())
                .is_none_or(|held| held.known_since() < row.known_since());
            if newer {
                newest.insert(&row.code, row);
            }
        }
        newest.into_values().collect()
    }
}

/// Whom a requirement is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// Everybody in the scheme: `ALL`.
    EveryRole,
    /// Those who supervise: `SUPERVISOR`.
    Supervisors,
    /// Those in one role.
    Role(RoleCode),
}

impl FromStr for Subject {
    type Err = ParseError;
    fn from_str(text: &str) -> Result<Subject, ParseError> {
        match text {
            "ALL" => Ok(Subject::EveryRole),
            "SUPERVISOR" => Ok(Subject::Supervisors),
            code => code.parse().map(Subject::Role),
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Subject::EveryRole => f.pad("ALL"),
            Subject::Supervisors => f.pad("SUPERVISOR"),
            Subject::Role(role) => role.fmt(f),
        }
    }
}

/// Which stages of a role a requirement is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StageRule {
    /// Every stage inherits it: `any`.
    Any,
    /// This one only.
    Only(Stage),
}

impl FromStr for StageRule {
    type Err = ParseError;
    fn from_str(text: &str) -> Result<StageRule, ParseError> {
        match text {
            "any" => Ok(StageRule::Any),
            stage => stage.parse().map(StageRule::Only),
        }
    }
}

impl fmt::Display for StageRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StageRule::Any => f.pad("any"),
            StageRule::Only(stage) => stage.fmt(f),
        }
    }
}

/// Gives an enum its words: `as_str`, `ALL`, reading and printing.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident, $expected:literal, {
        $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)+
    }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)+
        }

        impl $name {
            /// Every value, in the order of declaration.
            pub const ALL: &'static [$name] = &[$($name::$variant,)+];

            /// The word, as files write it.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $($name::$variant => $text,)+
                }
            }
        }

        impl FromStr for $name {
            type Err = ParseError;
            fn from_str(text: &str) -> Result<$name, ParseError> {
                match text {
                    $($text => Ok($name::$variant),)+
                    _ => Err(ParseError { expected: $expected }),
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}

words! {
    /// What stands behind a requirement. A report never mixes them.
    Force,
    "must be CONTRACT, REGULATOR, TRAINING_ROUTE, GUIDANCE_MIN, GUIDANCE, COLLEGE, UNION, REVIEW \
     or LOCAL",
    {
        /// The network contract.
        Contract = "CONTRACT",
        /// A statutory regulator.
        Regulator = "REGULATOR",
        /// A course, a roadmap, a preceptorship.
        TrainingRoute = "TRAINING_ROUTE",
        /// A minimum that national guidance recommends; no contract.
        GuidanceMinimum = "GUIDANCE_MIN",
        /// Other national guidance.
        Guidance = "GUIDANCE",
        /// A royal college.
        College = "COLLEGE",
        /// A union.
        Union = "UNION",
        /// A review that the government accepted.
        Review = "REVIEW",
        /// A local standard.
        Local = "LOCAL",
    }
}

words! {
    /// In which calendar period sessions are counted.
    PerPeriod,
    "must be day, week, month, quarter, year or once",
    {
        /// Each day in post, Monday to Friday.
        Day = "day",
        /// Each week in post from Monday to Friday.
        Week = "week",
        /// Each calendar month.
        Month = "month",
        /// Each calendar quarter.
        Quarter = "quarter",
        /// Each calendar year.
        Year = "year",
        /// Once after the start.
        Once = "once",
    }
}

words! {
    /// What a requirement asks, and what a session was.
    Kind,
    "must be a kind of the requirement table, such as clinical, educational or practice_debrief",
    {
        /// Supervision by a named senior person, to keep standards.
        Clinical = "clinical",
        /// Supervision to reach proficiency.
        Educational = "educational",
        /// Day to day, for what arises in the practice.
        PracticeDebrief = "practice_debrief",
        /// Among peers.
        Peer = "peer",
        /// Coaching supervision of one.
        CoachingIndividual = "coaching_individual",
        /// Coaching supervision in a group.
        CoachingGroup = "coaching_group",
        /// A session of the first supervised year.
        Preceptorship = "preceptorship",
        /// The introduction of a newcomer.
        Induction = "induction",
        /// The yearly review.
        Appraisal = "appraisal",
        /// A meeting with the manager.
        LineManagement = "line_management",
        /// An entry in a register.
        Registration = "registration",
        /// A course or stage to be completed.
        TrainingPrerequisite = "training_prereq",
        /// People supervised for each who supervises.
        Ratio = "ratio",
        /// A course for those who supervise.
        SupervisorTraining = "supervisor_training",
        /// Who may supervise.
        SupervisorEligibility = "supervisor_eligibility",
        /// A person named as contact.
        NamedContact = "named_contact",
        /// What somebody may do.
        Scope = "scope",
        /// Time kept free.
        ProtectedTime = "protected_time",
        /// Access to records, to a clinician.
        Access = "access",
        /// How long or how many hours an engagement is.
        ContractLength = "contract_length",
        /// What the role must contain.
        RoleSpecification = "role_spec",
        /// Who answers for it.
        Governance = "governance",
        /// People seen in a year.
        Caseload = "caseload",
        /// How supervision is organised.
        SupervisionModel = "supervision_model",
        /// Who can be engaged.
        Eligibility = "eligibility",
    }
}

impl Kind {
    /// Whether it is something two people sit down for, so that it can be counted.
    pub const fn is_session(self) -> bool {
        match self {
            Kind::Clinical
            | Kind::Educational
            | Kind::PracticeDebrief
            | Kind::Peer
            | Kind::CoachingIndividual
            | Kind::CoachingGroup
            | Kind::Preceptorship
            | Kind::Induction
            | Kind::Appraisal
            | Kind::LineManagement => true,
            Kind::Registration
            | Kind::TrainingPrerequisite
            | Kind::Ratio
            | Kind::SupervisorTraining
            | Kind::SupervisorEligibility
            | Kind::NamedContact
            | Kind::Scope
            | Kind::ProtectedTime
            | Kind::Access
            | Kind::ContractLength
            | Kind::RoleSpecification
            | Kind::Governance
            | Kind::Caseload
            | Kind::SupervisionModel
            | Kind::Eligibility => false,
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use terms::parse_date;

    use super::*;

    /// A monthly clinical minimum of the contract, to be changed by the test.
    pub(crate) fn monthly(code: &str, role: &str) -> Requirement {
        Requirement {
            code: code.to_owned(),
            subject: role.parse().expect("a subject"),
            stage: StageRule::Any,
            kind: Kind::Clinical,
            force: Force::Contract,
            who_may_supervise: None,
            min_sessions: NonZeroU32::new(1),
            per_period: Some(PerPeriod::Month),
            min_hours: None,
            prerequisites: None,
            value: None,
            applies: Period::new(day("2019-07-01"), None),
            known_from: None,
            source: "a source".to_owned(),
            confidence: Confidence::Confirmed,
            note: None,
        }
    }

    pub(crate) fn day(text: &str) -> Date {
        parse_date(text).expect("a date")
    }

    #[test]
    fn a_row_that_cannot_be_counted_says_why() {
        let row = monthly("CP-CLIN-M", "CP");
        assert!(row.minimum().is_ok());

        let kind = Kind::Registration;
        let cases = [
            (Requirement { kind, ..row.clone() }, NotExamined::NotASession { kind }),
            (
                Requirement { confidence: Confidence::FromMemory, ..row.clone() },
                NotExamined::NotSureEnough { confidence: Confidence::FromMemory },
            ),
            (Requirement { force: Force::Local, ..row.clone() }, NotExamined::LocalOnly),
            (Requirement { min_sessions: None, ..row.clone() }, NotExamined::NoCount),
            (Requirement { per_period: None, ..row.clone() }, NotExamined::NoPeriod),
            (Requirement { applies: None, ..row }, NotExamined::NoDate),
        ];
        for (row, reason) in cases {
            assert_eq!(row.minimum(), Err(reason));
        }
    }

    #[test]
    fn any_is_inherited_by_every_stage_and_a_stage_by_no_other() {
        let role: RoleCode = "CP".parse().expect("a role");
        let any = monthly("CP-CLIN-M", "CP");
        let senior = Requirement { stage: StageRule::Only(Stage::Senior), ..any.clone() };

        for stage in Stage::ALL {
            assert!(any.concerns(&role, *stage));
            assert_eq!(senior.concerns(&role, *stage), *stage == Stage::Senior);
        }
        assert!(!monthly("NA-X", "NA").concerns(&role, Stage::Standard));
        assert!(monthly("ALL-X", "ALL").concerns(&role, Stage::Trainee));
        assert!(!monthly("SUP-X", "SUPERVISOR").concerns(&role, Stage::Trainee));
    }

    #[test]
    fn a_correction_counts_from_the_day_it_became_known() {
        let first = monthly("CP-CLIN-M", "CP");
        let known_from = Some(day("2025-09-01"));
        let second = Requirement { known_from, min_sessions: NonZeroU32::new(2), ..first.clone() };
        let requirements = Requirements { rows: vec![first.clone(), second.clone()] };

        assert_eq!(requirements.known_on(day("2019-06-30")), Vec::<&Requirement>::new());
        assert_eq!(requirements.known_on(day("2025-08-31")), vec![&first]);
        assert_eq!(requirements.known_on(day("2025-09-01")), vec![&second]);
    }

    #[test]
    fn words_read_back() {
        for kind in Kind::ALL {
            assert_eq!(kind.as_str().parse(), Ok(*kind));
        }
        for force in Force::ALL {
            assert_eq!(force.as_str().parse(), Ok(*force));
        }
        for per in PerPeriod::ALL {
            assert_eq!(per.as_str().parse(), Ok(*per));
        }
        assert!("Clinical".parse::<Kind>().is_err());
    }
}
