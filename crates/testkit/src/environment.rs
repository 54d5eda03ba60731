//! The variables that script/test hands to the servers' handles.

/// The value of `name`, unless it is unset, empty or no text.
#[expect(
    clippy::disallowed_methods,
    reason = "script/test tells tests about shared servers; no setting of the application is read here"
)]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
