//! Which role holds which permission: one table.

use std::fmt;
use std::str::FromStr;

use terms::ParseError;

macro_rules! roles {
    ($($(#[$doc:meta])* $role:ident = $word:literal: [$($permission:literal),* $(,)?],)+) => {
        /// What somebody is to the scheme.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Role {
            $($(#[$doc])* $role,)+
        }

        /// Every role, in the order of the table.
        pub const ROLES: &[Role] = &[$(Role::$role,)+];

        impl Role {
            /// The word used in grants.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Role::$role => $word,)+
                }
            }

            /// The permissions it holds.
            pub const fn permissions(self) -> &'static [&'static str] {
                match self {
                    $(Role::$role => &[$($permission,)*],)+
                }
            }
        }
    };
}

roles! {
    /// Keeps a PCN's people, hours, pay and supervision, and prepares and submits its claims.
    PcnManager = "pcn-manager": [
        "reports.read", "records.backdate",
        "workforce.organisations.read", "workforce.summaries.read", "workforce.engagements.read",
        "workforce.engagements.change",
        "workforce.people.readPersonal", "workforce.imports.create", "workforce.imports.read",
        "finance.rules.read", "finance.allocations.read", "finance.summaries.read",
        "finance.claims.read", "finance.claims.prepare", "finance.claims.remark",
        "finance.ledger.read", "finance.imports.create", "finance.imports.read",
        "finance.baselines.read", "finance.baselines.record",
        "finance.pay.read", "finance.pay.record",
        "supervision.rules.read", "supervision.sessions.read", "supervision.summaries.read",
        "supervision.sessions.record",
        "supervision.imports.create", "supervision.imports.read",
    ],
    /// Looks at a PCN and changes nothing.
    PcnViewer = "pcn-viewer": [
        "reports.read",
        "workforce.organisations.read", "workforce.summaries.read",
        "finance.rules.read", "finance.allocations.read", "finance.summaries.read",
        "finance.claims.read", "finance.ledger.read",
        "finance.baselines.read",
        "supervision.rules.read", "supervision.summaries.read",
    ],
    /// Employs on behalf of the PCNs a federation serves.
    FederationManager = "federation-manager": [
        "reports.read", "records.backdate",
        "workforce.organisations.read", "workforce.summaries.read", "workforce.engagements.read",
        "workforce.matches.read",
        "workforce.engagements.change",
        "workforce.people.readPersonal", "workforce.imports.create", "workforce.imports.read",
        "finance.rules.read", "finance.allocations.read", "finance.summaries.read",
        "finance.claims.read", "finance.claims.prepare", "finance.claims.remark",
        "finance.ledger.read", "finance.imports.create", "finance.imports.read",
        "finance.baselines.read",
        "finance.pay.read", "finance.pay.record",
        "supervision.rules.read", "supervision.sessions.read", "supervision.summaries.read",
        "supervision.sessions.record",
        "supervision.imports.create", "supervision.imports.read",
    ],
    /// Gives the first approval of claims for an ICB, and records that they were paid.
    IcbFinance = "icb-finance": [
        "reports.read",
        "workforce.organisations.read", "workforce.summaries.read", "workforce.engagements.read",
        "workforce.matches.read",
        "finance.rules.read", "finance.allocations.read", "finance.summaries.read",
        "finance.claims.read", "finance.claims.review", "finance.claims.check",
        "finance.claims.pay", "finance.claims.remark", "finance.ledger.read", "finance.facts.read",
        "finance.baselines.read", "finance.baselines.agree",
        "supervision.rules.read", "supervision.summaries.read",
    ],
    /// Gives the second approval for an ICB.
    IcbFinanceApprover = "icb-finance-approver": [
        "reports.read",
        "workforce.organisations.read", "workforce.summaries.read",
        "finance.rules.read", "finance.allocations.read", "finance.summaries.read",
        "finance.claims.read", "finance.claims.review", "finance.claims.approve",
        "finance.claims.remark", "finance.ledger.read",
        "finance.baselines.read",
        "supervision.rules.read", "supervision.summaries.read",
    ],
    /// Watches vacancies, turnover and supervision for an ICB.
    IcbWorkforce = "icb-workforce": [
        "reports.read",
        "workforce.organisations.read", "workforce.summaries.read", "workforce.engagements.read",
        "workforce.matches.read",
        "workforce.facts.read",
        "finance.rules.read",
        "supervision.rules.read", "supervision.sessions.read", "supervision.summaries.read",
        "supervision.facts.read",
    ],
    /// Follows training and supervision.
    TrainingHub = "training-hub": [
        "workforce.organisations.read", "workforce.engagements.read",
        "supervision.rules.read", "supervision.sessions.read", "supervision.summaries.read",
    ],
    /// Logs sessions.
    Supervisor = "supervisor": [
        "supervision.rules.read",
    ],
    /// Reads everything but personal particulars, and changes nothing.
    Auditor = "auditor": [
        "reports.read",
        "workforce.organisations.read", "workforce.summaries.read", "workforce.engagements.read",
        "workforce.matches.read",
        "workforce.imports.read", "workforce.facts.read",
        "finance.rules.read", "finance.allocations.read", "finance.summaries.read",
        "finance.claims.read", "finance.ledger.read", "finance.pay.read", "finance.imports.read", "finance.facts.read",
        "finance.baselines.read",
        "finance.projections.read",
        "supervision.rules.read", "supervision.sessions.read", "supervision.summaries.read",
        "supervision.imports.read", "supervision.facts.read",
        "supervision.projections.read",
        "workforce.audit.read", "finance.audit.read", "supervision.audit.read",
    ],
    /// Runs the suite and brings in reference data.
    Operator = "operator": [
        "reports.read", "records.backdate",
        "workforce.reference.import",
        "workforce.organisations.read", "workforce.summaries.read", "workforce.engagements.read",
        "workforce.matches.read",
        "workforce.engagements.change",
        "workforce.imports.create", "workforce.imports.read", "workforce.facts.read",
        "workforce.facts.publish",
        "finance.rules.read", "finance.allocations.read", "finance.summaries.read",
        "finance.claims.read", "finance.ledger.read", "finance.imports.create", "finance.imports.read",
        "finance.baselines.read",
        "finance.pay.read", "finance.pay.record",
        "finance.facts.read", "finance.facts.publish",
        "finance.projections.read", "finance.projections.mend",
        "supervision.rules.read", "supervision.sessions.read", "supervision.summaries.read",
        "supervision.sessions.record",
        "supervision.imports.create", "supervision.imports.read", "supervision.facts.read",
        "supervision.facts.publish", "supervision.projections.read",
        "supervision.projections.mend",
        "workforce.audit.read", "finance.audit.read", "supervision.audit.read",
    ],
    /// One service of the suite calling another.
    Service = "service": [
        "workforce.facts.read", "finance.facts.read", "supervision.facts.read",
    ],
}

