//! API tokens: the list, the form, the secret of a new one, and its end.

mod end;
mod form;
mod list;
mod preset;
mod snippets;

pub(crate) use end::{confirm_end, end};
pub(crate) use form::{create, new_form};
pub(crate) use list::list;
#[cfg(test)]
pub(crate) use {
    end::EndTokenPage,
    form::{NewTokenPage, TokenCreatedPage},
    list::{TokenRow, TokensPage},
    preset::Preset,
    snippets::Snippet,
};

const PATH: &str = "/tokens";
