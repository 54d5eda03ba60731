//! What the name servers answer for a record, and the command to ask them.

use std::rc::Rc;

use actix_web::HttpResponse;
use askama::Template;
use starchart_domain::time::Timestamp;
use starchart_domain::ttl::Ttl;
use starchart_domain::zone_file;
use starchart_store::lookups::{self, Answer, Lookup, ServerAnswer, ServerKind};
use starchart_store::records::{self, HistoryFilter, Record};

use super::list::missing_record;
use super::{dig_command, find_own, path_id, poll_for_s, state};
use crate::actions;
use crate::actor::User;
use crate::context::RequestContext;
use crate::errors::Failure;
use crate::pages::{Layout, filters};
use crate::responses::{self, see_other};

/// How many changes of the record are looked at for the TTL that it had.
const CHANGES: u64 = 50;
const MINUTE_MS: i64 = 60 * 1_000;

/// `GET /dns-records/{id}/lookup`: what the name servers answer, and the command to ask them.
#[derive(Debug, Clone, Template)]
#[template(path = "records/lookup.html")]
pub(crate) struct LookupPage {
    pub(crate) layout: Layout,
    pub(crate) record: Record,
    /// Host and port of the name server to ask, when it is not the public DNS.
    pub(crate) server: Option<(String, u16)>,
    /// For how many seconds the page polls for the state; 0 when nothing changed recently.
    pub(crate) poll_for_s: u32,
    /// What the world answered, when it was asked.
    pub(crate) world: Option<Lookup>,
    /// The longest TTL of before a change that resolvers may still remember.
    pub(crate) replaced_ttl: Option<Ttl>,
}

/// What a server answered, as a line of the page.
#[derive(Debug, Clone, PartialEq, Eq)]
struct ServerLine<'a> {
    server: &'a str,
    kind: &'static str,
    answer: String,
    /// Whether the server answered at all.
    has_answer: bool,
    /// Whether the answer has the record as it is saved.
    is_current: bool,
    /// The time of the day until which an answer without the record may be remembered.
    until: Option<String>,
}

impl<'a> ServerLine<'a> {
    fn new(answered: &'a ServerAnswer, record: &Record, asked_at: Timestamp) -> Self {
        let is_resolver = answered.kind == ServerKind::Resolver;
        // A resolver's TTL counts down, so only a name server's is compared.
        let other_ttl = answered.ttl_s.and_then(Ttl::from_seconds);
        let other_ttl = other_ttl.filter(|ttl| !is_resolver && *ttl != record.ttl);
        let (answer, is_current) = match &answered.answer {
            Answer::Values(values) if values.is_empty() => ("no such record".to_owned(), false),
            Answer::Values(values) if values.contains(&record.presentation) => match other_ttl {
                Some(ttl) => (format!("{} with the TTL {ttl}", values.join(", ")), false),
                None => (values.join(", "), true),
            },
            Answer::Values(values) => (values.join(", "), false),
            Answer::Failed(why) => (format!("no answer: {why}"), false),
        };
        // A name server answers from its own data. Rounded up to the minute.
        let ttl_s = answered.ttl_s.filter(|_| is_resolver && !is_current);
        let until = ttl_s.map(|ttl| {
            asked_at
                .plus(i64::from(ttl) * 1_000 + MINUTE_MS)
                .to_minute()
        });
        Self {
            server: &answered.server,
            kind: if is_resolver {
                "resolver"
            } else {
                "name server"
            },
            answer,
            has_answer: !matches!(answered.answer, Answer::Failed(_)),
            is_current,
            // The day is said only if it is another one.
            until: until.map(|minute| match minute.strip_prefix(&asked_at.date()) {
                Some(time) => time.trim_start().to_owned(),
                None => minute,
            }),
        }
    }
}

impl LookupPage {
    fn state_meaning(&self) -> String {
        state::meaning(&self.record.state, self.layout.provider)
    }

    fn is_asking(&self) -> bool {
        self.world.as_ref().is_some_and(|world| world.is_pending)
    }

    /// Returns a line for each server that was asked.
    fn lines(&self) -> Vec<ServerLine<'_>> {
        let Some(Lookup {
            asked_at: Some(at),
            answers,
            ..
        }) = &self.world
        else {
            return Vec::new();
        };
        answers
            .iter()
            .map(|answered| ServerLine::new(answered, &self.record, *at))
            .collect()
    }

    /// Returns the record as a line of a zone file.
    fn zone_line(&self) -> String {
        let Record {
            name,
            rtype,
            presentation,
            ttl,
            ..
        } = &self.record;
        zone_file::write_record(name, ttl.as_seconds(), *rtype, presentation)
    }

    fn dig_command(&self) -> String {
        dig_command(&self.record.name, self.record.rtype, self.server.as_ref())
    }

    fn here(&self) -> String {
        self.layout.list.href_of(&self.layout.path)
    }
}

/// Shows what the name servers answered for a record, and the command to ask them
/// (`GET /dns-records/{id}/lookup`).
pub(crate) async fn lookup(
    context: Rc<RequestContext>,
    user: User,
) -> Result<HttpResponse, Failure> {
    let Some(record) = find_own(&context, &user).await? else {
        return missing_record(&context, &user).await;
    };
    let now = context.app.store()?.now().await?;
    let poll_for_s = poll_for_s(std::slice::from_ref(&record), now);
    let server = context.app.config.lookup_server.clone();
    let world = lookups::find(context.app.store()?, &record.name, record.rtype).await?;
    let filter = HistoryFilter {
        record: Some(record.id),
        ..HistoryFilter::default()
    };
    let changes = records::list_history(context.app.store()?, user.id, filter, CHANGES).await?;
    let replaced_ttl = changes
        .iter()
        .filter_map(|entry| Some((entry.at, entry.before.as_ref()?.ttl)))
        .filter(|(at, ttl)| now.since(*at) <= i64::from(ttl.as_seconds()) * 1_000)
        .map(|(_, ttl)| ttl)
        .max();
    responses::ok(&LookupPage {
        layout: context.layout(),
        record,
        server,
        poll_for_s,
        world,
        replaced_ttl,
    })
}

/// Has the servers asked (`POST /dns-records/{id}/lookup`) and shows the page, which waits for the
/// answers.
pub(crate) async fn request_lookup(
    context: Rc<RequestContext>,
    user: User,
) -> Result<HttpResponse, Failure> {
    let id = path_id(&context)?;
    let app = &context.app;
    actions::request_lookup(app.store()?, &*app.queue, context.caller(&user), id).await?;
    let page = context.list_query();
    let page = page.href_of(format!("/dns-records/{id}/lookup"));
    Ok(see_other(&format!("{page}#world")))
}
