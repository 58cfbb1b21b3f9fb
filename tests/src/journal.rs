//! What clients meant to do and what they were told, and the judgement of services by it.
//!
//! A client writes down each request before it sends it and each answer before it believes it, and
//! waits until the disk has them. So whatever is killed, the journal knows what was promised.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A mutation, whole enough to be sent again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// Under which it is repeated.
    pub request_id: Uuid,
    /// What is asked for.
    pub call: Call,
    /// What there is exactly once after it was done, and no other request makes; all or nothing.
    pub effects: Vec<String>,
}

/// What a client asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Call {
    /// To bring in a file.
    Import {
        /// What the file holds.
        kind: String,
        /// The file.
        text: String,
    },
    /// To change one thing.
    Change {
        /// The method.
        path: String,
        /// Its request, encoded.
        request: Vec<u8>,
    },
}

/// One line of the journal.
#[derive(Debug, Serialize, Deserialize)]
enum Entry {
    Intended(Intent),
    /// The digest of the answer, by which a repeat is compared.
    Acknowledged(Uuid, String),
}

/// A journal that is being written.
#[derive(Debug)]
pub struct Journal(Mutex<File>);

/// What a journal says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    intents: BTreeMap<Uuid, Intent>,
    answers: BTreeMap<Uuid, String>,
}

/// A promise that was not kept.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Broken {
    /// It was acknowledged, and is not there.
    Lost(Uuid),
    /// Something of it is there more than once.
    Twice(Uuid),
    /// Some of it is there, and some is not.
    Half(Uuid),
    /// It is there, and nobody asked for it.
    Unasked(String),
    /// The same request was answered in two ways.
    AnsweredTwice(Uuid),
}

impl Journal {
    /// Begins a journal.
    pub fn create(path: &Path) -> Journal {
        let file = File::options().create(true).append(true).open(path);
        Journal(Mutex::new(file.expect("the folder of a test takes a file")))
    }

    /// Writes down what is about to be sent.
    pub fn intend(&self, intent: &Intent) {
        self.write(&Entry::Intended(intent.clone()));
    }

    /// Writes down that a request was answered.
    pub fn acknowledge(&self, request_id: Uuid, answer: &[u8]) {
        self.write(&Entry::Acknowledged(request_id, digest(answer)));
    }

    fn write(&self, entry: &Entry) {
        let mut line = serde_json::to_vec(entry).expect("an entry is plain");
        line.push(b'\n');
        let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        file.write_all(&line).expect("there is room");
        file.sync_data().expect("the disk takes it");
    }
}

impl History {
    /// Reads a journal, and what it says of requests that were answered in two ways.
    pub fn read(path: &Path) -> (History, Vec<Broken>) {
        let mut history = History::default();
        let mut broken = Vec::new();
        let text = std::fs::read_to_string(path).expect("a journal was written");
        for line in text.lines() {
            match serde_json::from_str(line).expect("we wrote it") {
                Entry::Intended(intent) => {
                    history.intents.insert(intent.request_id, intent);
                }
                Entry::Acknowledged(request_id, answer) => {
                    let known = history.answers.insert(request_id, answer.clone());
                    if known.is_some_and(|known| known != answer) {
                        broken.push(Broken::AnsweredTwice(request_id));
                    }
                }
            }
        }
        (history, broken)
    }

    /// The part of the history that is about these requests.
    pub fn only(&self, wanted: impl Fn(&Intent) -> bool) -> History {
        let mut history = self.clone();
        history.intents.retain(|_, intent| wanted(intent));
        history
    }

    /// The requests that were answered.
    pub fn acknowledged(&self) -> impl Iterator<Item = &Intent> {
        self.intents.values().filter(|intent| self.is_acknowledged(intent))
    }

    /// The requests of which nobody knows: sent, perhaps done, never answered.
    pub fn in_doubt(&self) -> impl Iterator<Item = &Intent> {
        self.intents.values().filter(|intent| !self.is_acknowledged(intent))
    }

