//! What stands in a token: its parts, its header, and the claims that must hold.
//!
//! A header names an algorithm and a key, and that is all that is read of it: keys and addresses
//! that it brings along (`jwk`, `jku`, `x5u`, `x5c`) are deliberately not.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use terms::Instant;

use super::keys::Algorithm;
use super::{Grant, unauthenticated};
use crate::error::Error;

/// The longest token that is looked at: those with 64 grants are below 4 KiB.
pub const TOKEN_BYTES: usize = 8 * 1024;
/// The longest subject: it is kept with everything its bearer records.
const SUBJECT_BYTES: usize = 255;
/// The most grants of a token.
const GRANTS: usize = 64;
/// The latest second that is told apart from the next: the year 9999, as far as the calendar goes.
const SECONDS: i64 = 253_402_300_799;

/// A token whose form is right and whose signature was not looked at.
#[derive(Debug)]
pub(super) struct Token<'a> {
    /// How it says to be signed.
    pub(super) algorithm: Algorithm,
    /// The key it says to be signed with.
    pub(super) key: Option<String>,
    /// What is signed.
    pub(super) text: &'a str,
    /// The signature.
    pub(super) signature: Vec<u8>,
    claims: &'a str,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
    crit: Option<Value>,
}

impl Token<'_> {
    /// Takes a token apart.
    pub(super) fn parse(token: &str) -> Result<Token<'_>, Error> {
        if token.len() > TOKEN_BYTES {
            return Err(unauthenticated("the token is longer than 8 KiB"));
        }
        let malformed = || unauthenticated("the token is not a signed JWT");
        let (text, signature) = token.rsplit_once('.').ok_or_else(malformed)?;
        let (header, claims) = text.split_once('.').ok_or_else(malformed)?;
        let signature = decode(signature).ok_or_else(malformed)?;
        let header = decode(header).ok_or_else(malformed)?;
        let header: Header = serde_json::from_slice(&header).map_err(|_| malformed())?;
        // Whoever marks a header as critical does not want it to be passed over.
        if header.crit.is_some() {
            return Err(unauthenticated("the token has a critical header that is not known"));
        }
        let kind = header.typ.as_deref().map(str::to_ascii_lowercase);
        let kind = kind.as_deref().map(|kind| kind.strip_prefix("application/").unwrap_or(kind));
        if !matches!(kind, None | Some("jwt" | "at+jwt")) {
            return Err(unauthenticated("the token is not an access token"));
        }
        let algorithm = Algorithm::named(&header.alg)
            .ok_or_else(|| unauthenticated("the token is signed with no accepted algorithm"))?;
        Ok(Token { algorithm, key: header.kid, text, signature, claims })
    }

    /// What the token claims. To be asked once the signature has been found right.
    pub(super) fn claims(&self) -> Result<Claims, Error> {
        let malformed = |_| unauthenticated("the claims of the token are malformed");
        let bytes = decode(self.claims).ok_or(()).map_err(malformed)?;
        serde_json::from_slice(&bytes).map_err(|_| malformed(()))
    }
}

fn decode(part: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(part).ok()
}

/// Whose token it is.
#[derive(Clone, Debug)]
pub(super) struct Bearer {
    /// Issuer and subject.
    pub(super) principal: Arc<str>,
    /// What they may do, and where.
    pub(super) grants: Arc<[Grant]>,
    /// From when on the token is refused.
    pub(super) until: Instant,
}

/// What a verifier expects of the claims.
#[derive(Clone, Debug)]
pub(super) struct Expected {
    /// The issuer.
    pub(super) issuer: String,
    /// The audience.
    pub(super) audience: String,
    /// The claim with the grants: a name, or the way to it with points between.
    pub(super) grants_claim: String,
    /// By how many seconds clocks may differ.
    pub(super) leeway: u32,
}

/// The claims of a token, each of them once.
#[derive(Debug)]
pub(super) struct Claims(BTreeMap<String, Value>);

impl Claims {
    /// Whose token it is, if every claim is as expected at this moment.
    pub(super) fn hold(&self, expected: &Expected, now: Instant) -> Result<Bearer, Error> {
        let issuer = self.text("iss")?;
        if issuer != expected.issuer {
            return Err(unauthenticated("the token is of another issuer"));
        }
        if !self.names_audience(&expected.audience)? {
            return Err(unauthenticated("the token is for another audience"));
        }
        let leeway = i64::from(expected.leeway) * 1_000_000;
        let expires = self.moment("exp")?.ok_or_else(|| missing("exp"))?;
        let until = Instant(expires.0 + leeway);
        if until <= now {
            return Err(unauthenticated("the token has expired"));
        }
        for begins in ["nbf", "iat"] {
            if self.moment(begins)?.is_some_and(|begins| now.0 < begins.0 - leeway) {
                return Err(unauthenticated("the token is not valid yet"));
            }
        }
        let subject = self.text("sub")?;
        let plain = !subject.chars().any(char::is_control);
        if subject.is_empty() || subject.len() > SUBJECT_BYTES || !plain {
            return Err(unauthenticated("the subject must be 1 to 255 plain characters"));
        }
        let principal = format!("{issuer} {subject}").into();
        Ok(Bearer { principal, grants: self.grants(&expected.grants_claim)?, until })
    }

