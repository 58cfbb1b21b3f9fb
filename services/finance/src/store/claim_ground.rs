//! What a claim was built from, as text that is read the same in ten years.

use std::collections::BTreeMap;

use kit::Error;
use serde::{Deserialize, Serialize};
use terms::{
    Assignment, Date, Engagement, EngagementId, Minutes, Month, OdsCode, Pence, Period, PersonId,
    Population, parse_date,
};
use uuid::Uuid;

use super::pay::{KnownPay, PaySource};
use crate::domain::adjustment::Settled;
use crate::domain::allocation::Lists;
use crate::domain::baseline::{Agreed, Baseline, Funded, Wte};
use crate::domain::evaluation::{ClaimGround, PcnRecords, Question};
use crate::domain::figure::Pot;
use crate::domain::line::{AreaBasis, AreaPeriod, EngagementRecords, WrittenAgreement};
use crate::domain::pay::{Components, Pay};

/// What a claim was built from, and which line of which file said what was paid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frozen {
    /// For the evaluation.
    pub ground: ClaimGround,
    /// Where pay is from, in its order by engagement; none for what came from no file.
    pub sources: BTreeMap<EngagementId, Vec<Option<PaySource>>>,
}

/// The version of the text; another one is read by another reader.
const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Text {
    version: u32,
    pcn: String,
    month: String,
    rules_known_on: String,
    claim_date: String,
    registered: Option<i64>,
    weighted: Option<i64>,
    taken: BTreeMap<String, i64>,
    months: Vec<String>,
    settled: Option<Vec<SettledText>>,
    areas: Vec<AreaText>,
    engagements: Vec<EngagementText>,
    #[serde(default)]
    baselines: Vec<BaselineText>,
}

#[derive(Serialize, Deserialize)]
struct BaselineText {
    role: String,
    agreed: Vec<AgreedText>,
    funded: Vec<FundedText>,
}

#[derive(Serialize, Deserialize)]
struct AgreedText {
    from: String,
    wte_micro: i64,
    by: String,
    reference: String,
}

#[derive(Serialize, Deserialize)]
struct FundedText {
    from: String,
    wte_micro: i64,
}

#[derive(Serialize, Deserialize)]
struct SettledText {
    month: String,
    engagement: Uuid,
    approved: i64,
    own_cost: i64,
    maximum: Option<i64>,
}

#[derive(Serialize, Deserialize)]
struct AreaText {
    from: String,
    until: Option<String>,
    area: String,
    stated: bool,
}

#[derive(Serialize, Deserialize)]
struct EngagementText {
    id: Uuid,
    owner: String,
    reference: String,
    person: Option<Uuid>,
    role: String,
    employer: String,
    model: String,
    full_time: u32,
    agreement: bool,
    hours: Vec<HoursText>,
    pay: Vec<PayText>,
}

