//! Who calls, what they may do, and which rows they may touch.
//!
//! A bearer token names a subject and its grants, each `role@scope`. A call is allowed if a grant
//! holds the permission of the method; the rows it may touch are the union of the scopes of
//! exactly those grants.

mod fetch;
mod follow;
mod grant;
mod keys;
mod local;
mod recent;
mod roles;
mod scope;
mod token;
mod verifier;

#[cfg(test)]
mod forge;

use std::sync::Arc;

use sea_orm::ConnectionTrait;

pub use grant::{Grant, GrantScope};
pub use local::{LOCAL_ISSUER, LocalIssuer};
pub use roles::{ROLES, Role};
pub use scope::Scope;
pub use token::TOKEN_BYTES;
pub use verifier::{Verified, Verifier};

use crate::Clock;
use crate::error::{Error, ErrorReason};
use crate::shutdown::Shutdown;

/// An authenticated caller of one method.
#[derive(Clone, Debug)]
pub struct Caller {
    principal: Arc<str>,
    method: Arc<str>,
    permission: Arc<str>,
    grants: Arc<[Grant]>,
    draining: Option<Shutdown>,
}

impl Caller {
    /// A caller whose token was verified and who calls `method`, which asks for `permission`.
    ///
    /// Refused if none of the grants holds the permission.
    pub(crate) fn admit(
        principal: Arc<str>,
        grants: Arc<[Grant]>,
        method: &str,
        permission: &str,
        draining: Shutdown,
    ) -> Result<Caller, Error> {
        let caller = Caller {
            principal,
            method: method.into(),
            permission: permission.into(),
            grants,
            draining: Some(draining),
        };
        if caller.holds(permission) { Ok(caller) } else { Err(caller.denied(method)) }
    }

    /// Puts a caller together for tests of storage and applications.
    pub fn for_test(grants: &[&str], permission: &str) -> Caller {
        let grants = grants.iter().map(|grant| grant.parse().expect("the test wrote a grant"));
        Caller {
            principal: "test".into(),
            method: "/test".into(),
            permission: permission.into(),
            grants: grants.collect(),
            draining: None,
        }
    }

    /// The same caller under another name, for tests.
    #[must_use]
    pub fn named(self, principal: &str) -> Caller {
        Caller { principal: principal.into(), ..self }
    }

    /// Waits until the server drains, so that a stream without an end can end.
    pub async fn drained(&self) {
        match self.draining.clone() {
            Some(mut draining) => draining.wait().await,
            None => std::future::pending().await,
        }
    }

    /// Issuer and subject of the token.
    pub fn principal(&self) -> &str {
        &self.principal
    }

    /// The path of the method called.
    pub fn method(&self) -> &str {
        &self.method
    }

    /// Whether a grant holds `permission`.
    pub fn holds(&self, permission: &str) -> bool {
        self.grants.iter().any(|grant| grant.role.permits(permission))
    }

    /// Whether a grant over all of England holds `permission`.
    pub fn holds_everywhere(&self, permission: &str) -> bool {
        self.grants
            .iter()
            .any(|grant| grant.role.permits(permission) && grant.scope == GrantScope::England)
    }

    /// The grants that hold the permission of the method called.
    pub fn grants(&self) -> impl Iterator<Item = &Grant> {
        self.grants.iter().filter(|grant| grant.role.permits(&self.permission))
    }

    /// The rows the caller may touch with the method called, as asked of today; the transaction
    /// sees no others from here on.
    pub async fn scope(&self, txn: &impl ConnectionTrait, clock: &Clock) -> Result<Scope, Error> {
        let scope = Scope::resolve(txn, self.grants(), clock.today()).await?;
        scope.enter(txn).await?;
        Ok(scope)
    }

    /// Lets the transaction see the rows of everybody; refused where the scope is less than that,
    /// since `name` concerns everybody.
    pub async fn enter_england(
        &self,
        txn: &impl ConnectionTrait,
        clock: &Clock,
        name: &str,
    ) -> Result<(), Error> {
        let scope = self.scope(txn, clock).await?;
        if scope.is_england() { Ok(()) } else { Err(self.denied(name)) }
    }

    /// The refusal of `name`, which reads the same whether it exists or not.
    pub fn denied(&self, name: &str) -> Error {
        Error::Denied { permission: self.permission.to_string(), name: name.to_owned() }
    }

    /// What of the caller decides the answer to a list, for page tokens.
    pub fn fingerprint(&self) -> String {
        format!("{} {} {:?}", self.principal, self.method, self.grants)
    }
}

/// The refusal of a token; `problem` says what is wrong with it and never repeats it.
pub(crate) fn unauthenticated(problem: impl Into<String>) -> Error {
    let problem = problem.into();
    Error::refused(
        ErrorReason::TokenInvalid,
        format!("the call needs a valid bearer token: {problem}"),
        [("problem", problem)],
    )
}
