//! The admins' pages: the dashboard, the deletion of a user, the words in names, the API tokens of
//! all users and the audit trail.

mod dashboard;
mod delete;
mod health_items;
mod tokens;
mod trail;
mod words;

use actix_web::HttpResponse;

use crate::actions::{ActionError, Denial};
use crate::context::RequestContext;
use crate::errors::Failure;
use crate::forms::Form;
use crate::pages::FlashKind;
use crate::responses::see_other;

pub(crate) use dashboard::{handle_intent, show};
pub(crate) use delete::confirm_delete;
pub(crate) use tokens::{end_token, tokens};
pub(crate) use trail::trail;
pub(crate) use words::{change_words, words};
#[cfg(test)]
pub(crate) use {
    dashboard::{DashboardPage, SearchResults},
    delete::DeletePage,
    health_items::{HealthItem, HealthItemKind},
    tokens::{AdminTokenRow, AllTokensPage},
    trail::TrailPage,
    words::{TriedName, WordList, WordRow, WordsPage},
};

/// Redirects to the list of users and shows the reason.
fn refuse(
    context: &RequestContext,
    error: ActionError,
    search_text: &str,
) -> Result<HttpResponse, Failure> {
    let message = match error {
        ActionError::Denied(Denial::NoLongerAdmin) => return Ok(see_other("/")),
        ActionError::Denied(denial) => denial.to_string(),
        ActionError::NotFound => {
            "No user has this user name, or the account is suspended.".to_owned()
        }
        error => return Err(error.into()),
    };
    context.set_flash(&[(FlashKind::Failed, message)]);
    Ok(see_other(&list_href(search_text, 1)))
}

fn parse_query(context: &RequestContext) -> Result<Form, Failure> {
    Form::parse(context.req.query_string().as_bytes())
}

/// Returns the URL of the users that this search finds.
pub(crate) fn list_href(search_text: &str, page: u32) -> String {
    match (search_text, page) {
        ("", _) => "/admin".to_owned(),
        (text, 1) => format!("/admin?{}", encode_query(&[("searchText", text)])),
        (text, page) => {
            format!(
                "/admin?{}",
                encode_query(&[("searchText", text), ("page", &page.to_string())])
            )
        }
    }
}

fn encode_query(pairs: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish()
}
