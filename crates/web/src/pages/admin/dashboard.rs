//! The dashboard: totals, what needs attention, and the search for users, whose buttons impersonate
//! a user.

use std::rc::Rc;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;
use starchart_domain::input::clean_line;
use starchart_domain::names::RootDomain;
use starchart_domain::plural::pluralize;
use starchart_domain::user::UserId;
use starchart_store::admin::{
    self, Admin, CertificateStatus, PAGE_ROWS, Totals, UserPage, UserRow,
};

use super::health_items::{self, HealthItem};
use super::{encode_query, list_href, parse_query, refuse};
use crate::actions::{self, ActionError, Denial, SessionTokens};
use crate::context::RequestContext;
use crate::cookies::CookieKind;
use crate::errors::Failure;
use crate::forms::Form;
use crate::pages::{FlashKind, Layout, filters};
use crate::rate_limits::RateLimitKey;
use crate::responses::{self, see_other};
use crate::tokens;

/// The shortest search text, in characters.
const MIN_SEARCH_CHARS: usize = 3;

/// `GET /admin`: the dashboard. Posts an `intent` to `/admin`; searches with a query.
#[derive(Debug, Clone, Template)]
#[template(path = "admin/dashboard.html")]
pub(crate) struct DashboardPage {
    pub(crate) layout: Layout,
    /// The admin who sees the page.
    pub(crate) admin: UserId,
    pub(crate) root_domain: RootDomain,
    pub(crate) totals: Totals,
    /// What needs attention, most urgent first.
    pub(crate) health_items: Vec<HealthItem>,
    /// How far publishing is, as a sentence.
    pub(crate) publishing: String,
    pub(crate) search_text: String,
    /// Why the search text was not accepted.
    pub(crate) fault: Option<String>,
    /// The users that the search found; `None` without a search.
    pub(crate) found: Option<SearchResults>,
}

/// One page of the users that a search found.
#[derive(Debug, Clone)]
pub(crate) struct SearchResults {
    pub(crate) found: UserPage,
    /// The number of this page, from 1.
    pub(crate) page: u32,
    /// The number of pages.
    pub(crate) pages: u32,
    /// URL of the previous page.
    pub(crate) previous: Option<String>,
    /// URL of the next page.
    pub(crate) next: Option<String>,
}

impl DashboardPage {
    /// Returns the user's base domain.
    fn domain_of(&self, row: &UserRow) -> Option<String> {
        let label = row.user.label.as_ref()?;
        Some(self.root_domain.base(label).to_string())
    }

    /// Returns why the user cannot be impersonated; `None` when they can.
    fn impersonation_denied(&self, row: &UserRow) -> Option<String> {
        let denial = if row.user.id == self.admin {
            Denial::OwnAccount
        } else if row.user.groups.admin {
            Denial::AdminAccount
        } else if row.suspended {
            return Some("This account is suspended.".to_owned());
        } else if row.user.label.is_none() {
            Denial::NoLabel
        } else {
            return None;
        };
        Some(denial.to_string())
    }

    /// Returns why the user cannot be deleted; `None` when they can.
    fn deletion_denied(&self, row: &UserRow) -> Option<String> {
        (row.user.id == self.admin).then(|| Denial::OwnAccount.to_string())
    }

    /// Returns the URL of the page that asks before the deletion.
    fn delete_href(&self, row: &UserRow) -> String {
        let query = [
            ("username", row.user.username.as_str()),
            ("searchText", &self.search_text),
        ];
        format!("/admin/delete?{}", encode_query(&query))
    }
}

/// `GET /admin`: the dashboard; with `searchText` also the users that the search finds.
pub(crate) async fn show(
    context: Rc<RequestContext>,
    admin: Admin,
) -> Result<HttpResponse, Failure> {
    let query = parse_query(&context)?;
    let store = context.app.store()?;
    let search_text = clean_line(&query.text("searchText"));
    let too_short = search_text.chars().count() < MIN_SEARCH_CHARS;
    let fault = (too_short && !search_text.is_empty())
        .then(|| format!("Type {MIN_SEARCH_CHARS} letters or more."));
    let found = if too_short {
        None
    } else {
        Some(search_users(&context, &admin, &search_text, page_number(&query)).await?)
    };
    let totals = admin::count_totals(store, &admin).await?;
    let health = admin::list_health_items(store, &admin).await?;
    let status = if fault.is_some() {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    };
    let page = DashboardPage {
        layout: context.layout(),
        admin: admin.id(),
        root_domain: context.app.config.root_domain.clone(),
        totals,
        publishing: health_items::describe_publishing(&health),
        health_items: health_items::list(health, context.app.config.dns_provider),
        search_text,
        fault,
        found,
    };
    responses::page(status, &page)
}

