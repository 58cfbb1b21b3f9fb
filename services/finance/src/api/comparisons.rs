//! One prepared line under two states of the figures.

use arrs_proto::finance::v1 as pb;
use kit::names::Fields;
use kit::summary::Query;
use kit::{Caller, Clock, Cut, Error, wire};
use terms::Date;

use super::pcn_money::wire::line;
use super::steps::Explained;
use crate::app::App;
use crate::app::comparisons::ComparedLine;

/// One line as asked about.
struct Asked {
    query: Query,
    reference: String,
    from_rules_known_on: Date,
}

/// Compares a line with itself under other figures.
pub(super) async fn compare(
    app: &App,
    caller: &Caller,
    request: pb::CompareClaimLineRequest,
) -> Result<pb::CompareClaimLineResponse, Error> {
    let asked = parse(request, app.clock())?;
    let Asked { query, reference, from_rules_known_on } = &asked;
    let compared = app.compare_line(caller, query, reference, *from_rules_known_on).await?;
    let ComparedLine { earlier, later, comparison, record } = &compared;
    let rules = app.rules();
    let explain =
        |line| Explained { rules, line, shown: record.shown, year_shown: record.year_shown };
    let days = (*from_rules_known_on, query.cut.rules_known_on);
    Ok(pb::CompareClaimLineResponse {
        from: Some(line(rules, &query.pcn, earlier, record)),
        to: Some(line(rules, &query.pcn, later, record)),
        differences: explain(earlier).differences(&explain(later), comparison, days),
    })
}

fn parse(request: pb::CompareClaimLineRequest, clock: &Clock) -> Result<Asked, Error> {
    let pb::CompareClaimLineRequest {
        parent,
        month,
        reference,
        from_rules_known_on_date,
        to_rules_known_on_date,
        known_at_date,
    } = request;
    let mut fields = Fields::new();
    let pcn = fields.pcn("parent", &parent);
    let month = fields.month("month", &month);
    if reference.is_empty() {
        fields.violation("reference", "must be what the owner's files call the engagement");
    }
    let field = "from_rules_known_on_date";
    if from_rules_known_on_date.is_none() {
        fields.violation(field, "must be given");
    }
    let from = wire::optional_date(from_rules_known_on_date, field, &mut fields);
    let later = "to_rules_known_on_date";
    let to = wire::optional_date(to_rules_known_on_date, later, &mut fields);
    let cut = Cut::parse(None, known_at_date, clock, &mut fields)?;
    let cut = Cut { rules_known_on: to.unwrap_or(cut.rules_known_on), ..cut };
    if from.is_some_and(|from| from > cut.rules_known_on) {
        fields.violation(field, format!("must not be after {}", cut.rules_known_on));
    }
    fields.finish()?;
    let (Some(pcn), Some(month), Some(from_rules_known_on)) = (pcn, month, from) else {
        return Err(Error::internal("a field was not checked"));
    };
    Ok(Asked { query: Query { pcn, month, cut }, reference, from_rules_known_on })
}
