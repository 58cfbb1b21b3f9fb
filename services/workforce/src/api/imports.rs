//! Files that are brought in.

pub(in crate::api) mod cells;
mod lists;
mod ods_partners;
mod ods_pcns;
mod organisations;
mod pcn_workforce;
mod practice_lists;
mod staff;

use std::fs::File;

use arrs_proto::admin::v1 as pb;
use arrs_proto::workforce::v1::import_service_server::ImportService;
use kit::Error;
use kit::db::Write;
use kit::imports::{self, Applied, Context, Importing};
use kit::table::Problems;
use tonic::{Request, Response, Status, Streaming};

use crate::NAME;
use crate::api::Api;
use crate::app;
use crate::app::imports::Sheet;

/// What reference data asks for, over all of England.
const REFERENCE: Option<&str> = Some("workforce.reference.import");

/// The rows of a file, by kind.
#[derive(Debug)]
pub enum Rows {
    /// Names, kinds, relations and areas.
    Organisations(Sheet<app::imports::organisations::Row>),
    /// Patients.
    Lists(Sheet<app::imports::lists::Row>),
    /// People and their hours.
    Staff(Sheet<app::imports::staff::Row>),
    /// The published national return.
    PcnWorkforce(Sheet<app::imports::pcn_workforce::Printed>),
    /// The published details of PCNs.
    OdsPcns(Sheet<app::imports::snapshots::Pcn>),
    /// The published links of practices to PCNs.
    OdsPartners(Sheet<app::imports::snapshots::Partner>),
    /// The published lists of practices.
    PracticeLists(Sheet<app::imports::snapshots::Practice>),
}

#[tonic::async_trait]
impl ImportService for Api {
    async fn create_import(
        &self,
        request: Request<Streaming<pb::CreateImportRequest>>,
    ) -> Result<Response<pb::Import>, Status> {
        let caller = kit::server::caller(&request)?;
        let (database, spool) = (self.app.database(), self.spool.clone());
        let stream = request.into_inner();
        let (import, position) = imports::create(self, database, &caller, spool, stream).await?;
        Ok(kit::server::with_position(import, NAME, position))
    }

    async fn get_import(
        &self,
        request: Request<pb::GetImportRequest>,
    ) -> Result<Response<pb::Import>, Status> {
        let caller = kit::server::caller(&request)?;
        let name = request.into_inner().name;
        Ok(Response::new(imports::get(self.app.database(), &caller, &name).await?))
    }

    async fn list_import_errors(
        &self,
        request: Request<pb::ListImportErrorsRequest>,
    ) -> Result<Response<pb::ListImportErrorsResponse>, Status> {
        let caller = kit::server::caller(&request)?;
        let (database, request) = (self.app.database(), request.into_inner());
        Ok(Response::new(imports::list_errors(database, &caller, &self.key, request).await?))
    }
}

impl Importing for Api {
    type Rows = Rows;

    fn producer(&self) -> &'static str {
        NAME
    }

    fn kinds(&self) -> &'static [(&'static str, Option<&'static str>)] {
        &[
            ("organisations", REFERENCE),
            ("lists", REFERENCE),
            ("staff", None),
            ("pcn-workforce", REFERENCE),
            ("ods-pcns", REFERENCE),
            ("ods-partners", REFERENCE),
            ("practice-lists", REFERENCE),
        ]
    }

    /// What is wrong with single rows is kept with the others, so that all of it is told at once.
    fn read(&self, kind: &str, file: File) -> Result<Rows, Problems> {
        let rows = match kind {
            "organisations" => Rows::Organisations(organisations::read(file)),
            "lists" => Rows::Lists(lists::read(file)),
            "staff" => Rows::Staff(staff::read(file, self.app.roles())),
            "pcn-workforce" => Rows::PcnWorkforce(pcn_workforce::read(file)),
            "ods-pcns" => Rows::OdsPcns(ods_pcns::read(file)),
            "ods-partners" => Rows::OdsPartners(ods_partners::read(file)),
            "practice-lists" => Rows::PracticeLists(practice_lists::read(file)),
            other => unreachable!("{other} is none of the kinds"),
        };
        Ok(rows)
    }

    async fn write(
        &self,
        write: &mut Write,
        rows: Rows,
        context: &Context,
    ) -> Result<Result<Applied, Problems>, Error> {
        use app::imports::{organisations, pcn_workforce, snapshots, staff};

        match rows {
            Rows::Organisations(sheet) => organisations::import(write, sheet, context).await,
            Rows::Lists(sheet) => app::imports::lists::import(write, sheet, context).await,
            Rows::Staff(sheet) => staff::import(write, sheet, self.app.roles(), context).await,
            Rows::PcnWorkforce(sheet) => pcn_workforce::import(write, sheet, context).await,
            Rows::OdsPcns(sheet) => snapshots::import_pcns(write, sheet, context).await,
            Rows::OdsPartners(sheet) => snapshots::import_partners(write, sheet, context).await,
            Rows::PracticeLists(sheet) => snapshots::import_practices(write, sheet, context).await,
        }
    }
}
