//! The ledger of the sums, and the balance that guards each.

use std::collections::BTreeMap;

use kit::db;
use kit::{Error, ErrorReason, Scope};
use sea_orm::sea_query::{Expr, ExprTrait, OnConflict};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Set,
};
use terms::{ContractYear, Instant, Month, OdsCode, Pence};

use super::entity::{balance, posting};
use crate::domain::figure::Pot;
use crate::domain::ledger::{Account, Balance, Transfer};

/// A sum: of a PCN, a contract year and a pot.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sum {
    /// The PCN.
    pub pcn: OdsCode,
    /// The contract year.
    pub year: ContractYear,
    /// The pot.
    pub pot: Pot,
}

/// Who moves money, when, for which claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posting {
    /// When.
    pub at: Instant,
    /// Issuer and subject of the token.
    pub by: String,
    /// The month of the claim and its number; none for a change of the sum.
    pub claim: Option<(Month, i32)>,
}

/// A transfer as it was posted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posted {
    /// Its number among those of the PCN.
    pub number: i64,
    /// The sum.
    pub sum: Sum,
    /// What moved.
    pub transfer: Transfer,
    /// Who moved it, when, for which claim.
    pub posting: Posting,
}

/// What stands on the accounts of a sum now; nothing yet, if nobody asked for any of it.
pub async fn balance(
    db: &impl ConnectionTrait,
    scope: &Scope,
    sum: &Sum,
) -> Result<Balance, Error> {
    assert!(scope.sees_ever(&sum.pcn), "sums of other PCNs were refused");
    let key = (sum.pcn.to_string(), sum.year.to_string(), sum.pot.to_string());
    let row = balance::Entity::find_by_id(key).one(db).await.map_err(db::sort)?;
    Ok(row.map(|row| accounts(&row)).unwrap_or_default())
}

fn accounts(row: &balance::Model) -> Balance {
    let all = [
        row.allocation_pence,
        row.room_pence,
        row.claimed_pence,
        row.committed_pence,
        row.approved_pence,
        row.paid_pence,
    ];
    Balance::new(all.map(Pence))
}

/// What stood on the accounts of a PCN's sums at an instant: what their postings add up to.
pub async fn balances(
    db: &impl ConnectionTrait,
    scope: &Scope,
    pcn: &OdsCode,
    at: Instant,
) -> Result<BTreeMap<(ContractYear, Pot), Balance>, Error> {
    assert!(scope.sees_ever(pcn), "sums of other PCNs were refused");
    let rows: Vec<(String, String, String, i64)> = posting::Entity::find()
        .select_only()
        .column(posting::Column::Year)
        .column(posting::Column::Pot)
        .column(posting::Column::Account)
        .column_as(Expr::col(posting::Column::AmountPence).sum().cast_as("bigint"), "amount")
        .filter(posting::Column::PcnCode.eq(pcn.as_str()))
        .filter(posting::Column::PostedAt.lte(at.0))
        .group_by(posting::Column::Year)
        .group_by(posting::Column::Pot)
        .group_by(posting::Column::Account)
        .into_tuple()
        .all(db)
        .await
        .map_err(db::sort)?;
    let mut found: BTreeMap<(ContractYear, Pot), [Pence; Account::ALL.len()]> = BTreeMap::new();
    for (year, pot, account, amount) in rows {
        let of_sum = found.entry((stored_year(&year)?, stored_pot(&pot)?)).or_default();
        of_sum[stored_account(&account)? as usize] = Pence(amount);
    }
    Ok(found.into_iter().map(|(sum, accounts)| (sum, Balance::new(accounts))).collect())
}

/// One page of a PCN's transfers, by number.
pub async fn transfers(
    db: &impl ConnectionTrait,
    scope: &Scope,
    pcn: &OdsCode,
    years: &[ContractYear],
    after: i64,
    limit: u64,
) -> Result<Vec<Posted>, Error> {
    assert!(scope.sees_ever(pcn), "sums of other PCNs were refused");
    let rows = posting::Entity::find()
        .filter(posting::Column::PcnCode.eq(pcn.as_str()))
        .filter(posting::Column::Number.gt(after))
        .filter(posting::Column::Year.is_in(years.iter().map(ContractYear::to_string)))
        .order_by_asc(posting::Column::Number)
        .order_by_asc(posting::Column::AmountPence)
        // Each transfer is two rows, the account that it leaves first.
        .limit(limit * 2)
        .all(db)
        .await
        .map_err(db::sort)?;
    rows.chunks(2).map(|pair| posted(pcn, pair)).collect()
}

fn posted(pcn: &OdsCode, pair: &[posting::Model]) -> Result<Posted, Error> {
    let broken = || Error::internal("a transfer is not two postings that add up to nothing");
    let [from, to] = pair else { return Err(broken()) };
    let accounts = (stored_account(&from.account)?, stored_account(&to.account)?);
    let transfer = Transfer::new(accounts.0, accounts.1, Pence(to.amount_pence));
    let transfer =
        transfer.filter(|_| from.number == to.number && from.amount_pence == -to.amount_pence);
    let (year, pot) = (stored_year(&to.year)?, stored_pot(&to.pot)?);
    Ok(Posted {
        number: to.number,
        sum: Sum { pcn: pcn.clone(), year, pot },
        transfer: transfer.ok_or_else(broken)?,
        posting: Posting {
            at: Instant(to.posted_at),
            by: to.posted_by.clone(),
            claim: to
                .claim_month
                .map(|day| (Month::of(kit::roster::from_column(day)), to.claim_number)),
        },
    })
}

