//! The admins' pages: what needs attention, people, and the audit trail.

use std::rc::Rc;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use starchart_domain::time::Timestamp;
use starchart_jobs::Job;
use starchart_store::admin::{
    self, AdminError, Attention, CertificateStatus, Consequences, FRESH_MS, PAGE_ROWS, PersonRow, TrailFilter, TrailLine,
};
use starchart_store::users::User;
use starchart_store::zone::{AuditResult, AuditRow};

use crate::actor::Admin;
use crate::cookies::Kind;
use crate::errors::Failure;
use crate::forms::Form;
use crate::keys;
use crate::limits::Counted;
use crate::redirects::see_other;
use crate::views::{
    AdminDeletePage, AdminPage, AttentionItem, AttentionKind, FlashKind, PeopleFound, PersonItem, TrailItem, TrailLines,
};
use crate::visit::{self, Visit};

/// Letters of a search at least.
const SEARCH_MIN: usize = 3;
/// Publishing is late when a name has waited for this long, in milliseconds.
const LATE_MS: i64 = MINUTE_MS;
/// Mail is late when one has waited for this long.
const MAIL_LATE_MS: i64 = 60 * MINUTE_MS;
const MINUTE_MS: i64 = 60 * 1_000;

/// `GET /admin`; with `searchText` also the people it finds.
pub(crate) async fn show(visit: Rc<Visit>, admin: Admin) -> Result<HttpResponse, Failure> {
    let query = query(&visit)?;
    let store = visit.app.store()?;
    let search_text = query.text("searchText").trim().to_owned();
    let too_short = search_text.chars().count() < SEARCH_MIN;
    let fault = (too_short && !search_text.is_empty()).then(|| format!("Type {SEARCH_MIN} letters or more."));
    let found = if too_short { None } else { Some(find(&visit, &admin, &search_text, page_of(&query)).await?) };
    let totals = admin::totals(store, &admin).await?;
    let attention = admin::attention(store, &admin).await?;
    let status = if fault.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let page = AdminPage {
        shell: visit.shell(),
        users: totals.users,
        certificates: totals.certificates,
        records: totals.records,
        publishing: publishing(&attention),
        attention: items(attention),
        search_text,
        fault,
        found,
    };
    visit::page(status, &page)
}

