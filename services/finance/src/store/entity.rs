//! The tables that are finance's own. The roster's and the shell's are in kit.

pub(crate) mod balance;
pub(crate) mod baseline;
pub(crate) mod claim;
pub(crate) mod claim_build;
pub(crate) mod claim_line;
pub(crate) mod pay;
pub(crate) mod posting;
pub(crate) mod practice_funded;
