//! Ending a token.

use std::rc::Rc;

use actix_web::HttpResponse;
use askama::Template;
use starchart_domain::token::TokenId;

use super::PATH;
use super::list::TokenRow;
use crate::actions::{self, ActionError, TokenState};
use crate::actor::User;
use crate::context::RequestContext;
use crate::errors::Failure;
use crate::pages::{FlashKind, Layout, filters};
use crate::responses::{self, see_other};

/// `GET /tokens/{id}/end`; posts to `/tokens`.
#[derive(Debug, Clone, Template)]
#[template(path = "tokens/end.html")]
pub(crate) struct EndTokenPage {
    pub(crate) layout: Layout,
    pub(crate) row: TokenRow,
}

/// Asks before a token ends (`GET /tokens/{id}/end`). One that has ended leads to the list.
pub(crate) async fn confirm_end(
    context: Rc<RequestContext>,
    user: User,
) -> Result<HttpResponse, Failure> {
    let store = context.app.store()?;
    let id = parse_id(context.req.match_info().get("id")).ok_or(Failure::NotFound)?;
    let mut tokens = actions::list_tokens(store, &user).await?;
    tokens.retain(|token| token.id == id);
    let token = tokens.pop().ok_or(Failure::NotFound)?;
    let row = TokenRow::new(token, &user.base, store.now().await?);
    if row.state != TokenState::Live {
        return Ok(see_other(PATH));
    }
    responses::ok(&EndTokenPage {
        layout: context.layout(),
        row,
    })
}

/// Ends a token (`POST /tokens`).
pub(crate) async fn end(context: Rc<RequestContext>, user: User) -> Result<HttpResponse, Failure> {
    let id = parse_id(context.form.get("id")).ok_or(Failure::Unprocessable("invalid id"))?;
    let ended = actions::end_token(context.app.store()?, context.caller(&user), id).await;
    let message = match ended {
        Ok(token) => (
            FlashKind::Done,
            format!(
                "The token “{}” has ended. Nobody can use it any more.",
                token.name
            ),
        ),
        Err(ActionError::NotFound) => (FlashKind::Note, "This token has ended before.".to_owned()),
        Err(error) => return Err(error.into()),
    };
    context.set_flash(&[message]);
    Ok(see_other(PATH))
}

fn parse_id(text: Option<&str>) -> Option<TokenId> {
    text?.parse().ok().map(TokenId)
}
