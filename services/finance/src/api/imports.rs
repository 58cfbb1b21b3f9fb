//! Files of pay.

mod pay;

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use arrs_proto::admin::v1 as pb;
use arrs_proto::finance::v1::import_service_server::ImportService;
use kit::Error;
use kit::db::Write;
use kit::imports::{self, Applied, Context, Importing};
use kit::pages::Key;
use kit::server::{caller, with_position};
use kit::table::{Problem, Problems};
use tonic::{Request, Response, Status, Streaming};

use crate::NAME;
use crate::app::App;
use crate::app::pay::{PayFile, record};

/// Answers `ImportService`.
#[derive(Clone, Debug)]
pub struct ImportApi {
    pub(crate) app: App,
    pub(crate) pages: Arc<Key>,
    pub(crate) spool: PathBuf,
}

/// How files of finance's kinds are read and written.
#[derive(Clone, Copy, Debug)]
pub struct FinanceImports;

impl Importing for FinanceImports {
    type Rows = PayFile;

    fn producer(&self) -> &'static str {
        NAME
    }

    fn kinds(&self) -> &'static [(&'static str, Option<&'static str>)] {
        &[("pay", None)]
    }

    fn read(&self, kind: &str, file: File) -> Result<PayFile, Problems> {
        match kind {
            "pay" => pay::read(file),
            other => {
                let mut problems = Problems::new();
                problems.push(Problem::of_line(0, format!("{other} is no kind of finance")));
                Err(problems)
            }
        }
    }

    async fn write(
        &self,
        write: &mut Write,
        file: PayFile,
        context: &Context,
    ) -> Result<Result<Applied, Problems>, Error> {
        record(write, file, context).await
    }
}

#[tonic::async_trait]
impl ImportService for ImportApi {
    async fn create_import(
        &self,
        request: Request<Streaming<pb::CreateImportRequest>>,
    ) -> Result<Response<pb::Import>, Status> {
        let caller = caller(&request)?;
        let (database, spool) = (self.app.database(), self.spool.clone());
        let stream = request.into_inner();
        let (import, position) =
            imports::create(&FinanceImports, database, &caller, spool, stream).await?;
        Ok(with_position(import, NAME, position))
    }

    async fn get_import(
        &self,
        request: Request<pb::GetImportRequest>,
    ) -> Result<Response<pb::Import>, Status> {
        let caller = caller(&request)?;
        let name = request.into_inner().name;
        Ok(Response::new(imports::get(self.app.database(), &caller, &name).await?))
    }

    async fn list_import_errors(
        &self,
        request: Request<pb::ListImportErrorsRequest>,
    ) -> Result<Response<pb::ListImportErrorsResponse>, Status> {
        let caller = caller(&request)?;
        let (database, request) = (self.app.database(), request.into_inner());
        let errors = imports::list_errors(database, &caller, &self.pages, request).await?;
        Ok(Response::new(errors))
    }
}
