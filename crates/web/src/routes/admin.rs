//! The admins' pages: what needs attention, people, and the audit trail.

mod attention;

use std::rc::Rc;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use starchart_domain::plural::pluralize;
use starchart_jobs::Job;
use starchart_store::admin::{
    self, AdminError, CertificateStatus, DeletionPreview, FRESH_MS, PAGE_ROWS, TrailFilter,
    TrailLine, UserRow,
};
use starchart_store::users::User;

use crate::actor::Admin;
use crate::cookies::Kind;
use crate::errors::Failure;
use crate::forms::Form;
use crate::keys;
use crate::limits::Counted;
use crate::redirects::see_other;
use crate::views::{
    AdminDeletePage, AdminPage, FlashKind, PeopleFound, PersonItem, TrailItem, TrailLines,
};
use crate::visit::{self, Visit};

/// Letters of a search at least.
const SEARCH_MIN: usize = 3;
const MINUTE_MS: i64 = 60 * 1_000;

/// `GET /admin`; with `searchText` also the people it finds.
pub(crate) async fn show(visit: Rc<Visit>, admin: Admin) -> Result<HttpResponse, Failure> {
    let query = query(&visit)?;
    let store = visit.app.store()?;
    let search_text = query.text("searchText").trim().to_owned();
    let too_short = search_text.chars().count() < SEARCH_MIN;
    let fault = (too_short && !search_text.is_empty())
        .then(|| format!("Type {SEARCH_MIN} letters or more."));
    let found = if too_short {
        None
    } else {
        Some(find(&visit, &admin, &search_text, page_of(&query)).await?)
    };
    let totals = admin::count_totals(store, &admin).await?;
    let attention = admin::list_health_items(store, &admin).await?;
    let status = if fault.is_some() {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    };
    let page = AdminPage {
        shell: visit.shell(),
        users: totals.users,
        certificates: totals.certificates,
        records: totals.records,
        publishing: attention::publishing(&attention),
        attention: attention::items(attention),
        search_text,
        fault,
        found,
    };
    visit::page(status, &page)
}

/// `POST /admin`: the intent says what.
pub(crate) async fn act(visit: Rc<Visit>, admin: Admin) -> Result<HttpResponse, Failure> {
    let field = |name| {
        visit
            .form
            .get(name)
            .ok_or(Failure::Unprocessable("a missing field"))
    };
    match visit.form.get("intent").unwrap_or_default() {
        "search-users" => Ok(see_other(&list_href(field("searchText")?.trim(), 1))),
        "impersonate-user" => impersonate(&visit, &admin, field("newEffectiveUsername")?).await,
        "delete-user" => delete(&visit, &admin, field("username")?).await,
        "retry-record" => {
            let found =
                admin::retry_name(visit.app.store()?, &admin, field("item")?, &visit.id).await?;
            visit.app.queue.wake(Job::Publish);
            Ok(tried_again(&visit, found))
        }
        "retry-mail" => {
            let id = field("item")?
                .parse()
                .map_err(|_| Failure::Unprocessable("no id"))?;
            let found = admin::retry_mail(visit.app.store()?, &admin, id, &visit.id).await?;
            visit.app.queue.wake(Job::Mail);
            Ok(tried_again(&visit, found))
        }
        _ => Err(Failure::Unprocessable("an unknown intent")),
    }
}

/// `GET /admin/delete?username=`: what the deletion would end.
pub(crate) async fn ask_delete(visit: Rc<Visit>, admin: Admin) -> Result<HttpResponse, Failure> {
    let query = query(&visit)?;
    let store = visit.app.store()?;
    let search_text = query.text("searchText");
    let user = admin::find_user(store, &admin, &query.text("username"))
        .await?
        .ok_or(Failure::NotFound)?;
    if user.id == admin.id() {
        return refused(&visit, AdminError::Oneself, &search_text);
    }
    let ahead = admin::preview_deletion(store, &admin, user.id).await?;
    let page = AdminDeletePage {
        shell: visit.shell(),
        consequences: words_of(&visit, &user, &ahead),
        username: user.username,
        name: user.display_name,
        email: user.email,
        back: list_href(&search_text, 1),
        search_text,
    };
    visit::ok(&page)
}

