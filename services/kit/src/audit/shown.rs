//! Whose personal data an answer shows.

use terms::OdsCode;
use tonic::Response;

use super::entry::{Entry, Outcome};
use crate::error::Error;
use crate::identity::Caller;

/// A record whose personal data are shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// Its name, such as `people/0198c2a4-...`.
    pub resource: String,
    /// Who keeps it.
    pub owner: OdsCode,
}

#[derive(Clone)]
struct All(Vec<Shown>);

/// Says whose personal data an answer shows. The door records it before the answer leaves, and
/// keeps back an answer with such data that does not say.
pub fn shows<T>(mut answer: Response<T>, rows: impl IntoIterator<Item = Shown>) -> Response<T> {
    answer.extensions_mut().insert(All(rows.into_iter().collect()));
    answer
}

/// What is recorded of an answer with personal data: an entry for each record, or one for none.
pub(crate) fn entries(caller: &Caller, extensions: &http::Extensions) -> Result<Vec<Entry>, Error> {
    let Some(All(rows)) = extensions.get() else {
        let method = caller.method();
        return Err(Error::internal(format!("{method} does not say whose personal data it shows")));
    };
    if rows.is_empty() {
        return Ok(vec![Entry::new(caller, Outcome::Read, "")]);
    }
    let read = |row: &Shown| Entry::new(caller, Outcome::Read, &row.resource).of_tenant(&row.owner);
    Ok(rows.iter().map(read).collect())
}
