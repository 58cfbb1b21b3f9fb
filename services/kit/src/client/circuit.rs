//! Whether a peer can be reached, as the last calls and connections showed.
//!
//! Open, every call is refused at once instead of waiting for a peer that is not there. After a
//! pause that grows, one call may ask the peer for its health; if it answers, all may pass.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;

/// How long it stays open after the first failure, and at most.
const PAUSE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));
/// How many connections in a row may be lost in the middle of a call.
const LOST: u32 = 3;

/// Whether a peer can be reached.
#[derive(Debug)]
pub(super) struct Circuit {
    peer: String,
    state: Mutex<State>,
}

#[derive(Debug)]
enum State {
    /// Calls pass.
    Closed { lost: u32 },
    /// Calls are refused until then.
    Open { until: Instant, pause: Duration, trouble: Trouble },
    /// One call asks; the others are refused.
    Asking { pause: Duration, trouble: Trouble },
}

/// Why a peer cannot be reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Trouble {
    pub(super) why: Arc<str>,
    pub(super) kind: Kind,
}

/// What kind of trouble it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Nobody is there, or the connection was cut: told at once.
    Refused,
    /// Nothing comes back.
    Silent,
    /// One side does not accept the certificate of the other.
    Distrust,
}

impl Trouble {
    pub(super) fn new(kind: Kind, why: impl Into<Arc<str>>) -> Trouble {
        Trouble { why: why.into(), kind }
    }
}

/// Whether a call may pass.
#[derive(Debug)]
pub(super) enum Passage<'a> {
    /// It may.
    Free,
    /// It may if the peer answers when it is asked; the answer belongs into the question.
    Ask(Question<'a>),
    /// The peer could not be reached a moment ago, and why.
    Closed(Trouble),
}

/// The one call that asks; dropped without an answer, the next may ask.
#[derive(Debug)]
pub(super) struct Question<'a>(&'a Circuit);

impl Circuit {
    pub(super) fn new(peer: String) -> Circuit {
        Circuit { peer, state: Mutex::new(State::Closed { lost: 0 }) }
    }

    /// Whether a call may pass.
    pub(super) fn pass(&self, now: Instant) -> Passage<'_> {
        let mut state = self.state();
        match &*state {
            State::Closed { .. } => Passage::Free,
            State::Open { until, pause, trouble } if now >= *until => {
                *state = State::Asking { pause: *pause, trouble: trouble.clone() };
                drop(state);
                Passage::Ask(Question(self))
            }
            State::Open { trouble, .. } | State::Asking { trouble, .. } => {
                Passage::Closed(trouble.clone())
            }
        }
    }

    /// Why it is open, if nobody may try to connect now.
    pub(super) fn trouble(&self) -> Option<Trouble> {
        match &*self.state() {
            State::Open { trouble, .. } => Some(trouble.clone()),
            State::Closed { .. } | State::Asking { .. } => None,
        }
    }

    /// Where the peer is.
    pub(super) fn peer(&self) -> &str {
        &self.peer
    }

    /// The peer answered.
    pub(super) fn answered(&self) {
        let mut state = self.state();
        let open = !matches!(*state, State::Closed { .. });
        *state = State::Closed { lost: 0 };
        drop(state);
        if open {
            tracing::info!(peer = self.peer, "{} can be reached again", self.peer);
        }
    }

    /// The connection ended in the middle of a call; several in a row say that the peer is ill.
    pub(super) fn lost(&self, trouble: Trouble, now: Instant) {
        let count = match &mut *self.state() {
            State::Closed { lost } => {
                *lost += 1;
                *lost
            }
            State::Open { .. } | State::Asking { .. } => return,
        };
        if count >= LOST {
            self.unreachable(trouble, now);
        }
    }

    /// The peer cannot be connected to, or does not answer on its connection.
    pub(super) fn unreachable(&self, trouble: Trouble, now: Instant) {
        let mut state = self.state();
        let (pause, told) = match &*state {
            State::Closed { .. } => (PAUSE.0, false),
            State::Open { until, .. } if now < *until => return,
            State::Open { pause, trouble: before, .. }
            | State::Asking { pause, trouble: before } => {
                ((*pause * 2).min(PAUSE.1), *before == trouble)
            }
        };
        let until = now + spread(pause);
        let why = Arc::clone(&trouble.why);
        *state = State::Open { until, pause, trouble };
        drop(state);
        let peer = &self.peer;
        if told {
            tracing::debug!(peer, "{peer} still cannot be reached: {why}");
        } else {
            tracing::warn!(peer, "{peer} cannot be reached, and is asked again soon: {why}");
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A state is written whole, so one that a panic left behind can be read.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Question<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        if let State::Asking { pause, trouble } = &*state {
            let (pause, trouble) = (*pause, trouble.clone());
            *state = State::Open { until: Instant::now() + spread(pause), pause, trouble };
        }
    }
}