/// `GET /admin/trail`.
pub(crate) async fn trail(visit: Rc<Visit>, admin: Admin) -> Result<HttpResponse, Failure> {
    let query = query(&visit)?;
    let text = |name| query.text(name).trim().to_owned();
    let filter = TrailFilter {
        user: text("person"),
        action: text("action"),
        object: text("object"),
    };
    let before = query
        .get("before")
        .map(|id| id.parse().map_err(|_| Failure::NotFound))
        .transpose()?;
    let page = admin::list_trail(visit.app.store()?, &admin, &filter, before).await?;
    let older = page.older.map(|id| trail_href(&filter, Some(id)));
    let lines = page.lines.into_iter().map(line).collect();
    let newest = trail_href(&filter, None);
    let TrailFilter {
        user: person,
        action,
        object,
    } = filter;
    visit::ok(&TrailLines {
        shell: visit.shell(),
        lines,
        person,
        action,
        object,
        is_older: before.is_some(),
        newest,
        older,
    })
}

async fn find(visit: &Visit, admin: &Admin, text: &str, page: u32) -> Result<PeopleFound, Failure> {
    visit.app.limits.take(Counted::Search(admin.id())).await?;
    // A name as a complaint quotes it: whose is it?
    let label = visit.app.config.root_domain.label_of(text);
    let wanted = label.as_ref().map_or(text, |label| label.as_str());
    let found = admin::search_users(visit.app.store()?, admin, wanted, page - 1).await?;
    let pages = u32::try_from(found.total.div_ceil(u64::from(PAGE_ROWS)))
        .unwrap_or(u32::MAX)
        .max(1);
    Ok(PeopleFound {
        people: found
            .rows
            .into_iter()
            .map(|row| person(visit, admin, row, text))
            .collect(),
        total: found.total,
        page,
        pages,
        before: (page > 1).then(|| list_href(text, (page - 1).min(pages))),
        after: (page < pages).then(|| list_href(text, page + 1)),
    })
}

fn person(visit: &Visit, admin: &Admin, row: UserRow, text: &str) -> PersonItem {
    let UserRow {
        user,
        suspended,
        records,
        certificate,
    } = row;
    let own = user.id == admin.id();
    let no_impersonation = match () {
        () if own => Some("That is you."),
        () if user.groups.admin => Some("Admins are not impersonated."),
        () if suspended => Some("This account is suspended."),
        () if user.label.is_none() => {
            Some("They have not chosen a domain yet, so there is nothing to see.")
        }
        () => None,
    };
    let marks = [(user.groups.admin, "admin"), (suspended, "suspended")];
    PersonItem {
        id: user.id.0,
        domain: user
            .label
            .as_ref()
            .map(|label| visit.app.config.root_domain.base(label).to_string()),
        records,
        certificate: match certificate {
            CertificateStatus::None => "none".to_owned(),
            CertificateStatus::Pending => "pending".to_owned(),
            CertificateStatus::Issued { until } => format!("issued, until {}", until.date()),
            CertificateStatus::Failed => "failed".to_owned(),
        },
        marks: marks
            .into_iter()
            .filter(|(is, _)| *is)
            .map(|(_, word)| word)
            .collect(),
        no_impersonation,
        no_deletion: own.then_some("That is you."),
        delete_href: format!(
            "/admin/delete?{}",
            written(&[("username", &user.username), ("searchText", text)])
        ),
        email: user.email,
        name: user.display_name,
        username: user.username,
    }
}

async fn impersonate(
    visit: &Visit,
    admin: &Admin,
    username: &str,
) -> Result<HttpResponse, Failure> {
    let (store, search_text) = (visit.app.store()?, visit.form.text("found"));
    let Some(user) = admin::find_user(store, admin, username).await? else {
        return refused(visit, AdminError::NotFound, &search_text);
    };
    let old = visit
        .session_token
        .as_deref()
        .ok_or(Failure::Internal("an admin without a session"))?;
    let fresh = keys::new_token();
    match admin::impersonate(
        store,
        admin,
        user.id,
        keys::hash(old),
        keys::hash(&fresh),
        &visit.id,
    )
    .await
    {
        Ok(_) => {
            visit.set_cookie(Kind::Session, fresh);
            Ok(see_other("/"))
        }
        Err(error) => refused(visit, error, &search_text),
    }
}

async fn delete(visit: &Visit, admin: &Admin, username: &str) -> Result<HttpResponse, Failure> {
    let (store, search_text) = (visit.app.store()?, visit.form.text("found"));
    let Some(user) = admin::find_user(store, admin, username).await? else {
        return refused(visit, AdminError::NotFound, &search_text);
    };
    match admin::delete_user(store, admin, user.id, &visit.id).await {
        Ok(done) => {
            visit.app.queue.wake(Job::Publish);
            let records = pluralize(u64::from(done.records), "record leaves", "records leave");
            visit.leave_flash(&[(
                FlashKind::Done,
                format!("User was deleted: {}. {records} the zone.", user.username),
            )]);
            Ok(see_other(&list_href(&search_text, 1)))
        }
        Err(error) => refused(visit, error, &search_text),
    }
}

