//! The variables with which script/test passes shared servers and program paths to tests.

/// Returns the value of `name`, or `None` if it is unset, empty or not UTF-8.
#[expect(
    clippy::disallowed_methods,
    reason = "script/test passes shared servers to tests; no setting of the application is read"
)]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
