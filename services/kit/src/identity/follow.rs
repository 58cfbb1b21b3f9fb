//! Keeps an issuer's keys up to date, beside the calls and never in their way.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use terms::Instant;
use tokio::io::AsyncReadExt;
use tokio::sync::{Notify, watch};
use tokio::time::Instant as Moment;

use super::fetch::{ANSWER, Address};
use super::keys::KeySet;
use crate::Clock;
use crate::config::{ConfigError, Identity};

/// How often a file is looked at, and how soon again if a token names a key it did not have.
const FILE: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(1));
/// How soon the keys are tried again after a failure; each further one doubles it.
const RETRY: Duration = Duration::from_secs(1);
/// The longest pause after failures: an issuer that is back is noticed this soon.
const RETRY_MAX: Duration = Duration::from_secs(30);

/// The keys of an issuer, and how far they can be relied on.
#[derive(Debug)]
pub(super) struct Keyring {
    known: watch::Sender<Known>,
    /// Set off by a token that names a key which is not known.
    wanted: Notify,
    clock: Clock,
    /// For how long keys stay in force that cannot be read again; none where they never change.
    age_max: Option<Duration>,
}

#[derive(Clone, Debug)]
pub(super) struct Known {
    keys: Option<Arc<KeySet>>,
    read_at: Instant,
    /// Whether the last attempt failed.
    failing: bool,
    /// How often they were tried.
    attempts: u64,
    /// Whether they are being tried now, or else from when on they may be.
    reading: bool,
    again_from: Moment,
}

/// Why tokens cannot be checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OutOfForce {
    /// No keys have been read since the process started.
    Never,
    /// The keys were read too long ago.
    Old,
}

impl Keyring {
    /// Keys that never change.
    pub(super) fn fixed(keys: KeySet, clock: Clock) -> Keyring {
        let keyring = Keyring::empty(clock, None);
        keyring.accept(keys);
        keyring
    }

    fn empty(clock: Clock, age_max: Option<Duration>) -> Keyring {
        let known = Known {
            keys: None,
            read_at: clock.now(),
            failing: false,
            attempts: 0,
            reading: false,
            again_from: Moment::now(),
        };
        Keyring { known: watch::Sender::new(known), wanted: Notify::new(), clock, age_max }
    }

    /// The keys, if they may be relied on.
    pub(super) fn in_force(&self, now: Instant) -> Result<Arc<KeySet>, OutOfForce> {
        let known = self.known.borrow();
        let keys = known.keys.as_ref().ok_or(OutOfForce::Never)?;
        let old = self.age_max.is_some_and(|most| age(known.read_at, now) > most);
        if old { Err(OutOfForce::Old) } else { Ok(Arc::clone(keys)) }
    }

    /// How long ago the keys were read, if ever and if they change at all.
    pub(super) fn age(&self) -> Option<Duration> {
        let known = self.known.borrow();
        let _ = (known.keys.as_ref()?, self.age_max?);
        Some(age(known.read_at, self.clock.now()))
    }

    /// Whether the last attempt to read the keys failed.
    pub(super) fn is_failing(&self) -> bool {
        self.known.borrow().failing
    }

    /// Asks for the keys to be read again, and waits for it if it can happen within `bound`.
    pub(super) async fn renew(&self, bound: Duration) {
        if self.age_max.is_none() {
            return;
        }
        let mut known = self.known.subscribe();
        let Known { attempts, reading, again_from, .. } = *known.borrow_and_update();
        self.wanted.notify_one();
        if !reading && again_from > Moment::now() + bound {
            return;
        }
        let done = known.wait_for(|known| known.attempts > attempts);
        // Out of time, or nobody is left to read them: whoever asked looks at what is there.
        drop(tokio::time::timeout(bound, done).await);
    }

    /// Puts keys in force; answers whether they differ from those before.
    pub(super) fn accept(&self, keys: KeySet) -> bool {
        let mut changed = false;
        self.known.send_modify(|known| {
            known.read_at = self.clock.now();
            known.failing = false;
            changed = known.keys.as_deref() != Some(&keys);
            if changed {
                known.keys = Some(Arc::new(keys));
            }
        });
        changed
    }
}

fn age(read_at: Instant, now: Instant) -> Duration {
    Duration::from_micros(u64::try_from(now.0 - read_at.0).unwrap_or(0))
}

/// Where an issuer's keys are.
#[derive(Clone, Debug)]
enum Source {
    Url(Address),
    File(PathBuf),
}