#[derive(Serialize, Deserialize)]
struct HoursText {
    pcn: String,
    from: String,
    until: Option<String>,
    weekly: u32,
    contract: Option<u32>,
    stage: String,
    band: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct PayText {
    month: String,
    paid_on: Option<String>,
    salary: i64,
    employer_ni: i64,
    employer_pension: i64,
    fees: i64,
    import: Option<Uuid>,
    line: Option<i32>,
}

/// The text of what a claim is built from.
pub fn to_text(frozen: &Frozen) -> Result<String, Error> {
    let ClaimGround { question, months, records, settled, taken } = &frozen.ground;
    let text = Text {
        version: VERSION,
        pcn: question.pcn.to_string(),
        month: question.month.to_string(),
        rules_known_on: question.rules_known_on.to_string(),
        claim_date: question.claim_date.to_string(),
        registered: records.lists.registered.map(Population::ten_thousandths),
        weighted: records.lists.weighted.map(Population::ten_thousandths),
        taken: taken.iter().map(|(pot, amount)| (pot.to_string(), amount.0)).collect(),
        months: months.iter().map(Month::to_string).collect(),
        settled: settled.as_ref().map(|settled| settled.iter().map(settled_text).collect()),
        areas: records.areas.iter().map(area_text).collect(),
        engagements: records
            .engagements
            .iter()
            .map(|engagement| engagement_text(engagement, frozen))
            .collect(),
        baselines: records.baselines.iter().map(baseline_text).collect(),
    };
    serde_json::to_string(&text).map_err(Error::internal)
}

fn settled_text(((month, engagement), settled): (&(Month, EngagementId), &Settled)) -> SettledText {
    SettledText {
        month: month.to_string(),
        engagement: engagement.0,
        approved: settled.approved.0,
        own_cost: settled.own_cost.0,
        maximum: settled.maximum.map(|Pence(pence)| pence),
    }
}

fn baseline_text(baseline: &Baseline) -> BaselineText {
    let agreed = baseline.agreed.iter().map(|agreed| AgreedText {
        from: agreed.from.to_string(),
        wte_micro: agreed.wte.micro(),
        by: agreed.by.clone(),
        reference: agreed.reference.clone(),
    });
    let funded = baseline
        .funded
        .iter()
        .map(|funded| FundedText { from: funded.from.to_string(), wte_micro: funded.wte.micro() });
    BaselineText {
        role: baseline.role.to_string(),
        agreed: agreed.collect(),
        funded: funded.collect(),
    }
}

fn area_text(area: &AreaPeriod) -> AreaText {
    AreaText {
        from: area.period.from().to_string(),
        until: area.period.until().map(|day| day.to_string()),
        area: area.area.to_string(),
        stated: area.basis == AreaBasis::Stated,
    }
}

fn engagement_text(records: &EngagementRecords, frozen: &Frozen) -> EngagementText {
    let EngagementRecords { engagement, assignments, pay, agreement } = records;
    let sources = frozen.sources.get(&engagement.id).map_or(&[][..], Vec::as_slice);
    let sources = sources.iter().copied().chain(std::iter::repeat(None));
    EngagementText {
        id: engagement.id.0,
        owner: engagement.owner.to_string(),
        reference: engagement.reference.clone(),
        person: engagement.person.map(|person| person.0),
        role: engagement.role.to_string(),
        employer: engagement.employer.to_string(),
        model: engagement.model.to_string(),
        full_time: engagement.full_time.get(),
        agreement: *agreement == WrittenAgreement::Recorded,
        hours: assignments
            .iter()
            .map(|held| HoursText {
                pcn: held.pcn.to_string(),
                from: held.period.from().to_string(),
                until: held.period.until().map(|day| day.to_string()),
                weekly: held.weekly.get(),
                contract: held.contract.map(Minutes::get),
                stage: held.stage.to_string(),
                band: held.band.map(|band| band.to_string()),
            })
            .collect(),
        pay: pay
            .iter()
            .zip(sources)
            .map(|(pay, source)| PayText {
                month: pay.month.to_string(),
                paid_on: pay.paid_on.map(|day| day.to_string()),
                salary: pay.amounts.salary.0,
                employer_ni: pay.amounts.employer_ni.0,
                employer_pension: pay.amounts.employer_pension.0,
                fees: pay.amounts.fees.0,
                import: source.map(|source| source.import),
                line: source.map(|source| source.line),
            })
            .collect(),
    }
}

/// What a text says.
pub fn from_text(text: &str) -> Result<Frozen, Error> {
    let text: Text = serde_json::from_str(text).map_err(Error::internal)?;
    if text.version != VERSION {
        let found = text.version;
        return Err(Error::internal(format!("a claim was frozen in version {found} of the text")));
    }
    let question = Question {
        pcn: stored(text.pcn.parse())?,
        month: stored(text.month.parse())?,
        rules_known_on: date(&text.rules_known_on)?,
        claim_date: date(&text.claim_date)?,
    };
    let population = |list: Option<i64>| list.and_then(Population::from_ten_thousandths);
    let lists =
        Lists { registered: population(text.registered), weighted: population(text.weighted) };
    let areas = text.areas.iter().map(area).collect::<Result<_, Error>>()?;
    let mut sources = BTreeMap::new();
    let mut engagements = Vec::with_capacity(text.engagements.len());
    for one in &text.engagements {
        let (records, from) = engagement(one)?;
        sources.insert(records.engagement.id, from);
        engagements.push(records);
    }
    let taken = text
        .taken
        .iter()
        .map(|(pot, amount)| {
            let pot: Pot = pot.parse().map_err(|_| Error::internal("a stored pot is none"))?;
            Ok((pot, Pence(*amount)))
        })
        .collect::<Result<_, Error>>()?;
    let months = text.months.iter().map(|month| stored(month.parse())).collect::<Result<_, _>>()?;
    let settled = text.settled.map(|all| all.iter().map(settled).collect::<Result<_, Error>>());
    let of_role = |text: &BaselineText| baseline(text, &question.pcn);
    let baselines = text.baselines.iter().map(of_role).collect::<Result<_, Error>>()?;
    let records = PcnRecords { areas, lists, engagements, baselines };
    let settled = settled.transpose()?;
    Ok(Frozen { ground: ClaimGround { question, months, records, settled, taken }, sources })
}

fn settled(text: &SettledText) -> Result<((Month, EngagementId), Settled), Error> {
    let settled = Settled {
        approved: Pence(text.approved),
        own_cost: Pence(text.own_cost),
        maximum: text.maximum.map(Pence),
    };
    Ok(((stored(text.month.parse())?, EngagementId(text.engagement)), settled))
}

fn baseline(text: &BaselineText, pcn: &OdsCode) -> Result<Baseline, Error> {
    let wte = |micro| Wte::from_micro(micro).ok_or_else(|| Error::internal("a frozen WTE is none"));
    let agreed = text.agreed.iter().map(|agreed| {
        Ok(Agreed {
            from: date(&agreed.from)?,
            wte: wte(agreed.wte_micro)?,
            by: agreed.by.clone(),
            reference: agreed.reference.clone(),
        })
    });
    let funded = text
        .funded
        .iter()
        .map(|funded| Ok(Funded { from: date(&funded.from)?, wte: wte(funded.wte_micro)? }));
    Ok(Baseline {
        pcn: pcn.clone(),
        role: stored(text.role.parse())?,
        agreed: agreed.collect::<Result<_, Error>>()?,
        funded: funded.collect::<Result<_, Error>>()?,
    })
}

fn area(text: &AreaText) -> Result<AreaPeriod, Error> {
    let basis = if text.stated { AreaBasis::Stated } else { AreaBasis::OutsideLondonRegion };
    Ok(AreaPeriod {
        period: period(&text.from, text.until.as_deref())?,
        area: stored(text.area.parse())?,
        basis,
    })
}

fn engagement(text: &EngagementText) -> Result<(EngagementRecords, Vec<Option<PaySource>>), Error> {
    let id = EngagementId(text.id);
    let assignments = text
        .hours
        .iter()
        .map(|hours| {
            Ok(Assignment {
                engagement: id,
                pcn: stored(hours.pcn.parse())?,
                period: period(&hours.from, hours.until.as_deref())?,
                weekly: Minutes::new(hours.weekly),
                contract: hours.contract.map(Minutes::new),
                stage: stored(hours.stage.parse())?,
                band: hours.band.as_deref().map(|band| stored(band.parse())).transpose()?,
            })
        })
        .collect::<Result<_, Error>>()?;
    let known: Vec<KnownPay> =
        text.pay.iter().map(|text| pay(id, text)).collect::<Result<_, Error>>()?;
    let sources = known.iter().map(|known| known.source).collect();
    let records = EngagementRecords {
        engagement: Engagement {
            id,
            owner: stored(text.owner.parse())?,
            reference: text.reference.clone(),
            person: text.person.map(PersonId),
            role: stored(text.role.parse())?,
            employer: stored(text.employer.parse())?,
            model: stored(text.model.parse())?,
            full_time: Minutes::new(text.full_time),
            // Of no use to a price, and sometimes personal.
            leaving_reason: None,
        },
        assignments,
        pay: known.into_iter().map(|known| known.pay).collect(),
        agreement: if text.agreement {
            WrittenAgreement::Recorded
        } else {
            WrittenAgreement::NotRecorded
        },
    };
    Ok((records, sources))
}

fn pay(engagement: EngagementId, text: &PayText) -> Result<KnownPay, Error> {
    let source = text.import.zip(text.line);
    Ok(KnownPay {
        pay: Pay {
            engagement,
            month: stored::<Month>(text.month.parse())?,
            amounts: Components {
                salary: Pence(text.salary),
                employer_ni: Pence(text.employer_ni),
                employer_pension: Pence(text.employer_pension),
                fees: Pence(text.fees),
            },
            paid_on: text.paid_on.as_deref().map(date).transpose()?,
        },
        source: source.map(|(import, line)| PaySource { import, line }),
    })
}

fn period(from: &str, until: Option<&str>) -> Result<Period, Error> {
    let until = until.map(date).transpose()?;
    let period = Period::new(date(from)?, until);
    period.ok_or_else(|| Error::internal("a stored period ends before it begins"))
}

fn date(text: &str) -> Result<Date, Error> {
    stored(parse_date(text))
}

fn stored<T>(parsed: Result<T, terms::ParseError>) -> Result<T, Error> {
    parsed.map_err(|error| Error::internal(format!("a text frozen with a claim {error}")))
}
