//! Who a caller is: a bearer token checked against the keys of one issuer.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use terms::Instant;

use super::follow::{Follower, Keyring, OutOfForce};
use super::keys::KeySet;
use super::local::{LOCAL_ISSUER, LocalIssuer};
use super::recent::Fingerprint;
use super::token::{Bearer, Expected, TOKEN_BYTES, Token};
use super::{Grant, unauthenticated};
use crate::Clock;
use crate::config::{ConfigError, Identity};
use crate::error::{Error, ErrorReason};
use crate::telemetry;

/// How long a call waits for keys to be read again because its token names one that is not known.
const WAIT: Duration = Duration::from_secs(1);
/// The longest time counted for a token; no call lasts nearly as long.
const VALID_MAX: Duration = Duration::from_secs(24 * 60 * 60);
/// The claim in which the local issuer writes grants.
const LOCAL_CLAIM: &str = "arrs_grants";

/// What a token says of its bearer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Issuer and subject.
    pub principal: Arc<str>,
    /// What they may do, and where.
    pub grants: Arc<[Grant]>,
    /// How much longer the token is accepted.
    pub valid_for: Duration,
}

/// Verifies bearer tokens of one issuer.
#[derive(Clone)]
pub struct Verifier {
    keyring: Arc<Keyring>,
    expected: Arc<Expected>,
    clock: Clock,
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Verifier({})", self.expected.issuer)
    }
}

impl Verifier {
    /// Accepts the tokens of a local issuer.
    pub fn local(issuer: &LocalIssuer, settings: &Identity) -> Verifier {
        let clock = issuer.clock().clone();
        let keyring = Keyring::fixed(KeySet::local(issuer.public()), clock.clone());
        let expected = Expected {
            issuer: LOCAL_ISSUER.to_owned(),
            audience: settings.audience.clone(),
            grants_claim: LOCAL_CLAIM.to_owned(),
            leeway: settings.leeway_seconds,
        };
        Verifier { keyring: Arc::new(keyring), expected: Arc::new(expected), clock }
    }

    /// Accepts the tokens of the issuer of the settings; the second value keeps its keys up to
    /// date and is to be run until the process ends.
    ///
    /// Waits for the keys, but not for ever: until they have been read every call is refused.
    pub async fn follow(
        settings: &Identity,
        clock: Clock,
    ) -> Result<(Verifier, BoxFuture<'static, ()>), ConfigError> {
        let follower = Follower::start(settings, clock.clone()).await?;
        let expected = Expected {
            issuer: settings.issuer.clone(),
            audience: settings.audience.clone(),
            grants_claim: settings.grants_claim.clone(),
            leeway: settings.leeway_seconds,
        };
        let keyring = follower.keyring();
        let aged = Arc::clone(&keyring);
        telemetry::observe_age(telemetry::names::JWKS_AGE, move || aged.age());
        let verifier = Verifier { keyring, expected: Arc::new(expected), clock };
        Ok((verifier, Box::pin(follower.run())))
    }

    /// Whether tokens can be checked at all.
    pub fn is_ready(&self) -> bool {
        self.keyring.in_force(self.clock.now()).is_ok()
    }

    /// What a token says of its bearer, if it is to be believed.
    ///
    /// Answers at once, unless the token names a key that is not known: then the keys are read
    /// again, which takes a second at most, and not for every such token.
    pub async fn verify(&self, token: &str) -> Result<Verified, Error> {
        if token.len() > TOKEN_BYTES {
            return Err(unauthenticated("the token is longer than 8 KiB"));
        }
        let fingerprint = Fingerprint::of(token);
        let now = self.clock.now();
        let keys = self.keyring.in_force(now);
        let seen = keys.as_ref().ok().and_then(|keys| keys.recent.get(&fingerprint, now));
        if let Some(bearer) = seen.filter(|bearer| now < bearer.until) {
            return Ok(verified(&bearer, now));
        }
        let token = Token::parse(token)?;
        let keys = self.keys_for(&token, keys.map_err(out_of_force)?).await?;
        let mut candidates = keys.candidates(token.algorithm, token.key.as_deref()).peekable();
        if candidates.peek().is_none() {
            return Err(unauthenticated("the token is signed with no accepted key and algorithm"));
        }
        if !candidates.any(|key| key.signed(token.text.as_bytes(), &token.signature)) {
            return Err(unauthenticated("the signature is wrong"));
        }
        let bearer = token.claims()?.hold(&self.expected, self.clock.now())?;
        let answer = verified(&bearer, now);
        keys.recent.keep(fingerprint, bearer, now);
        Ok(answer)
    }

