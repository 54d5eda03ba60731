//! The form for a new token, and the page that shows its secret once.

use std::rc::Rc;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;
use starchart_domain::fault::sentence;
use starchart_domain::names::BaseDomain;
use starchart_domain::token::{
    CertificateRights, RecordRightForm, TokenFault, TokenField, TokenForm, TokenSecret,
};
use strum::VariantArray;

use super::list::TokenRow;
use super::preset::{Preset, RECORD_ROWS};
use super::snippets::{Snippet, Snippets};
use crate::actions::{self, ActionError, Denial};
use crate::actor::User;
use crate::context::RequestContext;
use crate::errors::Failure;
use crate::forms::Form;
use crate::pages::{Layout, filters};
use crate::responses;

/// `GET /tokens/new`, and the response to a form with faults.
#[derive(Debug, Clone, Template)]
#[template(path = "tokens/new.html")]
pub(crate) struct NewTokenPage {
    pub(crate) layout: Layout,
    pub(crate) base: BaseDomain,
    /// The chosen preset; without one, the page offers them.
    pub(crate) preset: Option<Preset>,
    pub(crate) form: TokenForm,
    pub(crate) faults: Vec<(TokenField, TokenFault)>,
    /// Why nothing was created, whatever is in the fields.
    pub(crate) problem: Option<String>,
    /// Whether an admin impersonates the user, who alone can create a token.
    pub(crate) is_withheld: bool,
}

impl NewTokenPage {
    fn presets(&self) -> &'static [Preset] {
        Preset::VARIANTS
    }

    fn is(&self, preset: Preset) -> bool {
        self.preset == Some(preset)
    }

    fn faults_of(&self, field: TokenField) -> impl Iterator<Item = &TokenFault> {
        let of_field = move |(of, _): &&(TokenField, TokenFault)| *of == field;
        self.faults.iter().filter(of_field).map(|(_, fault)| fault)
    }

    fn has_fault(&self, field: TokenField) -> bool {
        self.faults_of(field).next().is_some()
    }

    /// Returns the faults with the ids of their fields, for the summary.
    fn summary(&self) -> Vec<(String, String)> {
        let line = |(field, fault): &(TokenField, TokenFault)| {
            let id = match field {
                TokenField::Name => "tokenName".to_owned(),
                TokenField::Record(at) => format!("recordNames-{}", at + 1),
                TokenField::Challenges => "challenges".to_owned(),
                TokenField::Addresses => "addresses".to_owned(),
                TokenField::Networks => "networks".to_owned(),
                TokenField::LastDay => "lastDay".to_owned(),
                TokenField::IdleDays => "idleDays".to_owned(),
                TokenField::Form => "token-form".to_owned(),
            };
            (id, sentence(fault.to_string()))
        };
        self.faults.iter().map(line).collect()
    }

    /// Returns the rows for rights about records, each with its field.
    fn rows(&self) -> Vec<(usize, TokenField, &RecordRightForm)> {
        let count = match self.preset {
            Some(Preset::Custom) => RECORD_ROWS,
            Some(Preset::GitHubActions) => 1,
            _ => 0,
        };
        let rows = self.form.records.iter().take(count).enumerate();
        rows.map(|(at, row)| (at + 1, TokenField::Record(at), row))
            .collect()
    }
}

/// The response to `POST /tokens/new`: the only page with the secret.
#[derive(Debug, Clone, Template)]
#[template(path = "tokens/created.html")]
pub(crate) struct TokenCreatedPage {
    pub(crate) layout: Layout,
    pub(crate) row: TokenRow,
    pub(crate) secret: TokenSecret,
    /// What to paste where.
    pub(crate) snippets: Vec<Snippet>,
}

/// Shows the form of the preset in the query, or the presets (`GET /tokens/new`).
pub(crate) async fn new_form(
    context: Rc<RequestContext>,
    user: User,
) -> Result<HttpResponse, Failure> {
    let query = Form::parse(context.req.query_string().as_bytes())?;
    let preset = query.get("preset").and_then(Preset::parse);
    let now = context.app.store()?.now().await?;
    let form = preset.map(|preset| preset.form(now)).unwrap_or_default();
    responses::ok(&page(&context, &user, preset, form))
}

fn page(
    context: &RequestContext,
    user: &User,
    preset: Option<Preset>,
    form: TokenForm,
) -> NewTokenPage {
    NewTokenPage {
        layout: context.layout(),
        base: user.base.clone(),
        preset,
        form,
        faults: Vec::new(),
        problem: None,
        is_withheld: user.impersonator.is_some(),
    }
}

/// Creates a token and shows its secret, or what is wrong with the form (`POST /tokens/new`). The
/// response is no redirect, because the secret is nowhere to be read again.
pub(crate) async fn create(
    context: Rc<RequestContext>,
    user: User,
) -> Result<HttpResponse, Failure> {
    let preset = context.form.get("preset").and_then(Preset::parse);
    let preset = preset.ok_or(Failure::Unprocessable("unknown preset"))?;
    let store = context.app.store()?;
    let form = read_form(&context.form);
    let now = store.now().await?;
    let refused = |status, faults, problem| {
        let page = NewTokenPage {
            faults,
            problem,
            ..page(&context, &user, Some(preset), form.clone())
        };
        responses::page(status, &page)
    };
    let new = match form.check(&user.base, now) {
        Ok(new) => new,
        Err(faults) => return refused(StatusCode::UNPROCESSABLE_ENTITY, faults, None),
    };
    let created = actions::create_token(store, context.caller(&user), &new).await;
    let (token, secret) = match created {
        Ok(created) => created,
        Err(ActionError::Limit(limit)) => {
            let problem = Some(limit.to_string());
            return refused(StatusCode::UNPROCESSABLE_ENTITY, Vec::new(), problem);
        }
        Err(ActionError::Denied(denial @ Denial::TokenWithheld)) => {
            let problem = Some(denial.to_string());
            return refused(StatusCode::FORBIDDEN, Vec::new(), problem);
        }
        Err(error) => return Err(error.into()),
    };
    let snippets = Snippets {
        origin: &context.app.origin(),
        base: &user.base,
        rights: &token.rights,
        secret: &secret,
    };
    responses::ok(&TokenCreatedPage {
        layout: context.layout(),
        snippets: snippets.of(preset),
        row: TokenRow::new(token, &user.base, now),
        secret,
    })
}

fn read_form(form: &Form) -> TokenForm {
    let numbered = |name: &str, at: usize| form.text(&format!("{name}-{at}"));
    let row = |at| RecordRightForm {
        access: numbered("access", at),
        names: numbered("recordNames", at),
        below: form.get(&format!("recordBelow-{at}")).is_some(),
        types: numbered("recordTypes", at),
    };
    let is_ticked = |name: &str| form.get(name).is_some();
    TokenForm {
        name: form.text("tokenName"),
        records: (1..=RECORD_ROWS).map(row).collect(),
        challenges: form.text("challenges"),
        challenges_below: is_ticked("challengesBelow"),
        addresses: form.text("addresses"),
        certificate: CertificateRights {
            read: is_ticked("certificateRead"),
            read_key: is_ticked("certificateKey"),
            request: is_ticked("certificateRequest"),
        },
        networks: form.text("networks"),
        last_day: form.text("lastDay"),
        idle_days: form.text("idleDays"),
    }
}
