//! The methods of finance: requests become calls of the application, its answers the wire's.

use std::path::PathBuf;
use std::sync::Arc;

use arrs_proto::finance::v1::allocation_service_server::AllocationServiceServer;
use arrs_proto::finance::v1::audit_service_server::AuditServiceServer;
use arrs_proto::finance::v1::baseline_service_server::BaselineServiceServer;
use arrs_proto::finance::v1::claim_service_server::ClaimServiceServer;
use arrs_proto::finance::v1::fact_service_server::FactServiceServer;
use arrs_proto::finance::v1::finance_summary_service_server::FinanceSummaryServiceServer;
use arrs_proto::finance::v1::import_service_server::ImportServiceServer;
use arrs_proto::finance::v1::ledger_service_server::LedgerServiceServer;
use arrs_proto::finance::v1::pay_service_server::PayServiceServer;
use arrs_proto::finance::v1::projection_service_server::ProjectionServiceServer;
use arrs_proto::finance::v1::rule_book_service_server::RuleBookServiceServer;
use arrs_proto::summary::v1 as summary;
use kit::Cut;
use kit::facts::{Follower, Relay};
use kit::pages::Key;
use kit::server::{MESSAGE_IN, MESSAGE_OUT};
use tonic::service::Routes;

use crate::app::{App, Positions};
use crate::domain::rulebook::RuleBook;

pub mod allocations;
pub mod audit;
pub mod baselines;
pub mod claims;
mod comparisons;
pub mod facts;
pub mod imports;
pub mod ledger;
pub mod pay;
pub mod pcn_money;
pub mod projections;
pub mod rule_books;
pub mod steps;

/// Every method of the service.
pub fn routes(
    app: App,
    pages: Arc<Key>,
    spool: PathBuf,
    follower: Follower,
    relay: Relay,
) -> Routes {
    macro_rules! limited {
        ($server:ident, $api:expr) => {
            $server::new($api)
                .max_decoding_message_size(MESSAGE_IN)
                .max_encoding_message_size(MESSAGE_OUT)
        };
    }
    let rule_books = rule_books::RuleBookApi { app: app.clone(), pages: Arc::clone(&pages) };
    let projections = projections::ProjectionApi { follower, pages: Arc::clone(&pages) };
    let audit = audit::AuditApi { app: app.clone(), pages: Arc::clone(&pages) };
    let claims = claims::ClaimApi { app: app.clone(), pages: Arc::clone(&pages) };
    let ledger = ledger::LedgerApi { app: app.clone(), pages: Arc::clone(&pages) };
    let imports = imports::ImportApi { app: app.clone(), pages, spool };
    Routes::new(limited!(RuleBookServiceServer, rule_books))
        .add_service(limited!(
            AllocationServiceServer,
            allocations::AllocationApi { app: app.clone() }
        ))
        .add_service(limited!(BaselineServiceServer, baselines::BaselineApi { app: app.clone() }))
        .add_service(limited!(PayServiceServer, pay::PayApi { app: app.clone() }))
        .add_service(limited!(ClaimServiceServer, claims))
        .add_service(limited!(
            FinanceSummaryServiceServer,
            pcn_money::FinanceSummaryApi { app: app.clone() }
        ))
        .add_service(limited!(FactServiceServer, facts::FactApi { app, relay }))
        .add_service(limited!(LedgerServiceServer, ledger))
        .add_service(limited!(AuditServiceServer, audit))
        .add_service(limited!(ImportServiceServer, imports))
        .add_service(limited!(ProjectionServiceServer, projections))
}

/// What an answer rests on.
fn cut(cut: &Cut, rules: &RuleBook, positions: Positions) -> summary::Cut {
    cut.wire(&rules.digest().to_string(), positions)
}