impl Role {
    /// Whether the role holds `permission`.
    pub fn permits(self, permission: &str) -> bool {
        self.permissions().contains(&permission)
    }
}

impl FromStr for Role {
    type Err = ParseError;
    fn from_str(text: &str) -> Result<Role, ParseError> {
        ROLES.iter().copied().find(|role| role.as_str() == text).ok_or(ParseError {
            expected: "must be a role: pcn-manager, pcn-viewer, federation-manager, icb-finance, \
                       icb-finance-approver, icb-workforce, training-hub, supervisor, auditor, \
                       operator or service",
        })
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_roles_are_these() {
        let words: Vec<&str> = ROLES.iter().map(|role| role.as_str()).collect();
        let expected = "pcn-manager pcn-viewer federation-manager icb-finance \
                        icb-finance-approver icb-workforce training-hub supervisor auditor \
                        operator service";
        assert_eq!(words.join(" "), expected);
        for role in ROLES {
            assert_eq!(role.as_str().parse(), Ok(*role));
        }
    }

    #[test]
    fn what_only_some_roles_may_do() {
        #[track_caller]
        fn check(permits: impl Fn(&str) -> bool, expected: &[Role]) {
            let any =
                |role: &&Role| role.permissions().iter().any(|permission| permits(permission));
            let holders: Vec<Role> = ROLES.iter().filter(any).copied().collect();
            assert_eq!(holders, expected);
        }

        // Whoever looks after records brings them in; whoever checks does not.
        let keepers = [Role::PcnManager, Role::FederationManager, Role::Operator];
        check(|permission| permission.ends_with(".imports.create"), &keepers);
        check(|permission| permission == "records.backdate", &keepers);
        check(|permission| permission == "workforce.reference.import", &[Role::Operator]);
        let employers = [Role::PcnManager, Role::FederationManager];
        check(|permission| permission.ends_with("readPersonal"), &employers);
        let permissions = Role::Service.permissions();
        assert!(permissions.iter().all(|permission| permission.ends_with(".facts.read")));
    }

    #[test]
    fn every_permission_of_a_method_is_held_by_a_role() {
        for (path, rule) in crate::rules::methods().expect("every method has a rule") {
            let held = ROLES.iter().any(|role| role.permits(&rule.permission));
            assert!(held, "nobody may call {path}: no role holds {}", rule.permission);
        }
    }
}