    fn names_audience(&self, audience: &str) -> Result<bool, Error> {
        match self.0.get("aud") {
            None => Err(missing("aud")),
            Some(Value::String(one)) => Ok(one == audience),
            Some(Value::Array(several)) => Ok(several.iter().any(|one| one == audience)),
            Some(_) => Err(unauthenticated("the claim aud is malformed")),
        }
    }

    fn text(&self, name: &'static str) -> Result<&str, Error> {
        let value = self.0.get(name).ok_or_else(|| missing(name))?;
        value.as_str().ok_or_else(|| unauthenticated(format!("the claim {name} is malformed")))
    }

    /// A moment as tokens write it: seconds since 1970, whole or not.
    fn moment(&self, name: &'static str) -> Result<Option<Instant>, Error> {
        let Some(value) = self.0.get(name) else { return Ok(None) };
        // A part of a second is dropped.
        let seconds = value.as_i64().or_else(|| value.as_f64().map(|seconds| seconds as i64));
        let seconds = seconds.filter(|seconds| (0..=SECONDS).contains(seconds));
        let moment = seconds.map(|seconds| Instant(seconds * 1_000_000));
        let malformed = || unauthenticated(format!("the claim {name} is malformed"));
        moment.map(Some).ok_or_else(malformed)
    }

    /// The grants: a list of texts, or one text with spaces between, as issuers write scopes and
    /// attributes of users. A token without the claim grants nothing.
    fn grants(&self, claim: &str) -> Result<Arc<[Grant]>, Error> {
        let malformed = || unauthenticated("the grants of the token are not a list of texts");
        let texts: Vec<&str> = match self.at(claim) {
            None => Vec::new(),
            Some(Value::String(text)) => text.split_ascii_whitespace().collect(),
            Some(Value::Array(texts)) => {
                let texts = texts.iter().map(Value::as_str).collect::<Option<_>>();
                texts.ok_or_else(malformed)?
            }
            Some(_) => return Err(malformed()),
        };
        if texts.len() > GRANTS {
            return Err(unauthenticated("the token has more than 64 grants"));
        }
        let grants = texts.into_iter().map(str::parse::<Grant>);
        grants
            .collect::<Result<_, _>>()
            .map_err(|error| unauthenticated(format!("a grant of the token {error}")))
    }

    /// The claim of a name; where there is none of the whole name, the one that its parts lead to.
    fn at(&self, claim: &str) -> Option<&Value> {
        // Names of claims may be addresses, which have points of their own.
        if let Some(value) = self.0.get(claim) {
            return Some(value);
        }
        let (first, rest) = claim.split_once('.')?;
        rest.split('.').try_fold(self.0.get(first)?, |value, part| value.get(part))
    }
}

fn missing(claim: &str) -> Error {
    unauthenticated(format!("the claim {claim} is missing"))
}

impl<'de> Deserialize<'de> for Claims {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Claims, D::Error> {
        struct Once;

        impl<'de> Visitor<'de> for Once {
            type Value = Claims;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("claims")
            }
            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Claims, M::Error> {
                let mut claims = BTreeMap::new();
                while let Some((name, value)) = map.next_entry::<String, Value>()? {
                    // Two readers might take different ones.
                    if claims.insert(name, value).is_some() {
                        return Err(M::Error::custom("a claim stands there twice"));
                    }
                }
                Ok(Claims(claims))
            }
        }

        deserializer.deserialize_map(Once)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::forge::{ISSUER, NOW, claims};
    use super::*;

    fn expected(grants_claim: &str) -> Expected {
        Expected {
            issuer: ISSUER.to_owned(),
            audience: "arrs".to_owned(),
            grants_claim: grants_claim.to_owned(),
            leeway: 30,
        }
    }

    /// Whose token it is at [`NOW`], or what is wrong with it.
    fn hold(claims: &Value, grants_claim: &str) -> Result<Bearer, String> {
        let claims: Claims =
            serde_json::from_str(&claims.to_string()).map_err(|error| error.to_string())?;
        let now = Instant(NOW * 1_000_000);
        claims.hold(&expected(grants_claim), now).map_err(|error| error.to_string())
    }