/// A time around `pause`, from three quarters to five quarters of it, so that those who lost the
/// same peer do not come back at the same moment.
pub(super) fn spread(pause: Duration) -> Duration {
    let thousandth = u32::from(Uuid::new_v4().as_bytes()[0]) * 500 / 255;
    pause * (750 + thousandth) / 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused() -> Trouble {
        Trouble::new(Kind::Refused, "refused")
    }

    fn circuit() -> Circuit {
        Circuit::new("http://peer".to_owned())
    }

    #[test]
    fn an_unreachable_peer_is_left_alone_for_pauses_that_grow() {
        let circuit = circuit();
        let mut now = Instant::now();
        assert!(matches!(circuit.pass(now), Passage::Free));

        circuit.unreachable(refused(), now);

        assert!(matches!(circuit.pass(now), Passage::Closed(trouble) if trouble == refused()));
        let mut waited = Vec::new();
        for _ in 0..10 {
            let before = now;
            let question = loop {
                match circuit.pass(now) {
                    Passage::Ask(question) => break question,
                    Passage::Closed(_) => now += Duration::from_millis(5),
                    Passage::Free => panic!("nobody answered"),
                }
            };
            waited.push(now - before);
            assert!(matches!(circuit.pass(now), Passage::Closed(_)), "one asks at a time");
            circuit.unreachable(refused(), now);
            drop(question);
        }
        assert!(waited[0] < Duration::from_millis(150), "{waited:?}");
        assert!(waited[9] > Duration::from_secs(3), "{waited:?}");
        assert!(waited[9] < Duration::from_secs(7), "{waited:?}");
    }

    #[test]
    fn a_peer_that_answers_is_free_again() {
        let circuit = circuit();
        let now = Instant::now();
        circuit.unreachable(refused(), now);

        let Passage::Ask(question) = circuit.pass(now + PAUSE.0 * 2) else { panic!("not asked") };
        circuit.answered();
        drop(question);

        assert!(matches!(circuit.pass(now), Passage::Free));
    }

    #[test]
    fn a_question_that_is_dropped_leaves_the_next_one_to_another() {
        let circuit = circuit();
        let now = Instant::now();
        circuit.unreachable(refused(), now);

        drop(circuit.pass(now + PAUSE.0 * 2));

        assert!(matches!(circuit.pass(now), Passage::Closed(_)));
        assert!(matches!(circuit.pass(Instant::now() + PAUSE.0 * 4), Passage::Ask(_)));
    }

    #[test]
    fn lost_connections_open_it_only_in_a_row() {
        let circuit = circuit();
        let now = Instant::now();
        for _ in 1..LOST {
            circuit.lost(refused(), now);
        }
        circuit.answered();
        for _ in 1..LOST {
            circuit.lost(refused(), now);
        }
        assert!(matches!(circuit.pass(now), Passage::Free));

        circuit.lost(refused(), now);

        assert!(matches!(circuit.pass(now), Passage::Closed(_)));
    }
}
