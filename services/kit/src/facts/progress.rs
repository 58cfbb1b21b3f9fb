//! How far a service has come with a producer, as callers ask for it.

use tokio::sync::watch;

use super::cursor::UNKNOWN;
use crate::db::Database;
use crate::error::{Error, ErrorReason};

/// How far a service has followed one producer, for callers that wait for a position.
#[derive(Clone, Debug)]
pub struct Progress {
    producer: &'static str,
    reached: watch::Receiver<i64>,
    whole_at: watch::Receiver<i64>,
    diverged: watch::Receiver<bool>,
}

impl Progress {
    pub(super) fn new(
        producer: &'static str,
        reached: watch::Receiver<i64>,
        whole_at: watch::Receiver<i64>,
        diverged: watch::Receiver<bool>,
    ) -> Progress {
        Progress { producer, reached, whole_at, diverged }
    }

    /// The progress of a service in its own outbox, which it has always followed.
    pub fn own(producer: &'static str, database: &Database) -> Progress {
        let (_, whole_at) = watch::channel(0);
        let (_, diverged) = watch::channel(false);
        Progress { producer, reached: database.positions(), whole_at, diverged }
    }

    /// Waits until what was followed is whole. Refuses if it is not what the producer has, and
    /// with `PROJECTION_BEHIND` if it is not whole by `deadline`: an answer that rests on it could
    /// be wrong, and who may see what is among the things that are followed.
    pub async fn whole(&mut self, deadline: tokio::time::Instant) -> Result<(), Error> {
        loop {
            self.check()?;
            let whole_at = *self.whole_at.borrow_and_update();
            if self.reached() >= whole_at {
                return Ok(());
            }
            if whole_at < UNKNOWN {
                self.wait(whole_at, deadline).await?;
                continue;
            }
            let told = tokio::time::timeout_at(deadline, self.whole_at.changed());
            if !told.await.is_ok_and(|told| told.is_ok()) {
                let (producer, reached) = (self.producer, self.reached());
                return Err(Error::refused(
                    ErrorReason::ProjectionBehind,
                    format!(
                        "{producer} was never reached since it is followed from its first fact"
                    ),
                    [("producer", producer.to_owned()), ("reached", reached.to_string())],
                ));
            }
        }
    }

    /// Refuses if what was followed is not what the producer has.
    pub(super) fn check(&self) -> Result<(), Error> {
        if !*self.diverged.borrow() {
            return Ok(());
        }
        let (producer, reached) = (self.producer, self.reached());
        Err(Error::refused(
            ErrorReason::ProjectionDiverged,
            format!("what was followed of {producer} is not what it has; an operator must replay"),
            [("producer", producer.to_owned()), ("position", reached.to_string())],
        ))
    }

    /// Whose outbox is followed.
    pub fn producer(&self) -> &'static str {
        self.producer
    }

    /// The position reached.
    pub fn reached(&self) -> i64 {
        *self.reached.borrow()
    }

    /// Waits for `position` until `deadline`, and refuses with `PROJECTION_BEHIND` after it.
    pub async fn wait(
        &mut self,
        position: i64,
        deadline: tokio::time::Instant,
    ) -> Result<(), Error> {
        let arrived = self.reached.wait_for(|reached| *reached >= position);
        let arrived =
            tokio::time::timeout_at(deadline, arrived).await.is_ok_and(|waited| waited.is_ok());
        if arrived {
            return Ok(());
        }
        let (producer, reached) = (self.producer, self.reached());
        Err(Error::refused(
            ErrorReason::ProjectionBehind,
            format!("{producer} is followed up to {reached}, not yet to {position}"),
            [
                ("producer", producer.to_owned()),
                ("position", position.to_string()),
                ("reached", reached.to_string()),
            ],
        ))
    }
}