    /// Compares with what is there afterwards: each effect of ours, as often as it was found.
    pub fn judge<'a>(&self, found: impl IntoIterator<Item = &'a str>) -> Vec<Broken> {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for effect in found {
            *counts.entry(effect).or_default() += 1;
        }
        let mut broken = BTreeSet::new();
        for intent in self.intents.values() {
            let id = intent.request_id;
            let each: Vec<usize> = intent
                .effects
                .iter()
                .map(|effect| counts.remove(effect.as_str()).unwrap_or_default())
                .collect();
            if each.iter().any(|count| *count > 1) {
                broken.insert(Broken::Twice(id));
            }
            match each.iter().filter(|count| **count > 0).count() {
                0 if self.is_acknowledged(intent) => broken.insert(Broken::Lost(id)),
                some if some > 0 && some < each.len() => broken.insert(Broken::Half(id)),
                _ => false,
            };
        }
        broken.extend(counts.into_keys().map(|effect| Broken::Unasked(effect.to_owned())));
        broken.into_iter().collect()
    }

    fn is_acknowledged(&self, intent: &Intent) -> bool {
        self.answers.contains_key(&intent.request_id)
    }
}

fn digest(answer: &[u8]) -> String {
    let mut digest = kit::imports::Digest::new();
    digest.update(answer);
    digest.finish()
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    /// Two requests of two effects each, of which the first was answered.
    fn history() -> (History, [Uuid; 2]) {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("journal");
        let journal = Journal::create(&path);
        let ids = [Uuid::new_v4(), Uuid::new_v4()];
        for (request_id, name) in ids.into_iter().zip(["a", "b"]) {
            journal.intend(&Intent {
                request_id,
                call: Call::Import { kind: "staff".to_owned(), text: String::new() },
                effects: vec![format!("{name}1"), format!("{name}2")],
            });
        }
        journal.acknowledge(ids[0], b"done");
        journal.acknowledge(ids[0], b"done");
        let (history, broken) = History::read(&path);
        assert_eq!(broken, []);
        (history, ids)
    }

    #[test]
    fn what_was_promised_once_and_is_there_once_is_kept() {
        let (history, [acknowledged, in_doubt]) = history();
        let ids = |intents: Vec<&Intent>| -> Vec<Uuid> {
            intents.into_iter().map(|intent| intent.request_id).collect()
        };

        assert_eq!(ids(history.acknowledged().collect()), [acknowledged]);
        assert_eq!(ids(history.in_doubt().collect()), [in_doubt]);
        // What is in doubt may be there or not.
        assert_eq!(history.judge(["a1", "a2"]), []);
        assert_eq!(history.judge(["b2", "a1", "b1", "a2"]), []);
    }

    #[test]
    fn a_write_that_is_lost_doubled_halved_or_unasked_is_named() {
        let (history, [acknowledged, in_doubt]) = history();

        for (found, broken) in [
            (vec![], vec![Broken::Lost(acknowledged)]),
            (vec!["b1", "b2"], vec![Broken::Lost(acknowledged)]),
            (vec!["a1", "a2", "a1", "a2"], vec![Broken::Twice(acknowledged)]),
            (vec!["a1"], vec![Broken::Half(acknowledged)]),
            (vec!["a1", "a2", "b2"], vec![Broken::Half(in_doubt)]),
            (vec!["a1", "a2", "b1", "b1", "b2"], vec![Broken::Twice(in_doubt)]),
            (vec!["a1", "a2", "c"], vec![Broken::Unasked("c".to_owned())]),
        ] {
            assert_eq!(history.judge(found.iter().copied()), broken, "{found:?}");
        }
    }

    #[test]
    fn a_request_that_was_answered_in_two_ways_is_named() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("journal");
        let journal = Journal::create(&path);
        let request_id = Uuid::new_v4();

        journal.acknowledge(request_id, b"done");
        journal.acknowledge(request_id, b"done again");

        assert_eq!(History::read(&path).1, [Broken::AnsweredTwice(request_id)]);
    }
}