fn tried_again(visit: &Visit, found: bool) -> HttpResponse {
    let done = (FlashKind::Done, "It is tried again now.".to_owned());
    let nothing = (
        FlashKind::Note,
        "There is nothing left to try again there.".to_owned(),
    );
    visit.leave_flash(&[if found { done } else { nothing }]);
    see_other("/admin")
}

/// Back to the list, with the reason.
fn refused(visit: &Visit, error: AdminError, search_text: &str) -> Result<HttpResponse, Failure> {
    let words = match error {
        AdminError::Oneself => "That is your own account.".to_owned(),
        AdminError::IsAdmin => "Admins are not impersonated.".to_owned(),
        AdminError::NoLabel => {
            "They have not chosen a domain yet, so there is nothing to see.".to_owned()
        }
        AdminError::NotFound => {
            "There is nobody with that user name, or the account is suspended.".to_owned()
        }
        AdminError::SignInAgain => format!(
            "Other people's accounts are only touched within {} hours of signing in. Sign out, sign in again, and do it then.",
            FRESH_MS / (60 * MINUTE_MS)
        ),
        AdminError::NoLongerAdmin => return Ok(see_other("/")),
        AdminError::Db(fault) => return Err(fault.into()),
    };
    visit.leave_flash(&[(FlashKind::Failed, words)]);
    Ok(see_other(&list_href(search_text, 1)))
}

/// What deleting this person does, one sentence each.
fn words_of(visit: &Visit, user: &User, ahead: &DeletionPreview) -> Vec<String> {
    let mut words = vec![match ahead.records {
        0 => "They have no DNS records.".to_owned(),
        n => format!(
            "{} the zone at once, and cannot be brought back from these pages.",
            pluralize(n, "record leaves", "records leave")
        ),
    }];
    if ahead.certificates > 0 {
        let owed = pluralize(
            ahead.certificates,
            "certificate of theirs is revoked soon",
            "certificates of theirs are revoked soon",
        );
        words.push(format!(
            "{owed}, so that no server can go on using it; private keys are destroyed here."
        ));
    }
    if ahead.order {
        words.push("Their certificate that is being ordered is given up.".to_owned());
    }
    if ahead.sessions > 0 {
        words.push(format!(
            "{} at once.",
            pluralize(
                ahead.sessions,
                "session of theirs ends",
                "sessions of theirs end"
            )
        ));
    }
    if ahead.mails > 0 {
        words.push(format!(
            "{} sent any more.",
            pluralize(ahead.mails, "mail to them is not", "mails to them are not")
        ));
    }
    words.push(
        "Their name and e-mail address are forgotten here; the audit trail keeps the user name."
            .to_owned(),
    );
    if let Some(label) = &user.label {
        let domain = visit.app.config.root_domain.base(label);
        words.push(format!(
            "The domain {domain} stays theirs: nobody else can ever have it."
        ));
    }
    // Whoever is suspended stays so.
    if !ahead.suspended {
        words.push("They may sign in again, and begin anew. Deleting is not a ban.".to_owned());
    }
    words
}

fn line(line: TrailLine) -> TrailItem {
    TrailItem {
        at: line.at.rfc3339(),
        actor: line.actor,
        on_behalf_of: line.on_behalf_of,
        action: line.action,
        object: line.object,
        detail: line.detail,
        request_id: line.request_id,
    }
}

fn query(visit: &Visit) -> Result<Form, Failure> {
    Form::parse(visit.req.query_string().as_bytes())
}

fn page_of(query: &Form) -> u32 {
    query
        .get("page")
        .and_then(|page| page.parse().ok())
        .filter(|page| *page > 0)
        .unwrap_or(1)
}

/// The list of people that this search finds.
fn list_href(search_text: &str, page: u32) -> String {
    match (search_text, page) {
        ("", _) => "/admin".to_owned(),
        (text, 1) => format!("/admin?{}", written(&[("searchText", text)])),
        (text, page) => {
            format!(
                "/admin?{}",
                written(&[("searchText", text), ("page", &page.to_string())])
            )
        }
    }
}

fn trail_href(filter: &TrailFilter, before: Option<i64>) -> String {
    let before = before.map(|id| id.to_string()).unwrap_or_default();
    let all = [
        ("person", &filter.user),
        ("action", &filter.action),
        ("object", &filter.object),
        ("before", &before),
    ];
    let kept: Vec<(&str, &str)> = all
        .iter()
        .filter(|(_, text)| !text.is_empty())
        .map(|(name, text)| (*name, text.as_str()))
        .collect();
    if kept.is_empty() {
        "/admin/trail".to_owned()
    } else {
        format!("/admin/trail?{}", written(&kept))
    }
}

fn written(pairs: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish()
}
