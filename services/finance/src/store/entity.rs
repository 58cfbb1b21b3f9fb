//! The tables that are finance's own. The roster's and the shell's are in kit.

pub(crate) mod pay;