    #[track_caller]
    fn refused(more: Value, why: &str) {
        let problem = hold(&claims(more.clone()), "arrs_grants").unwrap_err();
        assert!(problem.contains(why), "{more}: {problem}");
    }

    #[track_caller]
    fn accepted(more: Value) -> Bearer {
        hold(&claims(more), "arrs_grants").unwrap()
    }

    #[test]
    fn jwt_4_clocks_may_differ_by_the_leeway_and_no_more() {
        accepted(json!({"exp": NOW - 29}));
        refused(json!({"exp": NOW - 30}), "expired");
        accepted(json!({"nbf": NOW + 30}));
        refused(json!({"nbf": NOW + 31}), "not valid yet");
        accepted(json!({"iat": NOW + 30}));
        refused(json!({"iat": NOW + 31}), "not valid yet");
        assert_eq!(accepted(json!({})).until, Instant((NOW + 630) * 1_000_000));
    }

    #[test]
    fn moments_are_numbers_of_seconds() {
        let seconds = serde_json::from_str::<Value>(&format!("{}.75", NOW + 60)).unwrap();
        assert_eq!(accepted(json!({ "exp": seconds })).until, Instant((NOW + 90) * 1_000_000));
        for wrong in [json!("1900000000"), json!(null), json!(-1), json!(1e300), json!([1])] {
            for name in ["exp", "nbf", "iat"] {
                refused(json!({ name: wrong }), &format!("{name} is malformed"));
            }
        }
        let mut without = claims(json!({}));
        without.as_object_mut().unwrap().remove("iat");
        assert!(hold(&without, "arrs_grants").is_ok(), "iat is for those who want it");
    }

    #[test]
    fn the_audience_may_be_one_of_several() {
        accepted(json!({"aud": ["another", "arrs"]}));
        for aud in [json!("another"), json!(["another"]), json!([]), json!("arrs "), json!([1])] {
            refused(json!({ "aud": aud }), "another audience");
        }
        refused(json!({"aud": {"arrs": true}}), "aud is malformed");
    }

    #[test]
    fn a_claim_that_must_be_there_is_named() {
        for name in ["iss", "aud", "exp", "sub"] {
            let mut claims = claims(json!({}));
            claims.as_object_mut().unwrap().remove(name);
            let problem = hold(&claims, "arrs_grants").unwrap_err();
            assert!(problem.contains(&format!("{name} is missing")), "{problem}");
        }
    }

    #[test]
    fn grants_are_found_where_the_setting_says() {
        let grants = json!(["auditor@england", "pcn-viewer@pcn:U09081"]);
        for (claim, claims) in [
            ("arrs_grants", json!({ "arrs_grants": grants })),
            ("resource_access.arrs.roles", json!({"resource_access": {"arrs": {"roles": grants}}})),
            ("https://arrs.example/grants", json!({"https://arrs.example/grants": grants})),
            ("scope", json!({"scope": "auditor@england  pcn-viewer@pcn:U09081"})),
        ] {
            let bearer = hold(&self::claims(claims), claim).unwrap();
            let found: Vec<String> = bearer.grants.iter().map(Grant::to_string).collect();
            assert_eq!(json!(found), grants, "{claim}");
        }
        for (claim, claims) in [
            ("a", json!({})),
            ("a.b", json!({"a": {}})),
            ("a.b", json!({"a": "auditor@england"})),
            ("a.b", json!({"a": ["auditor@england"]})),
            ("a.", json!({"a": {"b": ["auditor@england"]}})),
            ("a", json!({"a": ""})),
        ] {
            let bearer = hold(&self::claims(claims), claim).unwrap();
            assert!(bearer.grants.is_empty(), "{claim} grants nothing");
        }
    }

    #[test]
    fn grants_are_at_most_64_and_all_of_them_good() {
        let many = |count: usize| json!({"arrs_grants": vec!["auditor@england"; count]});
        assert_eq!(accepted(many(64)).grants.len(), 64);
        refused(many(65), "64 grants");
        refused(json!({"arrs_grants": ["auditor@england", "king@england"]}), "a grant");
        refused(json!({"arrs_grants": "auditor@england,supervisor@england"}), "a grant");
        for wrong in [json!(null), json!([1]), json!({"a": 1}), json!(true)] {
            refused(json!({ "arrs_grants": wrong }), "list of texts");
        }
    }

    #[test]
    fn a_claim_that_stands_there_twice_is_refused() {
        let text = claims(json!({})).to_string().replacen('{', "{\"arrs_grants\": [],", 1);
        let error = serde_json::from_str::<Claims>(&text).unwrap_err().to_string();
        assert!(error.contains("twice"), "{error}");
    }
}
