//! `account/`: the user and the limits.

use std::rc::Rc;

use actix_web::HttpResponse;
use schemars::{JsonSchema, SchemaGenerator};
use serde::Serialize;

use super::operation::{Answer, Content, Group, Operation};
use crate::actions;
use crate::actor::User;
use crate::context::RequestContext;
use crate::errors::Failure;

/// The user whose token the request has.
#[derive(Debug, Serialize, JsonSchema)]
struct AccountShape {
    /// The name of the user at the school.
    username: String,
    /// The domain, without a final dot.
    domain: String,
    /// When the user signed in for the first time.
    created: String,
    /// How many records there are that the token may read.
    records: u32,
    /// How many there may be in all; null without a limit.
    records_limit: Option<u32>,
    /// The TTLs that are allowed.
    ttl: TtlShape,
}

/// The limits of TTLs, in seconds.
#[derive(Debug, Serialize, JsonSchema)]
struct TtlShape {
    /// The shortest TTL, in seconds.
    min: u32,
    /// The longest TTL, in seconds.
    max: u32,
    /// That of a new RRset whose TTL is left out.
    default: u32,
}

pub(crate) static SHOW: Operation = Operation {
    group: Group::Account,
    summary: "Show the account",
    description: "",
    right: "any",
    parameters: &[],
    request: None,
    answers: &[Answer {
        status: 200,
        description: "The account.",
        content: Content::Json(SchemaGenerator::subschema_for::<AccountShape>),
    }],
};

/// Answers `GET /api/v1/account/` with a token.
pub(crate) async fn show(context: Rc<RequestContext>, user: User) -> Result<HttpResponse, Failure> {
    let account = actions::load_account(context.app.store()?, &user).await?;
    let limits = &context.app.config.limits;
    Ok(HttpResponse::Ok().json(AccountShape {
        username: account.user.username,
        domain: user.base.to_string(),
        created: account.user.created_at.rfc3339(),
        records: account.records,
        records_limit: limits.records_per_user,
        ttl: TtlShape {
            min: limits.ttl.min.as_seconds(),
            max: limits.ttl.max.as_seconds(),
            default: limits.ttl.default.as_seconds(),
        },
    }))
}
