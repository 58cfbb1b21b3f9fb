//! Resource names, parsed once, and the fields of a request, all checked at once.

use std::str::FromStr;

use arrs_proto::google::r#type::Date as WireDate;
use terms::{Date, EngagementId, Month, OdsCode, ParseError, PersonId};
use uuid::Uuid;

use crate::error::{Error, FieldViolation};
use crate::revision::Etag;
use crate::wire;

/// Collects every field of a request that is wrong.
#[derive(Debug, Default)]
pub struct Fields {
    violations: Vec<FieldViolation>,
}

impl Fields {
    /// Nothing wrong yet.
    pub fn new() -> Fields {
        Fields::default()
    }

    /// Notes that `field` is wrong and what would be right.
    pub fn violation(&mut self, field: impl Into<String>, description: impl Into<String>) {
        self.violations
            .push(FieldViolation { field: field.into(), description: description.into() });
    }

    /// The value, or none with the violation noted.
    pub fn keep<T>(&mut self, field: &str, parsed: Result<T, ParseError>) -> Option<T> {
        match parsed {
            Ok(value) => Some(value),
            Err(error) => {
                self.violation(field, error.expected);
                None
            }
        }
    }

    /// Reads a text, which must be given.
    pub fn parse<T: FromStr<Err = ParseError>>(&mut self, field: &str, text: &str) -> Option<T> {
        self.keep(field, text.parse())
    }

    /// `pcns/{ods}`.
    pub fn pcn(&mut self, field: &str, name: &str) -> Option<OdsCode> {
        self.named(field, name, "pcns/", "must be a PCN such as pcns/U00070")
    }

    /// `organisations/{ods}`.
    pub fn organisation(&mut self, field: &str, name: &str) -> Option<OdsCode> {
        self.named(field, name, "organisations/", "must be such as organisations/U00070")
    }

    /// `2025-07`.
    pub fn month(&mut self, field: &str, text: &str) -> Option<Month> {
        self.parse(field, text)
    }

    /// A UUID that must be given.
    pub fn uuid(&mut self, field: &str, text: &str) -> Option<Uuid> {
        let parsed = Uuid::try_parse(text).ok();
        if parsed.is_none() {
            self.violation(field, "must be a UUID");
        }
        parsed
    }

    /// A `request_id` that may be left out.
    pub fn request_id(&mut self, text: &str) -> Option<Uuid> {
        if text.is_empty() { None } else { self.uuid("request_id", text) }
    }

    /// An `etag` that may be left out.
    pub fn etag(&mut self, text: &str) -> Option<Etag> {
        if text.is_empty() { None } else { self.parse("etag", text) }
    }

    /// An `etag` that must be given.
    pub fn known_etag(&mut self, text: &str) -> Option<Etag> {
        if text.is_empty() {
            self.violation("etag", "must be given");
        }
        self.etag(text)
    }

    /// A day that must be given.
    pub fn date(&mut self, field: &'static str, value: Option<WireDate>) -> Option<Date> {
        if value.is_none() {
            self.violation(field, "must be given");
        }
        wire::optional_date(value, field, self)
    }

    fn named(
        &mut self,
        field: &str,
        name: &str,
        prefix: &str,
        expected: &'static str,
    ) -> Option<OdsCode> {
        let code = name.strip_prefix(prefix).and_then(|code| code.parse().ok());
        if code.is_none() {
            self.violation(field, expected);
        }
        code
    }

    /// All violations at once, if there are any.
    pub fn finish(self) -> Result<(), Error> {
        if self.violations.is_empty() { Ok(()) } else { Err(Error::Invalid(self.violations)) }
    }
}

/// `pcns/{ods}`.
pub fn pcn(code: &OdsCode) -> String {
    format!("pcns/{code}")
}

/// `organisations/{ods}`.
pub fn organisation(code: &OdsCode) -> String {
    format!("organisations/{code}")
}

/// The code in `organisations/{ods}`.
pub fn parse_organisation(name: &str) -> Option<OdsCode> {
    name.strip_prefix("organisations/")?.parse().ok()
}

/// The id in `engagements/{engagement}`.
pub fn parse_engagement(name: &str) -> Option<EngagementId> {
    Uuid::try_parse(name.strip_prefix("engagements/")?).ok().map(EngagementId)
}

/// The id in `people/{person}`.
pub fn parse_person(name: &str) -> Option<PersonId> {
    Uuid::try_parse(name.strip_prefix("people/")?).ok().map(PersonId)
}

/// The id in `imports/{import}`.
pub fn parse_import(name: &str) -> Option<Uuid> {
    Uuid::try_parse(name.strip_prefix("imports/")?).ok()
}
