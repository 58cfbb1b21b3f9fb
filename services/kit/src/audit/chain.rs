//! The hash of an entry and of everything before it.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest::{self, Context, SHA256};
use terms::ParseError;

use super::table::audit_entry;

/// How entries are written into the hash. Another encoding gets the next number, and this one is
/// kept for the entries that it sealed.
pub(super) const VERSION: i32 = 1;

/// A place in the chain and the hash of everything up to it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// How many entries the chain has up to here.
    pub sequence: i64,
    /// The hash.
    pub hash: [u8; 32],
}

impl Head {
    /// Before the first entry.
    pub const START: Head = Head { sequence: 0, hash: [0; 32] };

    /// The place after this one, with the entry that was sealed there; none for an encoding that
    /// this version does not know.
    pub(super) fn next(
        &self,
        version: i32,
        sealed_at: i64,
        entry: &audit_entry::Model,
    ) -> Option<Head> {
        if version != VERSION {
            return None;
        }
        let sequence = self.sequence + 1;
        let mut hash = Context::new(&SHA256);
        hash.update(b"arrs audit chain");
        hash.update(&version.to_be_bytes());
        hash.update(&self.hash);
        hash.update(&sequence.to_be_bytes());
        hash.update(&sealed_at.to_be_bytes());
        write(&mut hash, entry);
        Some(Head { sequence, hash: bytes(&hash.finish()) })
    }
}

/// Version 1: every field in this order; texts with their length before them, so that no two
/// entries are written alike, and an absent one apart from an empty one.
fn write(hash: &mut Context, entry: &audit_entry::Model) {
    let audit_entry::Model {
        id,
        time,
        principal,
        method,
        resource,
        outcome,
        detail,
        trace,
        reason,
        tenant_code,
    } = entry;
    hash.update(id.as_bytes());
    hash.update(&time.to_be_bytes());
    for text in [principal, method, resource, outcome, detail] {
        write_text(hash, text);
    }
    for text in [trace, reason, tenant_code] {
        hash.update(&[u8::from(text.is_some())]);
        write_text(hash, text.as_deref().unwrap_or_default());
    }
}

fn write_text(hash: &mut Context, text: &str) {
    let length = u64::try_from(text.len()).expect("a text is shorter than memory");
    hash.update(&length.to_be_bytes());
    hash.update(text.as_bytes());
}

fn bytes(digest: &digest::Digest) -> [u8; 32] {
    digest.as_ref().try_into().expect("SHA-256 has 32 bytes")
}

/// `1234:9f86d0...`, as logs and commands name a place in the chain.
impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.sequence)?;
        self.hash.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Head({self})")
    }
}

impl FromStr for Head {
    type Err = ParseError;
    fn from_str(text: &str) -> Result<Head, ParseError> {
        const EXPECTED: ParseError = ParseError {
            expected: "must be a place in the chain and its hash, such as 1234:9f86d081... with 64 \
                       hexadecimal digits",
        };
        let (sequence, digits) = text.split_once(':').ok_or(EXPECTED)?;
        let sequence = sequence.parse().ok().filter(|number| *number >= 0).ok_or(EXPECTED)?;
        if digits.len() != 64 || !digits.is_ascii() {
            return Err(EXPECTED);
        }
        let mut hash = [0; 32];
        for (byte, at) in hash.iter_mut().zip((0..64).step_by(2)) {
            *byte = u8::from_str_radix(&digits[at..at + 2], 16).map_err(|_| EXPECTED)?;
        }
        Ok(Head { sequence, hash })
    }
}
