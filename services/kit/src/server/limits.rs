//! How many calls at once, and how many a second: of the process, and of each caller, so that one
//! that asks for too much takes nothing from the others.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::config;
use crate::error::{Error, ErrorReason, RETRY_AFTER};
use crate::telemetry::{Shed, record_shed};

/// How many may watch health or ask for the contracts at once: they need no token.
const PROBES: usize = 128;
/// After how many calls callers that were silent are forgotten.
const SWEEP: u32 = 1024;

/// The limits of one server.
#[derive(Debug)]
pub(super) struct Limits {
    calls: Arc<Semaphore>,
    most: usize,
    probes: Arc<Semaphore>,
    callers: Mutex<HashMap<Arc<str>, Open>>,
    of_caller: Open,
}

/// What one caller has open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Open {
    calls: u32,
    streams: u32,
}

/// One call's place among those of its caller; free again when it is dropped.
#[derive(Debug)]
pub(super) struct CallerPlace {
    limits: Arc<Limits>,
    principal: Arc<str>,
    stream: bool,
}

/// What a call holds while it is worked on and sent.
#[derive(Debug)]
pub(super) struct Place {
    _caller: Option<CallerPlace>,
    _process: OwnedSemaphorePermit,
}

impl Limits {
    pub(super) fn new(settings: &config::Server) -> Limits {
        let calls = usize::try_from(settings.max_calls).unwrap_or(usize::MAX);
        let most = calls.min(Semaphore::MAX_PERMITS);
        Limits {
            calls: Arc::new(Semaphore::new(most)),
            most,
            probes: Arc::new(Semaphore::new(PROBES)),
            callers: Mutex::default(),
            of_caller: Open { calls: settings.caller_calls, streams: settings.caller_streams },
        }
    }

    /// How many calls are worked on, streams that are still being sent included.
    pub(super) fn running(&self) -> usize {
        self.most.saturating_sub(self.calls.available_permits())
    }

    /// A place among the calls of a caller. Those that wait have one too.
    pub(super) fn of_caller(
        self: &Arc<Limits>,
        principal: &str,
        stream: bool,
    ) -> Result<CallerPlace, Error> {
        let principal: Arc<str> = principal.into();
        let mut callers = self.callers();
        let open = callers.entry(Arc::clone(&principal)).or_default();
        let full = open.calls >= self.of_caller.calls;
        if full || (stream && open.streams >= self.of_caller.streams) {
            if *open == Open::default() {
                callers.remove(&principal);
            }
            drop(callers);
            let (shed, what, most) = match full {
                true => (Shed::CallerCalls, "calls", self.of_caller.calls),
                false => (Shed::CallerStreams, "streams", self.of_caller.streams),
            };
            record_shed(shed);
            return Err(overloaded(format!("this caller has {most} {what} open; try again")));
        }
        open.calls += 1;
        open.streams += u32::from(stream);
        drop(callers);
        Ok(CallerPlace { limits: Arc::clone(self), principal, stream })
    }

    /// A place among the calls of the process.
    pub(super) fn of_process(&self, caller: CallerPlace) -> Result<Place, Error> {
        match Arc::clone(&self.calls).try_acquire_owned() {
            Ok(process) => Ok(Place { _caller: Some(caller), _process: process }),
            Err(_) => {
                record_shed(Shed::Calls);
                Err(overloaded("too many calls at once; try again"))
            }
        }
    }

    /// A place for a stream that needs no token.
    pub(super) fn of_probe(&self) -> Result<Place, Error> {
        match Arc::clone(&self.probes).try_acquire_owned() {
            Ok(process) => Ok(Place { _caller: None, _process: process }),
            Err(_) => {
                record_shed(Shed::Probes);
                Err(overloaded("too many probes at once; try again"))
            }
        }
    }

