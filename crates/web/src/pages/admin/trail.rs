//! The audit trail.

use std::rc::Rc;

use actix_web::HttpResponse;
use askama::Template;
use starchart_domain::input::clean_line;
use starchart_store::admin::{self, Admin, TrailFilter, TrailLine};

use super::{encode_query, parse_query};
use crate::context::RequestContext;
use crate::errors::Failure;
use crate::pages::{Layout, filters};
use crate::responses;

/// `GET /admin/trail`: the audit trail.
#[derive(Debug, Clone, Template)]
#[template(path = "admin/trail.html")]
pub(crate) struct TrailPage {
    pub(crate) layout: Layout,
    /// The changes of this page, newest first.
    pub(crate) lines: Vec<TrailLine>,
    pub(crate) filter: TrailFilter,
    /// Whether this is not the newest page.
    pub(crate) is_older: bool,
    /// URL of the newest page with this filter.
    pub(crate) newest_href: String,
    /// URL of the next, older page.
    pub(crate) older_href: Option<String>,
}

impl TrailPage {
    fn is_filtered(&self) -> bool {
        self.filter != TrailFilter::default()
    }
}

/// Lists changes of the audit trail by user, action and object (`GET /admin/trail`).
pub(crate) async fn trail(
    context: Rc<RequestContext>,
    admin: Admin,
) -> Result<HttpResponse, Failure> {
    let query = parse_query(&context)?;
    let text = |name| clean_line(&query.text(name));
    let filter = TrailFilter {
        user: text("user"),
        action: text("action"),
        object: text("object"),
    };
    let before = query
        .get("before")
        .map(|id| id.parse().map_err(|_| Failure::NotFound))
        .transpose()?;
    let page = admin::list_trail(context.app.store()?, &admin, &filter, before).await?;
    responses::ok(&TrailPage {
        layout: context.layout(),
        lines: page.lines,
        is_older: before.is_some(),
        newest_href: trail_href(&filter, None),
        older_href: page.older.map(|id| trail_href(&filter, Some(id))),
        filter,
    })
}

fn trail_href(filter: &TrailFilter, before: Option<i64>) -> String {
    let before = before.map(|id| id.to_string()).unwrap_or_default();
    let all = [
        ("user", &filter.user),
        ("action", &filter.action),
        ("object", &filter.object),
        ("before", &before),
    ];
    let pairs: Vec<(&str, &str)> = all
        .iter()
        .filter(|(_, text)| !text.is_empty())
        .map(|(name, text)| (*name, text.as_str()))
        .collect();
    if pairs.is_empty() {
        "/admin/trail".to_owned()
    } else {
        format!("/admin/trail?{}", encode_query(&pairs))
    }
}