    /// The keys to check a token with: those known, or newer ones if it names a key not among them.
    async fn keys_for(&self, token: &Token<'_>, keys: Arc<KeySet>) -> Result<Arc<KeySet>, Error> {
        let Some(id) = token.key.as_deref().filter(|id| !keys.knows(id)) else { return Ok(keys) };
        self.keyring.renew(WAIT).await;
        let keys = self.keyring.in_force(self.clock.now()).map_err(out_of_force)?;
        if !keys.knows(id) && self.keyring.is_failing() {
            // It may well be a new key: the token is not called wrong before they could be read.
            return Err(unavailable("the key of the token is not known, and keys cannot be read"));
        }
        Ok(keys)
    }
}

fn verified(bearer: &Bearer, now: Instant) -> Verified {
    let left = u64::try_from(bearer.until.0 - now.0).unwrap_or(0);
    Verified {
        principal: Arc::clone(&bearer.principal),
        grants: Arc::clone(&bearer.grants),
        valid_for: Duration::from_micros(left).min(VALID_MAX),
    }
}

fn out_of_force(why: OutOfForce) -> Error {
    unavailable(match why {
        OutOfForce::Never => "the issuer's public keys have not been read yet",
        OutOfForce::Old => "the issuer's public keys were read too long ago",
    })
}

