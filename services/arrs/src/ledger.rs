//! `arrs ledger`: where the money of a PCN stands, every transfer that led there, and what is owed.

mod owed;

use arrs_proto::finance::v1 as pb;
use comfy_table::CellAlignment;
use kit::client::Channel;
use terms::Pence;
use tonic::Request;

use crate::claim::time;
use crate::cli::{BalancesArguments, LedgerCommand, OwedArguments, TransfersArguments};
use crate::exit::Failure;
use crate::report::{new_table, refused};
use crate::settings::Settings;
use crate::{print, remote};

/// Prints balances or transfers.
pub(crate) async fn run(settings: &Settings, what: LedgerCommand) -> Result<(), Failure> {
    let (LedgerCommand::Balances(BalancesArguments { server, .. })
    | LedgerCommand::Transfers(TransfersArguments { server, .. })
    | LedgerCommand::Owed(OwedArguments { server, .. })) = &what;
    let channel = remote::connect(settings, server)?;
    let told = match &what {
        LedgerCommand::Balances(arguments) => balances(&channel, arguments).await,
        LedgerCommand::Transfers(arguments) => transfers(&channel, arguments).await,
        LedgerCommand::Owed(arguments) => owed::tell(&channel, arguments).await,
    };
    print(&told.map_err(|failure| failure.at(&server.server))?)
}

fn path(method: &str) -> String {
    format!("/arrs.finance.v1.LedgerService/{method}")
}

async fn balances(channel: &Channel, arguments: &BalancesArguments) -> Result<String, Failure> {
    let request = pb::ListBalancesRequest {
        parent: kit::names::pcn(&arguments.code),
        known_at_date: arguments.known_at.map(kit::wire::date),
    };
    let answer = channel.unary(&path("ListBalances"), Request::new(request)).await;
    let answer: pb::ListBalancesResponse =
        answer.map_err(|status| refused(status, arguments.known_at))?.into_inner();
    if answer.balances.is_empty() {
        return Ok("Nothing was asked for yet, so no sum is kept.\n".to_owned());
    }
    let mut rows = new_table(&[
        ("year", CellAlignment::Left),
        ("pot", CellAlignment::Left),
        ("allocation", CellAlignment::Right),
        ("room", CellAlignment::Right),
        ("claimed", CellAlignment::Right),
        ("committed", CellAlignment::Right),
        ("approved", CellAlignment::Right),
        ("paid", CellAlignment::Right),
    ]);
    for balance in answer.balances {
        let pb::Balance { name: _, year, pot, allocation_pence, .. } = &balance;
        rows.add_row([
            year.clone(),
            pot.clone(),
            Pence(*allocation_pence).to_string(),
            Pence(balance.room_pence).to_string(),
            Pence(balance.claimed_pence).to_string(),
            Pence(balance.committed_pence).to_string(),
            Pence(balance.approved_pence).to_string(),
            Pence(balance.paid_pence).to_string(),
        ]);
    }
    Ok(format!(
        "{rows}\nThe room is what nobody has asked for; claimed waits for the first approval, \
         committed for the second,\napproved for its payment. With what was paid, they are the \
         allocation.\n"
    ))
}

async fn transfers(channel: &Channel, arguments: &TransfersArguments) -> Result<String, Failure> {
    let TransfersArguments { code, year, server: _ } = arguments;
    let ask = |page_token| pb::ListTransfersRequest {
        parent: kit::names::pcn(code),
        page_size: 1_000,
        page_token,
        year: year.map(|year| year.to_string()).unwrap_or_default(),
    };
    let page = |answer: pb::ListTransfersResponse| (answer.transfers, answer.next_page_token);
    let transfers = remote::all(channel, &path("ListTransfers"), ask, page).await?;
    if transfers.is_empty() {
        return Ok("Nothing was moved yet.\n".to_owned());
    }
    let mut rows = new_table(&[
        ("no", CellAlignment::Right),
        ("time", CellAlignment::Left),
        ("balance", CellAlignment::Left),
        ("from", CellAlignment::Left),
        ("to", CellAlignment::Left),
        ("amount", CellAlignment::Right),
        ("claim", CellAlignment::Left),
        ("by", CellAlignment::Left),
    ]);
    for transfer in &transfers {
        rows.add_row([
            transfer.number.to_string(),
            time(transfer.time.as_ref()),
            last(&transfer.balance).to_owned(),
            transfer.from_account.clone(),
            transfer.to_account.clone(),
            Pence(transfer.amount_pence).to_string(),
            last(&transfer.claim).to_owned(),
            // Whoever issues tokens writes the subject, not we.
            transfer.principal.escape_debug().to_string(),
        ]);
    }
    Ok(format!("{rows}\n"))
}

/// The last part of a name: the PCN that begins it is the one asked for.
fn last(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or_default()
}
