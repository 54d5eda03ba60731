//! `auth/tokens/`: the token of the request, in deSEC's shape. A token sees and ends itself only
//! ([decision 11](../../../../../docs/decisions/0011-tokens-manage-no-tokens.md)).

use std::rc::Rc;

use actix_web::HttpResponse;
use serde_json::{Value, json};
use starchart_domain::token::{TokenId, TokenRights};

use crate::actions::{self, Token};
use crate::actor::User;
use crate::context::RequestContext;
use crate::errors::Failure;

const SECOND_MS: i64 = 1_000;
const DAY_S: i64 = 24 * 60 * 60;

/// `GET /api/v1/auth/tokens/`: a list with the token of the request.
pub(crate) async fn list(context: Rc<RequestContext>, user: User) -> Result<HttpResponse, Failure> {
    let tokens = actions::list_tokens(context.app.store()?, &user).await?;
    let shown: Vec<Value> = tokens.iter().map(|token| shape(token, &user)).collect();
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
fn shape(token: &Token, user: &User) -> Value {
    let subnets: Vec<String> = match token.networks.allow_all() {
        true => vec!["0.0.0.0/0".to_owned(), "::/0".to_owned()],
        false => token.networks.iter().map(ToString::to_string).collect(),
    };
    json!({
        "id": token.id.to_string(),
        "created": token.created_at.rfc3339(),
        "last_used": token.last_used.as_ref().map(|used| used.at.rfc3339()),
        "name": token.name,
        "perm_create_domain": false,
        "perm_delete_domain": false,
        "perm_manage_tokens": false,
        "allowed_subnets": subnets,
        "auto_policy": false,
        "max_age": duration(token.expires_at.since(token.created_at)),
        "max_unused_period": token.idle_ms.map(duration),
        "is_valid": true,
        "expires": token.expires_at.rfc3339(),
        "prefix": token.prefix,
        "domain": user.base.to_string(),
        "rights": rights(&token.rights),
    })
}

fn rights(rights: &TokenRights) -> Value {
    serde_json::to_value(rights).unwrap_or_default()
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
