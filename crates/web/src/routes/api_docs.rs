//! The page about the REST API, made from the table of its routes.

use std::rc::Rc;

use actix_web::HttpResponse;
use starchart_domain::api::Protocol;
use strum::VariantArray as _;

use super::api::{DescribedRoute, described};
use crate::actor::Actor;
use crate::api::rest::operation::Group;
use crate::context::RequestContext;
use crate::errors::Failure;
use crate::pages::api_docs::ApiDocsPage;
use crate::responses;

/// Shows the description of the REST API (`GET /api/docs`).
pub(crate) async fn show(context: Rc<RequestContext>, _: Actor) -> Result<HttpResponse, Failure> {
    let api = &context.app.config.api;
    if !api.answers(Protocol::Rest) {
        return Err(Failure::NotFound);
    }
    responses::ok(&ApiDocsPage {
        layout: context.layout(),
        origin: context.app.origin(),
        requests_per_minute: api.requests_per_minute,
        groups: grouped(),
    })
}

/// Returns each heading with its requests.
pub(crate) fn grouped() -> Vec<(Group, Vec<DescribedRoute>)> {
    let groups = Group::VARIANTS.iter().map(|group| {
        let routes = described().filter(|route| route.operation.group == *group);
        (*group, routes.collect())
    });
    groups.collect()
}