impl Source {
    async fn read(&self) -> Result<Vec<u8>, String> {
        match self {
            Source::Url(address) => address.get().await,
            Source::File(path) => {
                let told = |error| format!("{}: {error}", path.display());
                let file = tokio::fs::File::open(path).await.map_err(told)?;
                let mut bytes = Vec::new();
                let most = u64::try_from(ANSWER).unwrap_or(u64::MAX);
                file.take(most + 1).read_to_end(&mut bytes).await.map_err(told)?;
                if bytes.len() > ANSWER {
                    return Err(format!("{} is larger than {ANSWER} bytes", path.display()));
                }
                Ok(bytes)
            }
        }
    }
}

/// What reads the keys of an issuer again and again.
#[derive(Debug)]
pub(super) struct Follower {
    keyring: Arc<Keyring>,
    source: Source,
    interval: Duration,
    pause_min: Duration,
    timeout: Duration,
    rs512: bool,
    retry: Duration,
    /// The last line about a failure, which is not said twice.
    told: String,
}

impl Follower {
    /// A follower of what the settings name, which has tried the keys once.
    ///
    /// A file that cannot be used is refused. An address may not answer yet: that of an issuer
    /// which is down must not keep the process from coming up with it.
    pub(super) async fn start(settings: &Identity, clock: Clock) -> Result<Follower, ConfigError> {
        let seconds = |seconds: u32| Duration::from_secs(u64::from(seconds.max(1)));
        let (source, interval, pause_min) = match (&*settings.jwks_url, &*settings.jwks_file) {
            ("", "") => {
                let problem = "or kit.identity.jwks_file must name the issuer's public keys";
                return Err(ConfigError::at("kit.identity.jwks_url", problem));
            }
            ("", file) => (Source::File(file.into()), FILE.0, FILE.1),
            (url, "") => {
                let told = |problem| ConfigError::at("kit.identity.jwks_url", problem);
                let ca_file = &settings.jwks_ca_file;
                let address =
                    Address::parse(url, settings.jwks_plain_http, ca_file).map_err(told)?;
                address.check().map_err(told)?;
                let interval = seconds(settings.jwks_refresh_seconds);
                (Source::Url(address), interval, seconds(settings.jwks_unknown_key_seconds))
            }
            (_, _) => {
                let problem = "and kit.identity.jwks_file cannot both be set";
                return Err(ConfigError::at("kit.identity.jwks_url", problem));
            }
        };
        let age_max = seconds(settings.jwks_max_age_seconds);
        if age_max <= interval {
            let problem = "must be more than jwks_refresh_seconds";
            return Err(ConfigError::at("kit.identity.jwks_max_age_seconds", problem));
        }
        let mut follower = Follower {
            keyring: Arc::new(Keyring::empty(clock, Some(age_max))),
            source,
            interval,
            pause_min,
            timeout: seconds(settings.jwks_timeout_seconds),
            rs512: settings.rs512,
            retry: RETRY,
            told: String::new(),
        };
        match (follower.read().await, &follower.source) {
            (Err(problem), Source::File(_)) => {
                Err(ConfigError::at("kit.identity.jwks_file", problem))
            }
            (Err(_), Source::Url(_)) | (Ok(()), _) => Ok(follower),
        }
    }

    /// What it keeps up to date.
    pub(super) fn keyring(&self) -> Arc<Keyring> {
        Arc::clone(&self.keyring)
    }

