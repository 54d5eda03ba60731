//! `history/`: every change of the user's records.

use std::rc::Rc;

use actix_web::HttpResponse;
use schemars::{JsonSchema, SchemaGenerator};
use serde::Serialize;
use starchart_domain::record::RecordId;

use super::operation::{Answer, CURSOR, Content, Group, Operation, Parameter, Place, Values};
use super::paging::{PAGE_SIZE, Page};
use crate::actions::{self, HistoryAction, HistoryEntry, HistoryFilter, HistoryId, RecordVersion};
use crate::actor::User;
use crate::api::request::query;
use crate::context::RequestContext;
use crate::errors::Failure;

/// A change of a record.
#[derive(Debug, Serialize, JsonSchema)]
struct Change {
    /// Its number; they grow with time.
    id: i64,
    /// The number of the record.
    record: i64,
    /// `create`, `restore`, `edit`, `renew`, `delete`, `expiry` or `user-deleted`.
    action: &'static str,
    /// When it was made.
    at: String,
    /// The admin who made it in your place.
    admin: Option<String>,
    /// The token by which it was made: name and prefix. None for a page.
    token: Option<String>,
    /// The record before it, unless it was created.
    before: Option<Version>,
    /// The record after it, unless it was gone.
    after: Option<Version>,
}

/// What a record was.
#[derive(Debug, Serialize, JsonSchema)]
struct Version {
    /// The whole name, with a final dot.
    name: String,
    /// The type, such as `AAAA`.
    r#type: String,
    /// The value in presentation format.
    value: String,
    /// The TTL in seconds.
    ttl: u32,
    /// Your note about ports.
    ports: Option<String>,
    /// Your note about a course.
    course: Option<String>,
    /// Your note about its purpose.
    description: Option<String>,
    /// When it would have expired.
    expires: String,
}

pub(crate) static LIST: Operation = Operation {
    group: Group::Records,
    summary: "List the changes of records",
    description: "The newest first, in pages.",
    right: "records: read",
    parameters: &[
        CURSOR,
        Parameter {
            name: "record",
            place: Place::Query,
            values: Values::Number,
            description: "Only changes of the record with this number.",
        },
    ],
    request: None,
    answers: &[
        Answer {
            status: 200,
            description: "The changes of records that the token may read.",
            content: Content::Json(SchemaGenerator::subschema_for::<Vec<Change>>),
        },
        Answer {
            status: 400,
            description: "The cursor or the number is none.",
            content: Content::Problem,
        },
    ],
};

/// Answers `GET /api/v1/history/` with a token.
pub(crate) async fn list(context: Rc<RequestContext>, user: User) -> Result<HttpResponse, Failure> {
    let query = query(&context)?;
    let number = |name, reason| match query.get(name).filter(|text| !text.is_empty()) {
        None => Ok(None),
        Some(text) => text
            .parse()
            .map(Some)
            .map_err(|_| Failure::BadRequest(reason)),
    };
    let filter = HistoryFilter {
        record: number("record", "the record is no number")?.map(RecordId),
        up_to: number("cursor", "the cursor is none of this list")?.map(HistoryId),
    };
    let limit = u32::try_from(PAGE_SIZE).unwrap_or(u32::MAX);
    let store = context.app.store()?;
    let (entries, next) = actions::list_changes(store, &user, filter, limit).await?;
    let next = next.map(|id| id.0.to_string());
    let page = Page::with_next(&context, entries, next.as_deref());
    Ok(page.respond(Change::new))
}

impl Change {
    fn new(entry: HistoryEntry) -> Self {
        Self {
            id: entry.id.0,
            record: entry.record_id.0,
            action: word(entry.action),
            at: entry.at.rfc3339(),
            admin: entry.admin,
            token: entry.token,
            before: entry.before.map(Version::new),
            after: entry.after.map(Version::new),
        }
    }
}

impl Version {
    fn new(version: RecordVersion) -> Self {
        Self {
            name: format!("{}.", version.name),
            r#type: version.rtype.to_string(),
            value: version.presentation,
            ttl: version.ttl.as_seconds(),
            ports: version.ports,
            course: version.course,
            description: version.description,
            expires: version.expires_at.rfc3339(),
        }
    }
}

fn word(action: HistoryAction) -> &'static str {
    match action {
        HistoryAction::Create => "create",
        HistoryAction::Restore => "restore",
        HistoryAction::Edit => "edit",
        HistoryAction::Renew => "renew",
        HistoryAction::Delete => "delete",
        HistoryAction::Expiry => "expiry",
        HistoryAction::UserDeleted => "user-deleted",
    }
}
