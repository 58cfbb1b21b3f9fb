//! Tokens that were verified a moment ago, by their hash.

use std::collections::HashMap;
use std::mem;
use std::sync::{Mutex, PoisonError};

use aws_lc_rs::digest;
use terms::Instant;

use super::token::Bearer;

/// How long a token is not verified again: a revoked key or a lost one works no longer than this.
const MICROSECONDS: i64 = 30 * 1_000_000;
/// How many tokens of each generation are kept, so that callers cannot fill the memory.
const TOKENS: usize = 4096;

/// The SHA-256 of a token, which is all that is kept of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// The fingerprint of a token.
    pub(super) fn of(token: &str) -> Fingerprint {
        let digest = digest::digest(&digest::SHA256, token.as_bytes());
        Fingerprint(digest.as_ref().try_into().expect("SHA-256 has 32 bytes"))
    }
}

#[derive(Debug)]
struct Entry {
    bearer: Bearer,
    verified: Instant,
}

/// Two generations of verified tokens: when the younger is full it becomes the older, and what was
/// the older is dropped.
#[derive(Debug, Default)]
pub(super) struct Recent(Mutex<[HashMap<Fingerprint, Entry>; 2]>);

impl Recent {
    /// Whose token it is, if it was verified a moment ago.
    pub(super) fn get(&self, token: &Fingerprint, now: Instant) -> Option<Bearer> {
        let generations = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = generations.iter().find_map(|generation| generation.get(token))?;
        // A clock that was set back must not make an entry last.
        let age = now.0 - entry.verified.0;
        (0..MICROSECONDS).contains(&age).then(|| entry.bearer.clone())
    }

    /// Keeps whose token it is.
    pub(super) fn keep(&self, token: Fingerprint, bearer: Bearer, now: Instant) {
        let mut generations = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let [younger, older] = &mut *generations;
        if younger.len() >= TOKENS {
            *older = mem::take(younger);
        }
        younger.insert(token, Entry { bearer, verified: now });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bearer(name: &str) -> Bearer {
        Bearer { principal: name.into(), grants: [].into(), until: Instant(i64::MAX) }
    }

    #[test]
    fn a_token_is_kept_for_thirty_seconds() {
        let recent = Recent::default();
        let token = Fingerprint::of("a");
        recent.keep(token, bearer("a"), Instant(0));

        let known = |at: i64| recent.get(&token, Instant(at)).is_some();
        assert!(known(0) && known(MICROSECONDS - 1));
        assert!(!known(MICROSECONDS) && !known(-1));
        assert!(recent.get(&Fingerprint::of("b"), Instant(0)).is_none());
    }

    #[test]
    fn no_more_than_two_generations_are_kept() {
        let recent = Recent::default();

        for number in 0..TOKENS * 5 {
            let name = number.to_string();
            recent.keep(Fingerprint::of(&name), bearer(&name), Instant(0));
        }

        let kept: usize = recent.0.lock().unwrap().iter().map(HashMap::len).sum();
        assert!((TOKENS..=TOKENS * 2).contains(&kept), "{kept} are kept");
        let last = Fingerprint::of(&(TOKENS * 5 - 1).to_string());
        assert!(recent.get(&last, Instant(0)).is_some());
        assert!(recent.get(&Fingerprint::of("0"), Instant(0)).is_none());
    }
}
