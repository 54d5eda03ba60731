//! The API tokens of all users.

use std::rc::Rc;

use actix_web::HttpResponse;
use askama::Template;
use starchart_domain::input::clean_line;
use starchart_domain::time::Timestamp;
use starchart_domain::token::TokenId;
use starchart_store::admin::{self, Admin, OwnedToken, TokenOrder};
use starchart_store::machines::MachineCounts;

use super::{encode_query, parse_query};
use crate::actions::{self, ActionError};
use crate::context::RequestContext;
use crate::errors::Failure;
use crate::pages::tokens::usage_lines;
use crate::pages::{FlashKind, Layout, filters};
use crate::responses::{self, see_other};

const PATH: &str = "/admin/tokens";

/// `GET /admin/tokens`; posts to the same path.
#[derive(Debug, Clone, Template)]
#[template(path = "admin/tokens.html")]
pub(crate) struct AllTokensPage {
    pub(crate) layout: Layout,
    /// The user name to which the list is limited; empty for all users.
    pub(crate) username: String,
    /// What the list is ordered by; empty for the newest first.
    pub(crate) sort: &'static str,
    pub(crate) rows: Vec<AdminTokenRow>,
    /// The machines of all users that fetch certificates.
    pub(crate) machines: MachineCounts,
    /// URL of the next, older page.
    pub(crate) older_href: Option<String>,
}

/// A token with its owner, and what it may do in words.
#[derive(Debug, Clone)]
pub(crate) struct AdminTokenRow {
    pub(crate) owned: OwnedToken,
    pub(crate) rights: Vec<String>,
    /// What it was used for lately, in words.
    pub(crate) usage: Vec<String>,
    /// Since when it is not accepted, because it was not used.
    pub(crate) idle_since: Option<Timestamp>,
}

impl AllTokensPage {
    /// Says how many machines fetch certificates, and how many will break.
    fn machines(&self) -> String {
        let MachineCounts { regular, stopped } = self.machines;
        let fetch = match regular {
            1 => "1 server fetches its certificate by itself.".to_owned(),
            count => format!("{count} servers fetch their certificates by themselves."),
        };
        match stopped {
            0 => fetch,
            1 => format!(
                "{fetch} 1 of them has stopped, and breaks when its certificate expires. Its owner \
                 got a mail."
            ),
            count => format!(
                "{fetch} {count} of them have stopped, and break when their certificates expire. \
                 Their owners got a mail."
            ),
        }
    }
}

impl AdminTokenRow {
    /// Returns the URL of the owner's tokens.
    fn owner_href(&self) -> String {
        list_href(&self.owned.owner.username, "", None)
    }
}

/// Lists live tokens (`GET /admin/tokens`).
pub(crate) async fn tokens(
    context: Rc<RequestContext>,
    admin: Admin,
) -> Result<HttpResponse, Failure> {
    let query = parse_query(&context)?;
    let username = clean_line(&query.text("user"));
    let before = query
        .get("before")
        .map(|id| id.parse().map_err(|_| Failure::NotFound))
        .transpose()?;
    let (sort, order) = match query.get("sort").unwrap_or_default() {
        "requests" => ("requests", TokenOrder::Requests),
        "errors" => ("errors", TokenOrder::Errors),
        _ => ("", TokenOrder::Newest(before)),
    };
    let app = &context.app;
    let page = admin::list_tokens(app.store()?, &admin, &username, order).await?;
    let row = |owned: OwnedToken| {
        let label = owned.owner.label.as_ref();
        let base = label.map(|label| app.config.root_domain.base(label));
        let rights = base.map(|base| owned.token.rights.describe(&base));
        AdminTokenRow {
            rights: rights.unwrap_or_default(),
            usage: usage_lines(&owned.usage),
            idle_since: match owned.token.state(page.now) {
                actions::TokenState::Idle(at) => Some(at),
                _ => None,
            },
            owned,
        }
    };
    responses::ok(&AllTokensPage {
        layout: context.layout(),
        machines: admin::count_machines(app.store()?, &admin).await?,
        rows: page.rows.into_iter().map(row).collect(),
        older_href: page.older.map(|id| list_href(&username, sort, Some(id))),
        username,
        sort,
    })
}

/// Ends a token (`POST /admin/tokens`).
pub(crate) async fn end_token(
    context: Rc<RequestContext>,
    admin: Admin,
) -> Result<HttpResponse, Failure> {
    let id = context.form.get("item").and_then(|id| id.parse().ok());
    let id = id
        .map(TokenId)
        .ok_or(Failure::Unprocessable("invalid id"))?;
    let caller = context.caller(&admin);
    let message = match actions::end_any_token(context.app.store()?, caller, id).await {
        Ok(token) => (
            FlashKind::Done,
            format!("The token {} has ended.", token.audit_name()),
        ),
        Err(ActionError::NotFound) => (FlashKind::Note, "This token has ended before.".to_owned()),
        Err(error) => return Err(error.into()),
    };
    context.set_flash(&[message]);
    let username = context.form.text("username");
    let sort = context.form.text("sort");
    Ok(see_other(&list_href(&username, &sort, None)))
}

fn list_href(username: &str, sort: &str, before: Option<i64>) -> String {
    let before = before.map(|id| id.to_string()).unwrap_or_default();
    let all = [
        ("user", username),
        ("sort", sort),
        ("before", before.as_str()),
    ];
    let pairs = all.iter().copied().filter(|(_, text)| !text.is_empty());
    let pairs: Vec<(&str, &str)> = pairs.collect();
    match pairs.is_empty() {
        true => PATH.to_owned(),
        false => format!("{PATH}?{}", encode_query(&pairs)),
    }
}
