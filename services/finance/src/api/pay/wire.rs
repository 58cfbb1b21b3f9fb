//! Pay for the wire, and changes of it from it.

use arrs_proto::finance::v1 as pb;
use kit::answers::{Asked, Effect};
use kit::names::{self, Fields};
use kit::{Error, wire};
use prost::Message;
use terms::Pence;

use crate::app::payments::{MonthPaid, PayName, RecordPay, WithdrawPay};
use crate::domain::pay::{Components, Pay};

pub(super) fn pay(paid: MonthPaid) -> pb::Pay {
    let MonthPaid { name, reference, payments, revision } = paid;
    pb::Pay {
        name: name.to_string(),
        reference,
        payments: payments.into_iter().map(payment).collect(),
        etag: revision.map(|revision| revision.to_string()).unwrap_or_default(),
    }
}

fn payment(pay: Pay) -> pb::Payment {
    let Components { salary, employer_ni, employer_pension, fees } = pay.amounts;
    pb::Payment {
        salary_pence: salary.0,
        employer_ni_pence: employer_ni.0,
        employer_pension_pence: employer_pension.0,
        fees_pence: fees.0,
        paid_date: pay.paid_on.map(wire::date),
    }
}

fn encode(paid: MonthPaid) -> Vec<u8> {
    pay(paid).encode_to_vec()
}

pub(super) fn name(text: &str, fields: &mut Fields) -> Option<PayName> {
    let parsed = text.split_once("/pay/").and_then(|(engagement, month)| {
        let engagement = names::parse_engagement(engagement)?;
        Some(PayName { engagement, month: month.parse().ok()? })
    });
    if parsed.is_none() {
        fields.violation("name", "must be such as engagements/0198c2a4-.../pay/2025-07");
    }
    parsed
}

pub(super) fn record_pay(
    request: pb::RecordPayRequest,
) -> Result<(RecordPay, Asked<MonthPaid>), Error> {
    let words = pb::RecordPayRequest { request_id: String::new(), ..request.clone() };
    let pb::RecordPayRequest {
        name: pay,
        salary_pence,
        employer_ni_pence,
        employer_pension_pence,
        fees_pence,
        paid_date,
        etag,
        request_id,
        validate_only,
    } = request;
    let mut fields = Fields::new();
    let pay = name(&pay, &mut fields);
    let mut given = |field: &str, amount: Option<i64>| {
        if amount.is_none() {
            fields.violation(field, "must be given; 0 if there is none");
        }
        Pence(amount.unwrap_or_default())
    };
    let amounts = Components {
        salary: given("salary_pence", salary_pence),
        employer_ni: given("employer_ni_pence", employer_ni_pence),
        employer_pension: given("employer_pension_pence", employer_pension_pence),
        fees: Pence(fees_pence),
    };
    let paid_on = wire::optional_date(paid_date, "paid_date", &mut fields);
    let etag = fields.etag(&etag);
    let request_id = fields.uuid("request_id", &request_id);
    fields.finish()?;
    let name = pay.ok_or_else(|| Error::internal("a field was not checked"))?;
    let command = RecordPay { name, amounts, paid_on, etag };
    Ok((command, Asked::new(request_id, &words, Effect::of(validate_only), encode)))
}

pub(super) fn withdraw_pay(
    request: pb::WithdrawPayRequest,
) -> Result<(WithdrawPay, Asked<MonthPaid>), Error> {
    let words = pb::WithdrawPayRequest { request_id: String::new(), ..request.clone() };
    let pb::WithdrawPayRequest { name: pay, paid_date, etag, request_id, validate_only } = request;
    let mut fields = Fields::new();
    let pay = name(&pay, &mut fields);
    let paid_on = wire::optional_date(paid_date, "paid_date", &mut fields);
    let etag = fields.parse("etag", &etag);
    let request_id = fields.uuid("request_id", &request_id);
    fields.finish()?;
    let unchecked = || Error::internal("a field was not checked");
    let (name, etag) = (pay.ok_or_else(unchecked)?, etag.ok_or_else(unchecked)?);
    let command = WithdrawPay { name, paid_on, etag };
    Ok((command, Asked::new(request_id, &words, Effect::of(validate_only), encode)))
}
