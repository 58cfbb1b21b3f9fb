//! Pay of engagements, month by month.

mod wire;

use arrs_proto::finance::v1 as pb;
use arrs_proto::finance::v1::pay_service_server::PayService;
use kit::names::Fields;
use kit::server::{answered, caller};
use kit::{Cut, Error};
use tonic::{Request, Response, Status};

use crate::NAME;
use crate::app::App;

/// Answers `PayService`.
#[derive(Clone, Debug)]
pub struct PayApi {
    pub(crate) app: App,
}

#[tonic::async_trait]
impl PayService for PayApi {
    async fn get_pay(
        &self,
        request: Request<pb::GetPayRequest>,
    ) -> Result<Response<pb::Pay>, Status> {
        let caller = caller(&request)?;
        let pb::GetPayRequest { name, known_at_date } = request.into_inner();
        let mut fields = Fields::new();
        let name = wire::name(&name, &mut fields);
        let cut = Cut::parse(None, known_at_date, self.app.clock(), &mut fields)?;
        fields.finish()?;
        let name = name.ok_or_else(|| Error::internal("a field was not checked"))?;
        let paid = self.app.month_paid(&caller, name, &cut).await?;
        Ok(Response::new(wire::pay(paid)))
    }

    async fn record_pay(
        &self,
        request: Request<pb::RecordPayRequest>,
    ) -> Result<Response<pb::Pay>, Status> {
        let caller = caller(&request)?;
        let (command, asked) = wire::record_pay(request.into_inner())?;
        Ok(answered(self.app.record_pay(&caller, &command, asked).await?, NAME)?)
    }

    async fn withdraw_pay(
        &self,
        request: Request<pb::WithdrawPayRequest>,
    ) -> Result<Response<pb::Pay>, Status> {
        let caller = caller(&request)?;
        let (command, asked) = wire::withdraw_pay(request.into_inner())?;
        Ok(answered(self.app.withdraw_pay(&caller, &command, asked).await?, NAME)?)
    }
}
