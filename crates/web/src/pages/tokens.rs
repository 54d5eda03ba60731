//! API tokens: the list, the form, the secret of a new one, and its end.

mod end;
mod form;
mod list;
mod preset;
mod snippets;
mod usage;

pub(crate) use end::{confirm_end, end};
pub(crate) use form::{create, new_form};
pub(crate) use list::list;
pub(crate) use usage::lines as usage_lines;
#[cfg(test)]
pub(crate) use {
    end::EndTokenPage,
    form::{NewTokenPage, TokenCreatedPage},
    list::{TokenRow, TokensPage},
    preset::Preset,
    snippets::Snippet,
};

const PATH: &str = "/tokens";