    /// Follows until it is dropped.
    pub(super) async fn run(mut self) {
        loop {
            let keyring = self.keyring();
            let again_from = keyring.known.borrow().again_from;
            let wanted = async {
                tokio::time::sleep_until(again_from).await;
                keyring.wanted.notified().await;
            };
            let pause = if keyring.is_failing() { self.retry } else { self.interval };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = wanted => {}
            }
            // What went wrong was logged, and is tried again.
            drop(self.read().await);
        }
    }

    /// Tries the keys once.
    async fn read(&mut self) -> Result<(), String> {
        let started = Moment::now();
        self.keyring.known.send_modify(|known| known.reading = true);
        let limit = self.timeout;
        let text = tokio::time::timeout(limit, self.source.read()).await;
        let text = text.unwrap_or_else(|_| Err(format!("no answer within {} s", limit.as_secs())));
        let read = text.and_then(|text| KeySet::parse(&text, self.rs512));
        let result = match read {
            Ok((keys, unused)) => {
                self.accepted(keys, &unused);
                Ok(())
            }
            Err(problem) => {
                self.failed(&problem);
                Err(problem)
            }
        };
        self.keyring.known.send_modify(|known| {
            known.reading = false;
            known.attempts += 1;
            known.again_from = started + self.pause_min;
        });
        result
    }

    fn accepted(&mut self, keys: KeySet, unused: &[String]) {
        let names = keys.names();
        if self.keyring.accept(keys) {
            tracing::info!("the issuer's public keys are now: {names}");
            for key in unused {
                tracing::info!("of the issuer's public keys, {key}: it is not used");
            }
        } else if !self.told.is_empty() {
            tracing::info!("the issuer's public keys can be read again");
        }
        self.retry = RETRY;
        self.told.clear();
    }

    fn failed(&mut self, problem: &str) {
        let keyring = &self.keyring;
        let was_failing = keyring.is_failing();
        if was_failing {
            self.retry = (self.retry * 2).min(RETRY_MAX).min(self.interval);
        }
        keyring.known.send_modify(|known| known.failing = true);
        let state = keyring.in_force(keyring.clock.now()).err();
        let line = format!("{state:?} {problem}");
        if line == self.told {
            return;
        }
        self.told = line;
        let seconds = keyring.age().unwrap_or_default().as_secs();
        let most = keyring.age_max.unwrap_or_default().as_secs();
        match state {
            None => tracing::warn!(
                "the issuer's public keys could not be read again: {problem}; those read \
                 {seconds} s ago stay in force until they are {most} s old"
            ),
            Some(OutOfForce::Never) => tracing::error!(
                "the issuer's public keys could not be read: {problem}; until they are, every \
                 call is refused"
            ),
            Some(OutOfForce::Old) => tracing::error!(
                "the issuer's public keys could not be read for {seconds} s: {problem}; until \
                 they are, every call is refused"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use serde_json::json;
    use tokio::net::TcpListener;

    use super::super::forge::{Signer, advance, answer, clock, jwks, settings};
    use super::*;

    /// An endpoint on this machine that says what it is told to, and how often it was asked.
    #[derive(Clone)]
    struct Endpoint {
        url: String,
        says: Arc<Mutex<Vec<u8>>>,
        asked: watch::Receiver<u32>,
    }

    impl Endpoint {
        async fn saying(text: &[u8]) -> Endpoint {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let url = format!("http://{}/keys", listener.local_addr().unwrap());
            let says = Arc::new(Mutex::new(text.to_vec()));
            let (count, asked) = watch::channel(0);
            let words = Arc::clone(&says);
            tokio::spawn(async move {
                while let Ok((stream, _)) = listener.accept().await {
                    count.send_modify(|asked| *asked += 1);
                    let words = words.lock().unwrap().clone();
                    answer(stream, &words).await;
                }
            });
            Endpoint { url, says, asked }
        }

        fn now_says(&self, text: &[u8]) {
            *self.says.lock().unwrap() = text.to_vec();
        }
    }

    fn ok(body: &[u8]) -> Vec<u8> {
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
        [head.as_bytes(), body].concat()
    }

    fn set(id: &str) -> Vec<u8> {
        jwks(&[Signer::ed25519().jwk(json!({ "kid": id }))])
    }

    async fn following(endpoint: &Endpoint, clock: &Clock) -> Follower {
        let settings =
            Identity { jwks_url: endpoint.url.clone(), jwks_timeout_seconds: 1, ..settings() };
        Follower::start(&settings, clock.clone()).await.unwrap()
    }

    fn names(keyring: &Keyring) -> Result<String, OutOfForce> {
        keyring.in_force(keyring.clock.now()).map(|keys| keys.names())
    }

    #[tokio::test]
    async fn jwt_3_keys_stay_in_force_for_an_hour_when_they_cannot_be_read_again() {
        let endpoint = Endpoint::saying(&ok(&set("a"))).await;
        let clock = clock();
        let mut follower = following(&endpoint, &clock).await;
        let keyring = follower.keyring();
        let huge = ok(&vec![b' '; ANSWER + 1]);
        let wrong: [(&[u8], &str); 8] = [
            (b"HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n", "500"),
            (b"HTTP/1.1 302 Found\r\nlocation: /a\r\ncontent-length: 0\r\n\r\n", "followed"),
            (b"220 mail.example ESMTP\r\n", "no answer"),
            (b"", "no answer within 1 s"),
            (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{", "no answer within 1 s"),
            (&huge, "breaks off"),
            (&ok(b"<html>"), "not a JSON Web Key Set"),
            (&ok(&jwks(&[])), "it is empty"),
        ];

        for (says, why) in wrong {
            endpoint.now_says(says);
            advance(&clock, 450);
            let problem = follower.read().await.unwrap_err();
            assert!(problem.contains(why), "{problem}");
            assert!(keyring.is_failing());
            assert_eq!(names(&keyring), Ok("a".to_owned()), "{why}");
        }
        assert_eq!(keyring.age(), Some(Duration::from_secs(3600)));
        advance(&clock, 1);
        assert_eq!(names(&keyring), Err(OutOfForce::Old));
        assert!(follower.read().await.is_err());

        endpoint.now_says(&ok(&set("b")));
        follower.read().await.unwrap();
        assert_eq!(names(&keyring), Ok("b".to_owned()));
        assert_eq!(keyring.age(), Some(Duration::ZERO));
        assert!(!keyring.is_failing());
    }

    #[tokio::test]
    async fn an_issuer_that_was_never_reached_is_waited_for() {
        let endpoint = Endpoint::saying(b"HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n").await;
        let follower = following(&endpoint, &clock()).await;
        let keyring = follower.keyring();
        assert_eq!(names(&keyring), Err(OutOfForce::Never));
        assert_eq!(keyring.age(), None);

        endpoint.now_says(&ok(&set("a")));
        let running = tokio::spawn(follower.run());

        let mut known = keyring.known.subscribe();
        let read = known.wait_for(|known| known.keys.is_some());
        let read = tokio::time::timeout(Duration::from_secs(20), read).await;
        assert!(read.is_ok_and(|read| read.is_ok()), "it is tried again by itself");
        running.abort();
    }

    #[tokio::test]
    async fn jwt_2_unknown_keys_cause_one_request_however_many_tokens_name_them() {
        let endpoint = Endpoint::saying(&ok(&set("a"))).await;
        let mut follower = following(&endpoint, &clock()).await;
        follower.pause_min = Duration::from_millis(300);
        follower.read().await.unwrap();
        let keyring = follower.keyring();
        let asked = *endpoint.asked.borrow();
        let running = tokio::spawn(follower.run());

        // Too soon after the last time: nobody waits who would not be helped.
        let started = Moment::now();
        keyring.renew(Duration::from_millis(10)).await;
        assert!(started.elapsed() < Duration::from_millis(200));
        endpoint.now_says(&ok(&set("b")));
        let calls = (0..200).map(|_| keyring.renew(Duration::from_secs(20)));
        futures::future::join_all(calls).await;

        assert_eq!(names(&keyring), Ok("b".to_owned()), "they waited for the answer");
        assert_eq!(*endpoint.asked.borrow(), asked + 1);
        running.abort();
    }

    #[tokio::test]
    async fn a_file_is_read_again_and_must_be_right_at_the_start() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.json");
        let settings = Identity { jwks_file: path.display().to_string(), ..settings() };
        let missing = Follower::start(&settings, clock()).await.unwrap_err().to_string();
        assert!(missing.contains("kit.identity.jwks_file"), "{missing}");
        std::fs::write(&path, set("a")).unwrap();
        let mut follower = Follower::start(&settings, clock()).await.unwrap();
        let keyring = follower.keyring();
        assert_eq!(names(&keyring), Ok("a".to_owned()));

        std::fs::write(&path, set("b")).unwrap();
        follower.read().await.unwrap();
        assert_eq!(names(&keyring), Ok("b".to_owned()));

        std::fs::write(&path, "half a fi").unwrap();
        follower.read().await.unwrap_err();
        assert_eq!(names(&keyring), Ok("b".to_owned()), "it is being written at the moment");
    }

    #[tokio::test]
    async fn settings_that_contradict_each_other_are_refused() {
        let with = |url: &str, file: &str, age: u32| Identity {
            jwks_url: url.to_owned(),
            jwks_file: file.to_owned(),
            jwks_max_age_seconds: age,
            ..settings()
        };
        for (settings, key) in [
            (with("", "", 3600), "jwks_url or kit.identity.jwks_file"),
            (with("https://issuer.example", "keys.json", 3600), "cannot both"),
            (with("https://127.0.0.1:1", "", 300), "jwks_max_age_seconds"),
            (with("http://issuer.example/keys", "", 3600), "jwks_plain_http"),
            (with("issuer.example/keys", "", 3600), "https://"),
            (with("ftp://issuer.example/keys", "", 3600), "https://"),
            (with("https://me:hush@issuer.example", "", 3600), "password"),
        ] {
            let problem = Follower::start(&settings, clock()).await.unwrap_err().to_string();
            assert!(problem.contains(key) && !problem.contains("hush"), "{problem}");
        }
    }
}