    fn callers(&self) -> MutexGuard<'_, HashMap<Arc<str>, Open>> {
        // Counts are changed whole, so those that a panic left behind can be read.
        self.callers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for CallerPlace {
    fn drop(&mut self) {
        if let Entry::Occupied(mut open) = self.limits.callers().entry(Arc::clone(&self.principal))
        {
            open.get_mut().calls -= 1;
            open.get_mut().streams -= u32::from(self.stream);
            if *open.get() == Open::default() {
                open.remove();
            }
        }
    }
}

fn overloaded(message: impl Into<String>) -> Error {
    Error::refused(ErrorReason::Overloaded, message, [])
}

/// How many calls a second each caller may make.
#[derive(Debug)]
pub(super) struct Pace {
    limiter: DefaultKeyedRateLimiter<Arc<str>>,
    clock: DefaultClock,
    per_second: u32,
    calls: AtomicU32,
}

impl Pace {
    /// None where the settings say that there is no limit.
    pub(super) fn new(settings: &config::Pace) -> Option<Pace> {
        let per_second = NonZeroU32::new(settings.calls_per_second)?;
        let burst = NonZeroU32::new(settings.burst_calls).unwrap_or(per_second);
        let quota = Quota::per_second(per_second).allow_burst(burst);
        Some(Pace {
            limiter: DefaultKeyedRateLimiter::keyed(quota),
            clock: DefaultClock::default(),
            per_second: per_second.get(),
            calls: AtomicU32::new(0),
        })
    }

    /// Refuses a call that comes too soon, and says when it would not.
    pub(super) fn check(&self, principal: &str) -> Result<(), Error> {
        // Only those who called within the last moments are remembered.
        if self.calls.fetch_add(1, Ordering::Relaxed).is_multiple_of(SWEEP) {
            self.limiter.retain_recent();
        }
        self.limiter.check_key(&principal.into()).map_err(|until| {
            record_shed(Shed::CallerRate);
            let wait = until.wait_time_from(self.clock.now()).as_millis() + 1;
            Error::refused(
                ErrorReason::RateLimited,
                format!("this caller calls more than {} times a second", self.per_second),
                [
                    ("limit_per_second", self.per_second.to_string()),
                    (RETRY_AFTER, wait.to_string()),
                ],
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> Arc<Limits> {
        let mut settings = crate::config::load::<Only>(&[config::DEFAULTS], None).unwrap().kit;
        settings.server.max_calls = 4;
        settings.server.caller_calls = 3;
        settings.server.caller_streams = 2;
        Arc::new(Limits::new(&settings.server))
    }

    #[derive(serde::Deserialize)]
    struct Only {
        kit: config::Kit,
    }

    #[test]
    fn one_caller_cannot_take_the_places_of_another() {
        let limits = limits();
        let one: Vec<_> = (0..3).map(|_| limits.of_caller("one", false).unwrap()).collect();

        assert_eq!(limits.of_caller("one", false).unwrap_err().reason(), ErrorReason::Overloaded);
        let other = limits.of_caller("other", false).unwrap();

        drop(one);
        drop(limits.of_caller("one", true).unwrap());
        drop(other);
        assert!(limits.callers().is_empty(), "nobody is remembered");
    }

    #[test]
    fn streams_have_a_limit_of_their_own() {
        let limits = limits();
        let streams: Vec<_> = (0..2).map(|_| limits.of_caller("one", true).unwrap()).collect();

        limits.of_caller("one", true).unwrap_err();
        limits.of_caller("one", false).expect("a call is no stream");

        drop(streams);
        limits.of_caller("one", true).unwrap();
    }

    #[test]
    fn a_caller_that_calls_too_fast_is_told_when_to_come_back() {
        let settings = config::Pace { calls_per_second: 1, burst_calls: 3 };
        let pace = Pace::new(&settings).unwrap();
        for _ in 0..3 {
            pace.check("noisy").unwrap();
        }

        let Error::Refused { reason, facts, .. } = pace.check("noisy").unwrap_err() else {
            panic!("it was not refused")
        };

        assert_eq!(reason, ErrorReason::RateLimited);
        let wait: u64 =
            facts.iter().find(|(name, _)| *name == RETRY_AFTER).unwrap().1.parse().unwrap();
        assert!((1..=1_001).contains(&wait), "{wait}");
        pace.check("quiet").expect("another caller is not touched");
        assert!(Pace::new(&config::Pace { calls_per_second: 0, burst_calls: 0 }).is_none());
    }
}
