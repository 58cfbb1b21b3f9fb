//! Passes every public method that is not the gateway's own to the service that owns it.
//!
//! Undecoded: an older gateway does not drop the fields of a newer service.

use std::convert::Infallible;

use axum::body::Body as AxumBody;
use http::{Request, Response};
use kit::server::{Deadline, WAY_HOME, timeout_value};
use kit::{Error, ErrorReason};
use tonic::body::Body;
use tonic::service::Routes;
use tonic::{Code, Status};
use tower::Service;

use crate::clients::Clients;

/// `routes`, with all other paths passed on.
pub(crate) fn rest(mut routes: Routes, clients: Clients) -> Routes {
    let pass = tower::service_fn(move |request: Request<AxumBody>| {
        let clients = clients.clone();
        async move { Ok::<_, Infallible>(pass(&clients, request).await) }
    });
    let router = routes.axum_router_mut();
    *router = std::mem::take(router).fallback_service(pass);
    routes
}

async fn pass(clients: &Clients, request: Request<AxumBody>) -> Response<AxumBody> {
    match forward(clients, request.map(Body::new)).await {
        Ok(response) => response.map(AxumBody::new),
        Err(error) => Status::from(error).into_http(),
    }
}

async fn forward(clients: &Clients, mut request: Request<Body>) -> Result<Response<Body>, Error> {
    let path = request.uri().path().to_owned();
    let package = path.trim_start_matches('/').split('/').next().unwrap_or_default();
    let package = package.rsplit_once('.').map_or("", |(package, _)| package);
    let Some((service, channel)) = clients.of_package(package) else {
        let message = format!("there is no method {path}");
        return Err(Error::refused(ErrorReason::MethodUnknown, message, []));
    };
    if let Some(deadline) = request.extensions().get::<Deadline>() {
        let left = timeout_value(deadline.left().saturating_sub(WAY_HOME));
        request.headers_mut().insert("grpc-timeout", left);
    }
    // What goes wrong on the way is no answer of the service; its own refusals are.
    channel.clone().call(request).await.or_else(|status| match status.code() {
        Code::Unavailable => {
            tracing::warn!(service, "{service} does not answer: {}", status.message());
            Err(unreachable(service))
        }
        _ => Ok(status.into_http()),
    })
}

/// The refusal when a service behind the gateway does not answer.
pub(crate) fn unreachable(service: &str) -> Error {
    Error::refused(
        ErrorReason::ServiceUnreachable,
        format!("{service} cannot be reached at the moment"),
        [("service", service.to_owned())],
    )
}
