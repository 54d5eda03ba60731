//! The list of the user's tokens.

use std::rc::Rc;

use actix_web::HttpResponse;
use askama::Template;
use starchart_domain::api::Protocol;
use starchart_domain::names::BaseDomain;
use starchart_domain::plural::pluralize;
use starchart_domain::time::Timestamp;

use super::usage_lines;
use crate::actions::{self, Machine, Token, TokenState};
use crate::actor::User;
use crate::context::RequestContext;
use crate::errors::Failure;
use crate::pages::{Layout, filters};
use crate::responses;

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

/// `GET /tokens`: the list of the user's tokens.
#[derive(Debug, Clone, Template)]
#[template(path = "tokens/list.html")]
pub(crate) struct TokensPage {
    pub(crate) layout: Layout,
    /// Whether the operator has turned the whole API off.
    pub(crate) is_off: bool,
    /// Whether the REST API, which has a page of its own, is on.
    pub(crate) has_rest: bool,
    pub(crate) rows: Vec<TokenRow>,
    /// The machines that fetch the certificate, each with one of the tokens.
    pub(crate) machines: Vec<Machine>,
    /// The certificate in use.
    pub(crate) certificate: Option<i64>,
}

impl TokensPage {
    fn machines_of(&self, row: &TokenRow) -> Vec<&Machine> {
        let mut own: Vec<&Machine> = self.machines.iter().collect();
        own.retain(|machine| machine.token == row.token.id);
        own
    }

    fn has_newest(&self, machine: &Machine) -> bool {
        self.certificate == Some(machine.certificate)
    }
}

/// A token with what it may do in words.
#[derive(Debug, Clone)]
pub(crate) struct TokenRow {
    pub(crate) token: Token,
    pub(crate) state: TokenState,
    pub(crate) rights: Vec<String>,
    /// What it was used for lately, in words.
    pub(crate) usage: Vec<String>,
}

impl TokenRow {
    pub(crate) fn new(token: Token, base: &BaseDomain, now: Timestamp) -> Self {
        Self {
            state: token.state(now),
            rights: token.rights.describe(base),
            usage: Vec::new(),
            token,
        }
    }

    /// Returns after how many days without use it ends, in words.
    fn idle_days(&self) -> Option<String> {
        let days = self.token.idle_ms? / DAY_MS;
        Some(pluralize(days, "day", "days"))
    }
}

/// Lists the user's tokens, those that ended lately among them (`GET /tokens`).
pub(crate) async fn list(context: Rc<RequestContext>, user: User) -> Result<HttpResponse, Failure> {
    let store = context.app.store()?;
    let tokens = actions::list_tokens(store, &user).await?;
    let machines = actions::list_machines(store, &user).await?;
    let certificate = match machines.is_empty() {
        true => None,
        false => actions::load_certificate(store, &user).await?.active,
    };
    let now = store.now().await?;
    let usage = actions::list_token_usage(store, &user).await?;
    let row = |token: Token| TokenRow {
        usage: usage.get(&token.id).map(usage_lines).unwrap_or_default(),
        ..TokenRow::new(token, &user.base, now)
    };
    responses::ok(&TokensPage {
        layout: context.layout(),
        is_off: !context.app.config.api.is_on(),
        has_rest: context.app.config.api.answers(Protocol::Rest),
        rows: tokens.into_iter().map(row).collect(),
        certificate: certificate.map(|active| active.id),
        machines,
    })
}
