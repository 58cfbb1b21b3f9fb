//! Grants: a role inside a scope, written `role@scope`.

use std::fmt;
use std::str::FromStr;

use terms::{OdsCode, ParseError};

use super::roles::Role;

/// A role that counts only inside its own scope.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Grant {
    /// The role.
    pub role: Role,
    /// Where it counts.
    pub scope: GrantScope,
}

/// Where a role counts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum GrantScope {
    /// One PCN.
    Pcn(OdsCode),
    /// The PCNs that a federation serves today.
    Federation(OdsCode),
    /// The PCNs of a sub-ICB.
    SubIcb(OdsCode),
    /// The PCNs of an ICB.
    Icb(OdsCode),
    /// The PCNs of a region.
    Region(OdsCode),
    /// Every PCN.
    England,
    /// The people of one supervisor.
    Supervisor(String),
}

impl FromStr for Grant {
    type Err = ParseError;
    fn from_str(text: &str) -> Result<Grant, ParseError> {
        const EXPECTED: ParseError = ParseError {
            expected: "must be role@scope, such as pcn-manager@pcn:U00070 or auditor@england",
        };
        let (role, scope) = text.split_once('@').ok_or(EXPECTED)?;
        let role = role.parse()?;
        if scope == "england" {
            return Ok(Grant { role, scope: GrantScope::England });
        }
        let (kind, id) = scope.split_once(':').ok_or(EXPECTED)?;
        if kind == "supervisor" && !id.is_empty() && id.len() <= 64 {
            return Ok(Grant { role, scope: GrantScope::Supervisor(id.to_owned()) });
        }
        let code = id.parse()?;
        let scope = match kind {
            "pcn" => GrantScope::Pcn(code),
            "federation" => GrantScope::Federation(code),
            "sub-icb" => GrantScope::SubIcb(code),
            "icb" => GrantScope::Icb(code),
            "region" => GrantScope::Region(code),
            _ => return Err(EXPECTED),
        };
        Ok(Grant { role, scope })
    }
}

impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let role = self.role;
        match &self.scope {
            GrantScope::Pcn(code) => write!(f, "{role}@pcn:{code}"),
            GrantScope::Federation(code) => write!(f, "{role}@federation:{code}"),
            GrantScope::SubIcb(code) => write!(f, "{role}@sub-icb:{code}"),
            GrantScope::Icb(code) => write!(f, "{role}@icb:{code}"),
            GrantScope::Region(code) => write!(f, "{role}@region:{code}"),
            GrantScope::England => write!(f, "{role}@england"),
            GrantScope::Supervisor(id) => write!(f, "{role}@supervisor:{id}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grants_read_back() {
        for text in [
            "pcn-manager@pcn:U12345",
            "federation-manager@federation:8HX12",
            "icb-finance@icb:QHM",
            "icb-workforce@sub-icb:00L",
            "icb-workforce@region:Y56",
            "auditor@england",
            "supervisor@supervisor:s-1",
        ] {
            assert_eq!(text.parse::<Grant>().map(|grant| grant.to_string()), Ok(text.to_owned()));
        }
        for text in
            ["", "pcn-manager", "king@england", "auditor@pcn:", "auditor@moon:1", "@england"]
        {
            assert!(text.parse::<Grant>().is_err(), "{text}");
        }
    }
}
