//! A record as JSON.

use schemars::JsonSchema;
use serde::Serialize;
use starchart_domain::publish::PublishState;
use starchart_domain::time::Timestamp;

use crate::actions::Record;
use crate::actor::User;
use crate::context::RequestContext;

/// A record as the API shows it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Record")]
pub(in crate::api::rest) struct RecordShape {
    /// Its number, which it keeps.
    id: i64,
    /// The URL of the record.
    pub(super) url: String,
    /// The whole name, with a final dot.
    name: String,
    /// The name before the domain; empty for the domain itself, and for a name from before every
    /// user had a domain.
    subname: String,
    /// The type, such as `AAAA`.
    r#type: String,
    /// The value in presentation format.
    value: String,
    /// The TTL in seconds, which all records of the name and type have.
    ttl: u32,
    /// Your note about ports.
    ports: Option<String>,
    /// Your note about a course.
    course: Option<String>,
    /// Your note about its purpose.
    description: Option<String>,
    /// When it was created.
    created: String,
    /// When it was last changed or renewed.
    touched: String,
    /// When it expires, unless it is renewed or changed.
    expires: String,
    /// The day, in UTC, until whose end it is kept.
    kept_until: String,
    /// How far it is published.
    state: StateShape,
    /// What may not be what you meant, after a change.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) warnings: Vec<String>,
}

/// How far a record is published.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "State")]
pub(in crate::api::rest) struct StateShape {
    /// `saved`, `paused`, `sent`, `in_sync`, `answering`, `answered` or `refused`.
    key: &'static str,
    /// The same in words, with the reason of a refusal.
    text: String,
    /// Whether all name servers of the zone have it.
    in_sync: bool,
    /// Whether it will not change soon.
    settled: bool,
}

impl RecordShape {
    pub(super) fn new(
        context: &RequestContext,
        user: &User,
        record: &Record,
        now: Timestamp,
    ) -> Self {
        let subname = user.base.relative(&record.name).unwrap_or_default();
        Self {
            id: record.id.0,
            url: format!("{}/api/v1/records/{}/", context.app.origin(), record.id),
            name: format!("{}.", record.name),
            subname: subname.to_owned(),
            r#type: record.rtype.to_string(),
            value: record.presentation.clone(),
            ttl: record.ttl.as_seconds(),
            ports: record.ports.clone(),
            course: record.course.clone(),
            description: record.description.clone(),
            created: record.created_at.rfc3339(),
            touched: record.updated_at.rfc3339(),
            expires: record.expires_at.rfc3339(),
            kept_until: record.last_day(now).date(),
            state: StateShape::new(&record.state, context.app.config.dns_provider),
            warnings: Vec::new(),
        }
    }
}

impl StateShape {
    pub(in crate::api::rest) fn new(state: &PublishState, provider: &str) -> Self {
        Self {
            key: state.key(),
            text: state.describe(provider),
            in_sync: state.is_in_sync(),
            settled: state.is_settled(),
        }
    }
}