/// `POST /admin`: the intent says what.
pub(crate) async fn act(visit: Rc<Visit>, admin: Admin) -> Result<HttpResponse, Failure> {
    let field = |name| visit.form.get(name).ok_or(Failure::Unprocessable("a missing field"));
    match visit.form.get("intent").unwrap_or_default() {
        "search-users" => Ok(see_other(&list_href(field("searchText")?.trim(), 1))),
        "impersonate-user" => impersonate(&visit, &admin, field("newEffectiveUsername")?).await,
        "delete-user" => delete(&visit, &admin, field("username")?).await,
        "retry-record" => {
            let found = admin::retry_name(visit.app.store()?, &admin, field("item")?, &visit.id).await?;
            visit.app.queue.wake(Job::Publish);
            Ok(tried_again(&visit, found))
        }
        "retry-mail" => {
            let id = field("item")?.parse().map_err(|_| Failure::Unprocessable("no id"))?;
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
    let user = admin::find(store, &admin, &query.text("username")).await?.ok_or(Failure::NotFound)?;
    if user.id == admin.id() {
        return refused(&visit, AdminError::Oneself, &search_text);
    }
    let ahead = admin::consequences(store, &admin, user.id).await?;
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
    let filter = TrailFilter { person: text("person"), action: text("action"), object: text("object") };
    let before = query.get("before").map(|id| id.parse().map_err(|_| Failure::NotFound)).transpose()?;
    let page = admin::trail(visit.app.store()?, &admin, &filter, before).await?;
    let older = page.older.map(|id| trail_href(&filter, Some(id)));
    let lines = page.lines.into_iter().map(line).collect();
    let newest = trail_href(&filter, None);
    let TrailFilter { person, action, object } = filter;
    visit::ok(&TrailLines { shell: visit.shell(), lines, person, action, object, is_older: before.is_some(), newest, older })
}

async fn find(visit: &Visit, admin: &Admin, text: &str, page: u32) -> Result<PeopleFound, Failure> {
    visit.app.limits.take(Counted::Search(admin.id())).await?;
    // A name as a complaint quotes it: whose is it?
    let label = visit.app.config.root_domain.label_of(text);
    let wanted = label.as_ref().map_or(text, |label| label.as_str());
    let found = admin::search(visit.app.store()?, admin, wanted, page - 1).await?;
    let pages = u32::try_from(found.total.div_ceil(u64::from(PAGE_ROWS))).unwrap_or(u32::MAX).max(1);
    Ok(PeopleFound {
        people: found.rows.into_iter().map(|row| person(visit, admin, row, text)).collect(),
        total: found.total,
        page,
        pages,
        before: (page > 1).then(|| list_href(text, (page - 1).min(pages))),
        after: (page < pages).then(|| list_href(text, page + 1)),
    })
}

fn person(visit: &Visit, admin: &Admin, row: PersonRow, text: &str) -> PersonItem {
    let PersonRow { user, suspended, records, certificate } = row;
    let own = user.id == admin.id();
    let no_impersonation = match () {
        () if own => Some("That is you."),
        () if user.groups.admin => Some("Admins are not impersonated."),
        () if suspended => Some("This account is suspended."),
        () if user.label.is_none() => Some("They have not chosen a domain yet, so there is nothing to see."),
        () => None,
    };
    let marks = [(user.groups.admin, "admin"), (suspended, "suspended")];
    PersonItem {
        id: user.id.0,
        domain: user.label.as_ref().map(|label| visit.app.config.root_domain.base(label).to_string()),
        records,
        certificate: match certificate {
            CertificateStatus::None => "none".to_owned(),
            CertificateStatus::Pending => "pending".to_owned(),
            CertificateStatus::Issued { until } => format!("issued, until {}", until.date()),
            CertificateStatus::Failed => "failed".to_owned(),
        },
        marks: marks.into_iter().filter(|(is, _)| *is).map(|(_, word)| word).collect(),
        no_impersonation,
        no_deletion: own.then_some("That is you."),
        delete_href: format!("/admin/delete?{}", written(&[("username", &user.username), ("searchText", text)])),
        email: user.email,
        name: user.display_name,
        username: user.username,
    }
}

async fn impersonate(visit: &Visit, admin: &Admin, username: &str) -> Result<HttpResponse, Failure> {
    let (store, search_text) = (visit.app.store()?, visit.form.text("found"));
    let Some(user) = admin::find(store, admin, username).await? else {
        return refused(visit, AdminError::NotFound, &search_text);
    };
    let old = visit.session_token.as_deref().ok_or(Failure::Internal("an admin without a session"))?;
    let fresh = keys::new_token();
    match admin::impersonate(store, admin, user.id, keys::hash(old), keys::hash(&fresh), &visit.id).await {
        Ok(_) => {
            visit.set_cookie(Kind::Session, fresh);
            Ok(see_other("/"))
        }
        Err(error) => refused(visit, error, &search_text),
    }
}

async fn delete(visit: &Visit, admin: &Admin, username: &str) -> Result<HttpResponse, Failure> {
    let (store, search_text) = (visit.app.store()?, visit.form.text("found"));
    let Some(user) = admin::find(store, admin, username).await? else {
        return refused(visit, AdminError::NotFound, &search_text);
    };
    match admin::delete(store, admin, user.id, &visit.id).await {
        Ok(done) => {
            visit.app.queue.wake(Job::Publish);
            let records = count(u64::from(done.records), "record leaves", "records leave");
            visit.leave_flash(&[(FlashKind::Done, format!("User was deleted: {}. {records} the zone.", user.username))]);
            Ok(see_other(&list_href(&search_text, 1)))
        }
        Err(error) => refused(visit, error, &search_text),
    }
}

fn tried_again(visit: &Visit, found: bool) -> HttpResponse {
    let done = (FlashKind::Done, "It is tried again now.".to_owned());
    let nothing = (FlashKind::Note, "There is nothing left to try again there.".to_owned());
    visit.leave_flash(&[if found { done } else { nothing }]);
    see_other("/admin")
}

/// Back to the list, with the reason.
fn refused(visit: &Visit, error: AdminError, search_text: &str) -> Result<HttpResponse, Failure> {
    let words = match error {
        AdminError::Oneself => "That is your own account.".to_owned(),
        AdminError::IsAdmin => "Admins are not impersonated.".to_owned(),
        AdminError::NoLabel => "They have not chosen a domain yet, so there is nothing to see.".to_owned(),
        AdminError::NotFound => "There is nobody with that user name, or the account is suspended.".to_owned(),
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
fn words_of(visit: &Visit, user: &User, ahead: &Consequences) -> Vec<String> {
    let mut words = vec![match ahead.records {
        0 => "They have no DNS records.".to_owned(),
        n => format!(
            "{} the zone at once, and cannot be brought back from these pages.",
            count(n, "record leaves", "records leave")
        ),
    }];
    if ahead.certificates > 0 {
        let owed =
            count(ahead.certificates, "certificate of theirs is revoked soon", "certificates of theirs are revoked soon");
        words.push(format!("{owed}, so that no server can go on using it; private keys are destroyed here."));
    }
    if ahead.order {
        words.push("Their certificate that is being ordered is given up.".to_owned());
    }
    if ahead.sessions > 0 {
        words.push(format!("{} at once.", count(ahead.sessions, "session of theirs ends", "sessions of theirs end")));
    }
    if ahead.mails > 0 {
        words.push(format!("{} sent any more.", count(ahead.mails, "mail to them is not", "mails to them are not")));
    }
    words.push("Their name and e-mail address are forgotten here; the audit trail keeps the user name.".to_owned());
    if let Some(label) = &user.label {
        let domain = visit.app.config.root_domain.base(label);
        words.push(format!("The domain {domain} stays theirs: nobody else can ever have it."));
    }
    // Whoever is suspended stays so.
    if !ahead.suspended {
        words.push("They may sign in again, and begin anew. Deleting is not a ban.".to_owned());
    }
    words
}

fn publishing(attention: &Attention) -> String {
    match (attention.waiting, attention.waited_ms) {
        (0, _) | (_, None) if attention.refused_total == 0 => "Every name is published as wanted.".to_owned(),
        (0, _) | (_, None) => "Every name is published as wanted, but for those below.".to_owned(),
        (n, Some(ms)) => {
            let names = count(n, "name waits", "names wait");
            format!("{names} to be published; the oldest has waited for {}.", span(ms))
        }
    }
}

fn items(attention: Attention) -> Vec<AttentionItem> {
    let note = |title: &str, thing: String, reason: &str| AttentionItem {
        kind: AttentionKind::Note,
        item: String::new(),
        title: title.to_owned(),
        thing,
        who: None,
        reason: reason.to_owned(),
        when: String::new(),
    };
    let mut items = Vec::new();
    if let Some(pause) = &attention.paused {
        let words = "Nothing is published until an operator approves the plan: starchart reconcile --dry-run prints it, and the \
             command that lets it be done.";
        let when = when(Some(pause.since), None);
        items.push(AttentionItem { when, ..note("Publishing is paused", pause.reason.clone(), words) });
    } else if let Some(ms) = attention.waited_ms.filter(|ms| *ms > LATE_MS) {
        let words = "Names should be published within seconds. Look whether the worker runs and Route53 answers.";
        items.push(note("Publishing is late", span(ms), words));
    }
    items.extend(attention.audit.into_iter().flat_map(|audit| audit_items(audit, note)));
    if attention.revocations_owed > 0 {
        let owed = count(attention.revocations_owed, "certificate", "certificates");
        items.push(note("Revocation owed", owed, "Of people who were deleted."));
    }
    if let Some(ms) = attention.mail_waited_ms.filter(|ms| *ms > MAIL_LATE_MS) {
        items.push(note("Mail is late", span(ms), "Look whether the worker runs and the mail server answers."));
    }
    let (names, mails) = (attention.refused_total, attention.mails.failed);
    let (shown_names, shown_mails) = (attention.refused.len() as u64, attention.failed_mails.len() as u64);
    items.extend(attention.refused.into_iter().map(|name| AttentionItem {
        kind: AttentionKind::Name,
        title: "Refused record".to_owned(),
        when: when(name.since, name.next_try),
        item: name.fqdn.clone(),
        thing: name.fqdn,
        who: Some(name.username),
        reason: name.reason,
    }));
    if names > shown_names {
        items.push(note("Refused record", count(names - shown_names, "more name", "more names"), ""));
    }
    items.extend(attention.failed_mails.into_iter().map(|mail| AttentionItem {
        kind: AttentionKind::Mail,
        item: mail.id.to_string(),
        title: "Mail not sent".to_owned(),
        thing: mail.address,
        who: Some(mail.username).filter(|name| !name.is_empty()),
        reason: format!("{}: {}", mail.kind.as_str().replace('_', " "), mail.refusal),
        when: when(Some(mail.failed_at), None),
    }));
    if mails > shown_mails {
        items.push(note("Mail not sent", count(mails - shown_mails, "more mail", "more mails"), ""));
    }
    items.extend(attention.stuck_orders.into_iter().map(|order| AttentionItem {
        title: "Certificate order does not move".to_owned(),
        who: Some(order.username),
        when: when(Some(order.since), Some(order.next_try)),
        ..note(
            "",
            order.domain,
            &format!("Step {}, begun {} times. {}", order.step, order.starts, order.problem.unwrap_or_default()),
        )
    }));
    items
}

/// What an audit of the zone left for an operator.
fn audit_items(audit: AuditRow, note: impl Fn(&str, String, &str) -> AttentionItem) -> Vec<AttentionItem> {
    let mut items = Vec::new();
    if let Some((at, problem)) = audit.problem {
        let when = when(Some(at), None);
        items.push(AttentionItem { when, ..note("The zone cannot be audited", String::new(), &problem) });
    }
    if let Some((_, AuditResult { refused_because: Some(why), plan_hash, creates, deletes, replaces, .. })) = audit.last {
        let hash = plan_hash.get(..12).unwrap_or(&plan_hash);
        let words = format!(
            "{why}: {creates} to create, {deletes} to delete, {replaces} to replace. Nothing of it is done. Look at it with starchart \
             reconcile --dry-run; starchart reconcile --approve {hash} lets it be done."
        );
        let when = when(audit.refused_since, None);
        items.push(AttentionItem { when, ..note("The zone differs from the database", format!("plan {hash}"), &words) });
    }
    items
}

fn when(since: Option<Timestamp>, next_try: Option<Timestamp>) -> String {
    let since = since.map(|at| format!("since {}", minute(at)));
    let next = next_try.map(|at| format!("tried again at {}", minute(at)));
    since.into_iter().chain(next).collect::<Vec<_>>().join(", ")
}

/// Date and time to the minute.
fn minute(at: Timestamp) -> String {
    let text = at.rfc3339();
    format!("{} {} UTC", text.get(..10).unwrap_or_default(), text.get(11..16).unwrap_or_default())
}

fn span(ms: i64) -> String {
    match u64::try_from(ms / 1_000).unwrap_or_default() {
        seconds @ 0..=119 => count(seconds, "second", "seconds"),
        seconds @ 120..=7_199 => format!("{} minutes", seconds / 60),
        seconds => format!("{} hours", seconds / 3_600),
    }
}

fn count(n: u64, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
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
    query.get("page").and_then(|page| page.parse().ok()).filter(|page| *page > 0).unwrap_or(1)
}

/// The list of people that this search finds.
fn list_href(search_text: &str, page: u32) -> String {
    match (search_text, page) {
        ("", _) => "/admin".to_owned(),
        (text, 1) => format!("/admin?{}", written(&[("searchText", text)])),
        (text, page) => format!("/admin?{}", written(&[("searchText", text), ("page", &page.to_string())])),
    }
}

fn trail_href(filter: &TrailFilter, before: Option<i64>) -> String {
    let before = before.map(|id| id.to_string()).unwrap_or_default();
    let all = [("person", &filter.person), ("action", &filter.action), ("object", &filter.object), ("before", &before)];
    let kept: Vec<(&str, &str)> =
        all.iter().filter(|(_, text)| !text.is_empty()).map(|(name, text)| (*name, text.as_str())).collect();
    if kept.is_empty() { "/admin/trail".to_owned() } else { format!("/admin/trail?{}", written(&kept)) }
}

fn written(pairs: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}
