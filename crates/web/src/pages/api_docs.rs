//! The description of the REST API for people. It is made from the table of routes, as
//! `/api/openapi.json` is for programs.

use askama::Template;

use crate::api::rest::operation::Group;
use crate::pages::Layout;
use crate::routes::api::DescribedRoute;

/// The page of `GET /api/docs`.
#[derive(Debug, Clone, Template)]
#[template(path = "api_docs.html")]
pub(crate) struct ApiDocsPage {
    pub(crate) layout: Layout,
    /// The public URL, without a path.
    pub(crate) origin: String,
    /// Requests of one token in a minute.
    pub(crate) requests_per_minute: u32,
    /// Each heading with its requests.
    pub(crate) groups: Vec<(Group, Vec<DescribedRoute>)>,
}
