//! The description of the REST API for people. It is made from the table of routes, as
//! `/api/openapi.json` is for programs.

use std::rc::Rc;

use actix_web::HttpResponse;
use askama::Template;
use starchart_domain::api::Protocol;
use strum::VariantArray as _;

use crate::actor::Actor;
use crate::api::rest::operation::Group;
use crate::context::RequestContext;
use crate::errors::Failure;
use crate::pages::Layout;
use crate::responses;
use crate::routes::{self, DescribedRoute};

/// `GET /api/docs`.
#[derive(Debug, Clone, Template)]
#[template(path = "api_docs.html")]
pub(crate) struct ApiDocsPage {
    pub(crate) layout: Layout,
    /// The public URL, without a path.
    pub(crate) origin: String,
    /// Requests of one token in a minute.
    pub(crate) requests_per_minute: u32,
}

impl ApiDocsPage {
    /// Returns each heading with its requests.
    fn groups(&self) -> Vec<(Group, Vec<DescribedRoute>)> {
        let groups = Group::VARIANTS.iter().map(|group| {
            let routes = routes::described().filter(|route| route.operation.group == *group);
            (*group, routes.collect())
        });
        groups.collect()
    }
}

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
    })
}