/// The refusal of a token that may be right; `problem` says why that cannot be told.
fn unavailable(problem: &str) -> Error {
    Error::refused(
        ErrorReason::IssuerKeysUnavailable,
        format!("the token cannot be checked at the moment: {problem}"),
        [("problem", problem.to_owned())],
    )
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use tonic::{Code, Status};

    use super::super::forge::{ISSUER, NOW, Signer, advance, claims, clock, jwks, settings};
    use super::*;
    use crate::error::reason_of;

    fn keys(entries: &[Value]) -> KeySet {
        KeySet::parse(&jwks(entries), true).unwrap().0
    }

    fn verifier(entries: &[Value], clock: &Clock) -> Verifier {
        let settings = settings();
        let expected = Expected {
            issuer: settings.issuer,
            audience: settings.audience,
            grants_claim: settings.grants_claim,
            leeway: settings.leeway_seconds,
        };
        Verifier {
            keyring: Arc::new(Keyring::fixed(keys(entries), clock.clone())),
            expected: Arc::new(expected),
            clock: clock.clone(),
        }
    }

    async fn refused(verifier: &Verifier, token: &str) -> String {
        let status = Status::from(verifier.verify(token).await.unwrap_err());
        assert_eq!(status.code(), Code::Unauthenticated, "{status:?}");
        assert_eq!(reason_of(&status), Some(ErrorReason::TokenInvalid));
        assert!(token.len() < 10 || !format!("{status:?}").contains(token), "it is repeated");
        status.message().to_owned()
    }

    #[tokio::test]
    async fn each_algorithm_is_accepted_with_its_own_key_and_with_no_other() {
        let signers = [
            Signer::rsa("RS256"),
            Signer::rsa("PS256"),
            Signer::rsa("RS512"),
            Signer::p256(),
            Signer::ed25519(),
        ];
        let entry = |signer: &Signer| signer.jwk(json!({"kid": signer.algorithm}));
        let entries: Vec<Value> = signers.iter().map(entry).collect();
        let verifier = verifier(&entries, &clock());

        for signer in &signers {
            for other in &signers {
                let token = signer.token(other.algorithm, &claims(json!({})));
                let same = signer.algorithm == other.algorithm;
                assert_eq!(verifier.verify(&token).await.is_ok(), same, "{}", other.algorithm);
                // Its own key under the name of another algorithm.
                let header = json!({"alg": other.algorithm, "kid": signer.algorithm});
                let token = signer.token_under(&header, &claims(json!({})));
                assert_eq!(verifier.verify(&token).await.is_ok(), same, "{}", other.algorithm);
            }
            let nameless = json!({"alg": signer.algorithm});
            let token = signer.token_under(&nameless, &claims(json!({})));
            verifier.verify(&token).await.expect(signer.algorithm);
        }
    }

    #[tokio::test]
    async fn jwt_1_what_a_header_brings_along_is_not_followed() {
        let (ours, attacker) = (Signer::ed25519(), Signer::ed25519());
        let verifier = verifier(&[ours.jwk(json!({"kid": "a"}))], &clock());
        let under = |signer: &Signer, more: Value| {
            let mut header = json!({"alg": "EdDSA", "kid": "a"});
            header.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            signer.token_under(&header, &claims(json!({})))
        };

        for more in [
            json!({}),
            json!({"jwk": attacker.jwk(json!({"kid": "a"}))}),
            json!({"jku": "http://127.0.0.1:1/keys"}),
            json!({"x5u": "http://127.0.0.1:1/certificate"}),
            json!({"x5c": ["AAAA"]}),
        ] {
            let told = refused(&verifier, &under(&attacker, more.clone())).await;
            assert!(told.contains("signature is wrong"), "{told}");
            verifier.verify(&under(&ours, more)).await.expect("what is not read does no harm");
        }
        for (more, why) in [
            (json!({"crit": ["exp"], "exp": 1}), "critical header"),
            (json!({"crit": []}), "critical header"),
            (json!({"alg": "none"}), "accepted algorithm"),
            (json!({"alg": "HS256"}), "accepted algorithm"),
            (json!({"alg": "ES256"}), "accepted key and algorithm"),
            (json!({"alg": 1}), "signed JWT"),
            (json!({"kid": 1}), "signed JWT"),
            (json!({"kid": "b"}), "accepted key and algorithm"),
            (json!({"typ": "logout+jwt"}), "access token"),
        ] {
            let told = refused(&verifier, &under(&ours, more)).await;
            assert!(told.contains(why), "{told}");
        }
        for typ in ["JWT", "jwt", "at+jwt", "application/at+JWT"] {
            verifier.verify(&under(&ours, json!({ "typ": typ }))).await.expect(typ);
        }
    }

    #[tokio::test]
    async fn a_token_that_was_verified_a_moment_ago_is_not_kept_beyond_its_end() {
        let signer = Signer::ed25519();
        let clock = clock();
        let verifier = verifier(&[signer.jwk(json!({"kid": "a"}))], &clock);
        let token = signer.token("a", &claims(json!({"exp": NOW - 10})));

        let first = verifier.verify(&token).await.unwrap();
        assert_eq!(&*first.principal, format!("{ISSUER} somebody"));
        assert_eq!(first.valid_for, Duration::from_secs(20));
        advance(&clock, 19);
        let again = verifier.verify(&token).await.unwrap();
        assert!(Arc::ptr_eq(&first.principal, &again.principal), "it was not verified again");
        assert_eq!(again.valid_for, Duration::from_secs(1));

        advance(&clock, 1);
        let told = refused(&verifier, &token).await;
        assert!(told.contains("expired"), "{told}");
    }

    #[tokio::test]
    async fn a_token_is_verified_anew_after_thirty_seconds() {
        let signer = Signer::ed25519();
        let clock = clock();
        let verifier = verifier(&[signer.jwk(json!({"kid": "a"}))], &clock);
        let token = signer.token("a", &claims(json!({})));

        let first = verifier.verify(&token).await.unwrap();
        advance(&clock, 30);
        let again = verifier.verify(&token).await.unwrap();

        assert!(!Arc::ptr_eq(&first.principal, &again.principal));
    }

    #[tokio::test]
    async fn a_token_does_not_outlive_the_key_it_was_signed_with() {
        let (old, new) = (Signer::ed25519(), Signer::ed25519());
        let entries = [old.jwk(json!({"kid": "old"})), new.jwk(json!({"kid": "new"}))];
        let verifier = verifier(&entries, &clock());
        let old = old.token("old", &claims(json!({})));
        let new = new.token("new", &claims(json!({})));
        verifier.verify(&old).await.unwrap();

        verifier.keyring.accept(keys(&entries[1..]));

        let told = refused(&verifier, &old).await;
        assert!(told.contains("accepted key"), "{told}");
        verifier.verify(&new).await.unwrap();
    }

    #[tokio::test]
    async fn the_local_issuer_is_believed_by_its_own_verifier_only() {
        let folder = tempfile::tempdir().unwrap();
        let issuer = LocalIssuer::open(folder.path(), "arrs", clock()).unwrap();
        let grants = ["auditor@england".parse::<Grant>().unwrap()];
        let token = issuer.token("somebody", &grants, 10);

        let verified = Verifier::local(&issuer, &settings()).verify(&token).await.unwrap();

        assert_eq!(&*verified.principal, "arrs-local somebody");
        assert_eq!(&*verified.grants, grants);
        assert_eq!(verified.valid_for, Duration::from_secs(630));
        let foreign = verifier(&[Signer::ed25519().jwk(json!({}))], &clock());
        refused(&foreign, &token).await;
    }

    #[tokio::test]
    async fn what_is_no_token_is_refused() {
        let signer = Signer::ed25519();
        let verifier = verifier(&[signer.jwk(json!({}))], &clock());
        let token = signer.token("a", &claims(json!({})));

        for text in ["", ".", "..", "...", "a.b.c", "€.€.€", &token[1..], &token[..token.len() - 1]]
        {
            refused(&verifier, text).await;
        }
        let long = signer.token("a", &claims(json!({"pad": "x".repeat(TOKEN_BYTES)})));
        assert!(refused(&verifier, &long).await.contains("8 KiB"));
    }
}