/// Moves money of sums in the scope, or refuses with `SUM_EXHAUSTED` if an account has not as much:
/// the statement that moves it asks that itself, and the table is checked behind it.
pub async fn transfer(
    txn: &impl ConnectionTrait,
    scope: &Scope,
    sum: &Sum,
    transfer: Transfer,
    posting: &Posting,
) -> Result<(), Error> {
    assert!(scope.sees_ever(&sum.pcn), "sums of other PCNs were refused");
    open(txn, sum).await?;
    let (from, to, amount) = (transfer.from(), transfer.to(), transfer.amount());
    let (source, target) = (column(from), column(to));
    let mut enough = of(sum);
    if from != Account::Allocation {
        enough = enough.add(source.gte(amount.0));
    }
    let moved = balance::Entity::update_many()
        .col_expr(source, Expr::col(source).sub(amount.0))
        .col_expr(target, Expr::col(target).add(amount.0))
        .filter(enough)
        .exec(txn)
        .await
        .map_err(db::sort)?;
    if moved.rows_affected != 1 {
        return Err(exhausted(sum, from, amount));
    }
    post(txn, sum, transfer, posting).await
}

/// There is not as much on an account.
pub fn exhausted(sum: &Sum, account: Account, amount: Pence) -> Error {
    let Sum { pcn, year, pot } = sum;
    let where_to = match account {
        Account::Room => "left".to_owned(),
        other => format!("on its account '{other}'"),
    };
    Error::refused(
        ErrorReason::SumExhausted,
        format!("the {pot} sum of {pcn} for {year} has no {amount} {where_to}"),
        [("pot", pot.to_string()), ("year", year.to_string()), ("account", account.to_string())],
    )
}

/// Makes the row of a sum that has none yet.
async fn open(txn: &impl ConnectionTrait, sum: &Sum) -> Result<(), Error> {
    let row = balance::ActiveModel {
        pcn_code: Set(sum.pcn.to_string()),
        year: Set(sum.year.to_string()),
        pot: Set(sum.pot.to_string()),
        allocation_pence: Set(0),
        room_pence: Set(0),
        claimed_pence: Set(0),
        committed_pence: Set(0),
        approved_pence: Set(0),
        paid_pence: Set(0),
    };
    let key = [balance::Column::PcnCode, balance::Column::Year, balance::Column::Pot];
    balance::Entity::insert(row)
        .on_conflict(OnConflict::columns(key).do_nothing().to_owned())
        .exec_without_returning(txn)
        .await
        .map_err(db::sort)?;
    Ok(())
}

/// Writes down both sides of a transfer under the next number of the PCN. Writers take turns, so
/// that nobody else takes the number; the key refuses it if they did not.
async fn post(
    txn: &impl ConnectionTrait,
    sum: &Sum,
    transfer: Transfer,
    by: &Posting,
) -> Result<(), Error> {
    let newest: Option<Option<i64>> = posting::Entity::find()
        .select_only()
        .column_as(posting::Column::Number.max(), "newest")
        .filter(posting::Column::PcnCode.eq(sum.pcn.as_str()))
        .into_tuple()
        .one(txn)
        .await
        .map_err(db::sort)?;
    let number = newest.flatten().unwrap_or_default() + 1;
    let row = |account: Account, amount: Pence| posting::ActiveModel {
        pcn_code: Set(sum.pcn.to_string()),
        number: Set(number),
        account: Set(account.to_string()),
        year: Set(sum.year.to_string()),
        pot: Set(sum.pot.to_string()),
        amount_pence: Set(amount.0),
        claim_month: Set(by.claim.map(|(month, _)| kit::roster::to_column(month.first()))),
        claim_number: Set(by.claim.map_or(0, |(_, number)| number)),
        posted_at: Set(by.at.0),
        posted_by: Set(by.by.clone()),
    };
    let amount = transfer.amount();
    let rows = [row(transfer.from(), -amount), row(transfer.to(), amount)];
    posting::Entity::insert_many(rows).exec_without_returning(txn).await.map_err(db::sort)?;
    Ok(())
}

fn of(sum: &Sum) -> Condition {
    Condition::all()
        .add(balance::Column::PcnCode.eq(sum.pcn.as_str()))
        .add(balance::Column::Year.eq(sum.year.to_string()))
        .add(balance::Column::Pot.eq(sum.pot.to_string()))
}

const fn column(account: Account) -> balance::Column {
    match account {
        Account::Allocation => balance::Column::AllocationPence,
        Account::Room => balance::Column::RoomPence,
        Account::Claimed => balance::Column::ClaimedPence,
        Account::Committed => balance::Column::CommittedPence,
        Account::Approved => balance::Column::ApprovedPence,
        Account::Paid => balance::Column::PaidPence,
    }
}

fn stored_year(text: &str) -> Result<ContractYear, Error> {
    text.parse().map_err(|error| Error::internal(format!("a stored year {error}")))
}

fn stored_pot(text: &str) -> Result<Pot, Error> {
    text.parse().map_err(|_| Error::internal("a stored pot is none"))
}

fn stored_account(text: &str) -> Result<Account, Error> {
    text.parse().map_err(|error| Error::internal(format!("a stored account {error}")))
}
