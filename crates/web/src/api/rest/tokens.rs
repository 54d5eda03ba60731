//! `auth/tokens/`: the token of the request, in deSEC's shape. A token sees and ends itself only
//! ([decision 11](../../../../../docs/decisions/0011-tokens-manage-no-tokens.md)).

use std::rc::Rc;

use actix_web::HttpResponse;
use schemars::{JsonSchema, SchemaGenerator};
use serde::Serialize;
use serde_json::Value;
use starchart_domain::token::{TokenId, TokenRights};

use super::operation::{Answer, Content, Group, Operation};
use crate::actions::{self, Token};
use crate::actor::User;
use crate::context::RequestContext;
use crate::errors::Failure;

const SECOND_MS: i64 = 1_000;
const DAY_S: i64 = 24 * 60 * 60;

/// An API token, without its secret.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Token")]
struct TokenShape {
    /// The number of the token.
    id: String,
    /// When it was created.
    created: String,
    /// When it was last used.
    last_used: Option<String>,
    /// What its owner calls it.
    name: String,
    /// False: there is one domain.
    perm_create_domain: bool,
    /// False: there is one domain.
    perm_delete_domain: bool,
    /// False: tokens are created on their page.
    perm_manage_tokens: bool,
    /// The networks that it is accepted from.
    allowed_subnets: Vec<String>,
    /// False: there are no policies.
    auto_policy: bool,
    /// For how long it is valid from its creation: days, and the rest as hours, minutes, seconds.
    max_age: String,
    /// After which time without use it ends.
    max_unused_period: Option<String>,
    /// True: a token that is not valid sees nothing.
    is_valid: bool,
    /// The time at which it expires.
    expires: String,
    /// The first characters of its secret.
    prefix: String,
    /// The domain of its owner.
    domain: String,
    /// What it may do.
    #[schemars(with = "Value")]
    rights: TokenRights,
}

const ABSENT: Answer = Answer {
    status: 404,
    description: "It is not the token of the request.",
    content: Content::Problem,
};

pub(crate) static LIST: Operation = Operation {
    group: Group::Account,
    summary: "List the token of the request",
    description: "A token sees and ends itself only.",
    right: "any",
    parameters: &[],
    request: None,
    answers: &[Answer {
        status: 200,
        description: "The token.",
        content: Content::Json(SchemaGenerator::subschema_for::<Vec<TokenShape>>),
    }],
};

pub(crate) static SHOW: Operation = Operation {
    group: Group::Account,
    summary: "Show the token of the request",
    description: "",
    right: "any",
    parameters: &[],
    request: None,
    answers: &[
        Answer {
            status: 200,
            description: "The token.",
            content: Content::Json(SchemaGenerator::subschema_for::<TokenShape>),
        },
        ABSENT,
    ],
};

pub(crate) static END: Operation = Operation {
    group: Group::Account,
    summary: "End the token of the request",
    description: "",
    right: "any",
    parameters: &[],
    request: None,
    answers: &[
        Answer {
            status: 204,
            description: "The token has ended.",
            content: Content::Nothing,
        },
        ABSENT,
    ],
};

/// `GET /api/v1/auth/tokens/`: a list with the token of the request.
pub(crate) async fn list(context: Rc<RequestContext>, user: User) -> Result<HttpResponse, Failure> {
    let tokens = actions::list_tokens(context.app.store()?, &user).await?;
    let shown: Vec<TokenShape> = tokens.iter().map(|token| shape(token, &user)).collect();
    Ok(HttpResponse::Ok().json(shown))
}

/// `GET /api/v1/auth/tokens/{id}/`: the token of the request, by its id.
pub(crate) async fn show(context: Rc<RequestContext>, user: User) -> Result<HttpResponse, Failure> {
    let tokens = actions::list_tokens(context.app.store()?, &user).await?;
    let id = id(&context);
    let token = tokens.iter().find(|token| Some(token.id) == id);
    let token = token.ok_or(Failure::NotFound)?;
    Ok(HttpResponse::Ok().json(shape(token, &user)))
}

/// `DELETE /api/v1/auth/tokens/{id}/`: ends the token of the request.
pub(crate) async fn end(context: Rc<RequestContext>, user: User) -> Result<HttpResponse, Failure> {
    let id = id(&context).ok_or(Failure::NotFound)?;
    let caller = context.caller(&user);
    actions::end_token(context.app.store()?, caller, id).await?;
    Ok(HttpResponse::NoContent().finish())
}

fn id(context: &RequestContext) -> Option<TokenId> {
    let id = context.req.match_info().get("id")?;
    id.parse().ok().map(TokenId)
}

/// Writes a token as deSEC does, with members of our own for what deSEC's tokens do not have.
fn shape(token: &Token, user: &User) -> TokenShape {
    let subnets: Vec<String> = match token.networks.allow_all() {
        true => vec!["0.0.0.0/0".to_owned(), "::/0".to_owned()],
        false => token.networks.iter().map(ToString::to_string).collect(),
    };
    TokenShape {
        id: token.id.to_string(),
        created: token.created_at.rfc3339(),
        last_used: token.last_used.as_ref().map(|used| used.at.rfc3339()),
        name: token.name.clone(),
        perm_create_domain: false,
        perm_delete_domain: false,
        perm_manage_tokens: false,
        allowed_subnets: subnets,
        auto_policy: false,
        max_age: duration(token.expires_at.since(token.created_at)),
        max_unused_period: token.idle_ms.map(duration),
        is_valid: true,
        expires: token.expires_at.rfc3339(),
        prefix: token.prefix.clone(),
        domain: user.base.to_string(),
        rights: token.rights.clone(),
    }
}

/// Writes a duration as deSEC does: days, and the rest as hours, minutes and seconds.
fn duration(millis: i64) -> String {
    let seconds = millis / SECOND_MS;
    let (days, rest) = (seconds / DAY_S, seconds % DAY_S);
    let (hours, minutes, seconds) = (rest / 3_600, rest / 60 % 60, rest % 60);
    format!("{days} {hours:02}:{minutes:02}:{seconds:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_days_and_a_time() {
        assert_eq!(duration(90_061_000), "1 01:01:01");
        assert_eq!(duration(365 * DAY_S * SECOND_MS), "365 00:00:00");
    }
}
