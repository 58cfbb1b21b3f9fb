//! One prepared line under two states of the figures.

use kit::summary::{self, Query};
use kit::{Caller, Error};
use terms::{Date, EngagementId};

use super::App;
use super::pcn_money::{LineRecord, line_records, records_of};
use crate::domain::comparison::{Comparison, compare};
use crate::domain::line::Line;

/// One line under two states of the scheme's figures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ComparedLine {
    /// By the earlier figures.
    pub earlier: Line,
    /// By the later ones.
    pub later: Line,
    /// What differs.
    pub comparison: Comparison,
    /// What belongs to the line beside its price.
    pub record: LineRecord,
}

impl App {
    /// Evaluates a PCN and month twice and compares the line of the engagement that its owner
    /// calls `reference`. The later figures are those of the query's cut.
    pub async fn compare_line(
        &self,
        caller: &Caller,
        query: &Query,
        reference: &str,
        from_rules_known_on: Date,
    ) -> Result<ComparedLine, Error> {
        let read = self.database.read().await?;
        let scope = caller.scope(&*read, self.clock()).await?;
        summary::admit(&read, caller, &scope, query).await?;
        let records = records_of(&read, self.rules.london(), &scope, query).await?;
        let later = self.evaluate(query, query.cut.rules_known_on, &records);
        let called = |engagement: EngagementId| {
            let mut all = records.pcn.engagements.iter();
            all.any(|one| one.engagement.id == engagement && one.engagement.reference == reference)
        };
        let mut lines = later.month_lines().filter(|line| called(line.engagement));
        let Some(line) = lines.next() else {
            let (pcn, month) = (&query.pcn, query.month);
            return Err(Error::NotFound {
                kind: "arrs.example/ClaimLine",
                name: format!("pcns/{pcn}/claims/{month}/lines/{reference}"),
            });
        };
        if lines.next().is_some() {
            return Err(Error::invalid(
                "reference",
                "is what two owners call an engagement of this PCN and month",
            ));
        }
        let earlier = self.evaluate(query, from_rules_known_on, &records);
        let earlier = earlier.month_lines().find(|one| one.engagement == line.engagement);
        let earlier = earlier.ok_or_else(|| Error::internal("hours do not depend on figures"))?;
        let mut found = line_records(&read, &scope, query, &records, &[line]).await?;
        let record = found.remove(&line.engagement);
        Ok(ComparedLine {
            comparison: compare(earlier, line),
            earlier: earlier.clone(),
            later: line.clone(),
            record: record.ok_or_else(|| Error::internal("a line has an engagement"))?,
        })
    }
}
