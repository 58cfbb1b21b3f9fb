//! Files that are brought in.

pub(in crate::api) mod sessions;

use std::fs::File;

use arrs_proto::admin::v1 as pb;
use arrs_proto::supervision::v1::import_service_server::ImportService;
use kit::Error;
use kit::db::Write;
use kit::imports::{self, Applied, Context, Importing};
use kit::table::Problems;
use tonic::{Request, Response, Status, Streaming};

use crate::NAME;
use crate::api::Api;
use crate::app;

/// The one kind of file.
const SESSIONS: &str = "sessions";

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
    type Rows = app::sessions::Sheet;

    fn producer(&self) -> &'static str {
        NAME
    }

    fn kinds(&self) -> &'static [(&'static str, Option<&'static str>)] {
        &[(SESSIONS, None)]
    }

    /// What is wrong with single rows is kept with the others, so that all of it is told at once.
    fn read(&self, _: &str, file: File) -> Result<Self::Rows, Problems> {
        Ok(sessions::read(file))
    }

    async fn write(
        &self,
        write: &mut Write,
        rows: Self::Rows,
        context: &Context,
    ) -> Result<Result<Applied, Problems>, Error> {
        app::sessions::import(write, rows, context).await
    }
}
