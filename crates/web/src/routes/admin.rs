//! The admins' pages: the dashboard, the deletion of a user and the audit trail.

mod health_items;

use std::rc::Rc;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use starchart_domain::plural::pluralize;
use starchart_store::admin::{
    self, CertificateStatus, DeletionPreview, PAGE_ROWS, TrailFilter, TrailLine, UserRow,
};
use starchart_store::users::User;

use crate::actions::{self, ActionError, Denial, SessionTokens};
use crate::actor::Admin;
use crate::context::RequestContext;
use crate::cookies::CookieKind;
use crate::errors::Failure;
use crate::forms::Form;
use crate::rate_limits::RateLimitKey;
use crate::responses::{self, see_other};
use crate::tokens;
use crate::views::{
    AdminDeletePage, AdminPage, FlashKind, FoundUser, TrailPage, TrailRow, UserSearchResults,
};

/// The shortest search text, in characters.
const MIN_SEARCH_CHARS: usize = 3;

/// `GET /admin`: the dashboard; with `searchText` also the users that the search finds.
pub(crate) async fn show(
    context: Rc<RequestContext>,
    admin: Admin,
) -> Result<HttpResponse, Failure> {
    let query = parse_query(&context)?;
    let store = context.app.store()?;
    let search_text = query.text("searchText").trim().to_owned();
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
    let page = AdminPage {
        layout: context.layout(),
        users: totals.users,
        certificates: totals.certificates,
        records: totals.records,
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
        "search-users" => Ok(see_other(&list_href(field("searchText")?.trim(), 1))),
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

/// `GET /admin/delete?username=`: says what the deletion would do, before it happens.
pub(crate) async fn confirm_delete(
    context: Rc<RequestContext>,
    admin: Admin,
) -> Result<HttpResponse, Failure> {
    let query = parse_query(&context)?;
    let store = context.app.store()?;
    let search_text = query.text("searchText");
    let user = admin::find_user(store, &admin, &query.text("username"))
        .await?
        .ok_or(Failure::NotFound)?;
    if user.id == admin.id() {
        return refuse(
            &context,
            ActionError::Denied(Denial::OwnAccount),
            &search_text,
        );
    }
    let consequences = admin::preview_deletion(store, &admin, user.id).await?;
    let page = AdminDeletePage {
        layout: context.layout(),
        consequences: describe_consequences(&context, &user, &consequences),
        username: user.username,
        name: user.display_name,
        email: user.email,
        back_href: list_href(&search_text, 1),
        search_text,
    };
    responses::ok(&page)
}

/// Lists changes of the audit trail by user, action and object (`GET /admin/trail`).
pub(crate) async fn trail(
    context: Rc<RequestContext>,
    admin: Admin,
) -> Result<HttpResponse, Failure> {
    let query = parse_query(&context)?;
    let text = |name| query.text(name).trim().to_owned();
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
    let older = page.older.map(|id| trail_href(&filter, Some(id)));
    let rows = page.lines.into_iter().map(trail_row).collect();
    let newest = trail_href(&filter, None);
    let TrailFilter {
        user: username,
        action,
        object,
    } = filter;
    responses::ok(&TrailPage {
        layout: context.layout(),
        rows,
        username,
        action,
        object,
        is_older: before.is_some(),
        newest_href: newest,
        older_href: older,
    })
}

async fn search_users(
    context: &RequestContext,
    admin: &Admin,
    text: &str,
    page: u32,
) -> Result<UserSearchResults, Failure> {
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
    Ok(UserSearchResults {
        users: found
            .rows
            .into_iter()
            .map(|row| user_row(context, admin, row, text))
            .collect(),
        total: found.total,
        page,
        pages,
        previous: (page > 1).then(|| list_href(text, (page - 1).min(pages))),
        next: (page < pages).then(|| list_href(text, page + 1)),
    })
}

fn user_row(context: &RequestContext, admin: &Admin, row: UserRow, text: &str) -> FoundUser {
    let UserRow {
        user,
        suspended,
        records,
        certificate,
    } = row;
    let is_own = user.id == admin.id();
    let no_impersonation = if is_own {
        Some(Denial::OwnAccount.to_string())
    } else if user.groups.admin {
        Some(Denial::AdminAccount.to_string())
    } else if suspended {
        Some("This account is suspended.".to_owned())
    } else if user.label.is_none() {
        Some(Denial::NoLabel.to_string())
    } else {
        None
    };
    let marks = [(user.groups.admin, "admin"), (suspended, "suspended")];
    FoundUser {
        id: user.id.0,
        domain: user
            .label
            .as_ref()
            .map(|label| context.app.config.root_domain.base(label).to_string()),
        records,
        certificate: match certificate {
            CertificateStatus::None => "none".to_owned(),
            CertificateStatus::Pending => "pending".to_owned(),
            CertificateStatus::Issued { until } => format!("issued, until {}", until.date()),
            CertificateStatus::Failed => "failed".to_owned(),
        },
        marks: marks
            .into_iter()
            .filter(|(applies, _)| *applies)
            .map(|(_, word)| word)
            .collect(),
        no_impersonation,
        no_deletion: is_own.then(|| Denial::OwnAccount.to_string()),
        delete_href: format!(
            "/admin/delete?{}",
            encode_query(&[("username", &user.username), ("searchText", text)])
        ),
        email: user.email,
        name: user.display_name,
        username: user.username,
    }
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

/// Redirects to the list of users and shows the reason.
fn refuse(
    context: &RequestContext,
    error: ActionError,
    search_text: &str,
) -> Result<HttpResponse, Failure> {
    let message = match error {
        ActionError::Denied(Denial::NoLongerAdmin) => return Ok(see_other("/")),
        ActionError::Denied(denial) => denial.to_string(),
        ActionError::NotFound => {
            "No user has this user name, or the account is suspended.".to_owned()
        }
        error => return Err(error.into()),
    };
    context.set_flash(&[(FlashKind::Failed, message)]);
    Ok(see_other(&list_href(search_text, 1)))
}

/// Describes what the deletion of this user does, one sentence each.
fn describe_consequences(
    context: &RequestContext,
    user: &User,
    consequences: &DeletionPreview,
) -> Vec<String> {
    let mut sentences = vec![match consequences.records {
        0 => "This user has no DNS records.".to_owned(),
        n => format!(
            "{} the zone at once and cannot be restored from these pages.",
            pluralize(n, "record leaves", "records leave")
        ),
    }];
    if consequences.certificates > 0 {
        sentences.push(format!(
            "{} revoked soon. Private keys are deleted here.",
            pluralize(
                consequences.certificates,
                "certificate is",
                "certificates are"
            )
        ));
    }
    if consequences.order {
        sentences.push("The certificate order in progress is abandoned.".to_owned());
    }
    if consequences.sessions > 0 {
        sentences.push(format!(
            "{} at once.",
            pluralize(consequences.sessions, "session ends", "sessions end")
        ));
    }
    if consequences.mails > 0 {
        sentences.push(format!(
            "{} not sent.",
            pluralize(consequences.mails, "pending mail is", "pending mails are")
        ));
    }
    sentences.push(
        "Name and e-mail address are deleted here. The audit trail keeps the user name.".to_owned(),
    );
    if let Some(label) = &user.label {
        let domain = context.app.config.root_domain.base(label);
        sentences.push(format!(
            "The domain {domain} stays reserved for this user. Nobody else can get it."
        ));
    }
    // A suspended user stays suspended.
    if !consequences.suspended {
        sentences
            .push("This user may sign in again and start over. Deleting is not a ban.".to_owned());
    }
    sentences
}

fn trail_row(line: TrailLine) -> TrailRow {
    TrailRow {
        at: line.at.rfc3339(),
        actor: line.actor,
        on_behalf_of: line.on_behalf_of,
        action: line.action,
        object: line.object,
        detail: line.detail,
        request_id: line.request_id,
    }
}

fn parse_query(context: &RequestContext) -> Result<Form, Failure> {
    Form::parse(context.req.query_string().as_bytes())
}

fn page_number(query: &Form) -> u32 {
    query
        .get("page")
        .and_then(|page| page.parse().ok())
        .filter(|page| *page > 0)
        .unwrap_or(1)
}

/// Returns the URL of the users that this search finds.
fn list_href(search_text: &str, page: u32) -> String {
    match (search_text, page) {
        ("", _) => "/admin".to_owned(),
        (text, 1) => format!("/admin?{}", encode_query(&[("searchText", text)])),
        (text, page) => {
            format!(
                "/admin?{}",
                encode_query(&[("searchText", text), ("page", &page.to_string())])
            )
        }
    }
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

fn encode_query(pairs: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish()
}