/// `POST /admin`: does what the intent says.
pub(crate) async fn handle_intent(
    context: Rc<RequestContext>,
    admin: Admin,
) -> Result<HttpResponse, Failure> {
    let field = |name| {
        context
            .form
            .get(name)
            .ok_or(Failure::Unprocessable("missing field"))
    };
    let store = context.app.store()?;
    let queue = &*context.app.queue;
    let caller = context.caller(&admin);
    match context.form.get("intent").unwrap_or_default() {
        "search-users" => Ok(see_other(&list_href(&clean_line(field("searchText")?), 1))),
        "impersonate-user" => impersonate(&context, &admin, field("newEffectiveUsername")?).await,
        "delete-user" => delete(&context, &admin, field("username")?).await,
        "retry-record" => retry_response(
            &context,
            actions::retry_name(store, queue, caller, field("item")?).await,
        ),
        "retry-mail" => {
            let id = field("item")?
                .parse()
                .map_err(|_| Failure::Unprocessable("invalid id"))?;
            retry_response(
                &context,
                actions::retry_mail(store, queue, caller, id).await,
            )
        }
        _ => Err(Failure::Unprocessable("unknown intent")),
    }
}

async fn search_users(
    context: &RequestContext,
    admin: &Admin,
    text: &str,
    page: u32,
) -> Result<SearchResults, Failure> {
    context
        .app
        .limits
        .count(RateLimitKey::AdminSearch(admin.id()))
        .await?;
    // A complaint may quote any name under a user's domain.
    let label = context.app.config.root_domain.label_of(text);
    let search = label.as_ref().map_or(text, |label| label.as_str());
    let found = admin::search_users(context.app.store()?, admin, search, page - 1).await?;
    let pages = u32::try_from(found.total.div_ceil(u64::from(PAGE_ROWS)))
        .unwrap_or(u32::MAX)
        .max(1);
    Ok(SearchResults {
        found,
        page,
        pages,
        previous: (page > 1).then(|| list_href(text, (page - 1).min(pages))),
        next: (page < pages).then(|| list_href(text, page + 1)),
    })
}

async fn impersonate(
    context: &RequestContext,
    admin: &Admin,
    username: &str,
) -> Result<HttpResponse, Failure> {
    let old_token = context
        .session_token
        .as_deref()
        .ok_or(Failure::Internal("an admin without a session token"))?;
    let new_token = tokens::generate();
    let hashes = SessionTokens {
        old: tokens::hash(old_token),
        new: tokens::hash(&new_token),
    };
    let store = context.app.store()?;
    match actions::impersonate(store, context.caller(admin), username, hashes).await {
        Ok(_) => {
            context.set_cookie(CookieKind::Session, new_token);
            Ok(see_other("/"))
        }
        Err(error) => refuse(context, error, &context.form.text("found")),
    }
}

async fn delete(
    context: &RequestContext,
    admin: &Admin,
    username: &str,
) -> Result<HttpResponse, Failure> {
    let app = &context.app;
    let search_text = context.form.text("found");
    let caller = context.caller(admin);
    match actions::delete_user(app.store()?, &*app.queue, caller, username).await {
        Ok((user, deleted)) => {
            let records = pluralize(u64::from(deleted.records), "record leaves", "records leave");
            context.set_flash(&[(
                FlashKind::Done,
                format!("User was deleted: {}. {records} the zone.", user.username),
            )]);
            Ok(see_other(&list_href(&search_text, 1)))
        }
        Err(error) => refuse(context, error, &search_text),
    }
}

fn retry_response(
    context: &RequestContext,
    retried: Result<(), ActionError>,
) -> Result<HttpResponse, Failure> {
    let message = match retried {
        Ok(()) => (FlashKind::Done, "The retry has started.".to_owned()),
        Err(ActionError::NotFound) => (
            FlashKind::Note,
            "There is nothing left to retry.".to_owned(),
        ),
        Err(error) => return Err(error.into()),
    };
    context.set_flash(&[message]);
    Ok(see_other("/admin"))
}

fn page_number(query: &Form) -> u32 {
    query
        .get("page")
        .and_then(|page| page.parse().ok())
        .filter(|page| *page > 0)
        .unwrap_or(1)
}
