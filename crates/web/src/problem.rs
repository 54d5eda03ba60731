//! Problem details (RFC 9457), with members for clients of deSEC's API.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

/// The type of every problem: nothing beyond the status (RFC 9457, section 4.2.1). What a client
/// can act on has a member of its own.
pub(crate) const PROBLEM_TYPE: &str = "about:blank";

/// The member for faults of the whole, as deSEC's API names it.
pub(crate) const NON_FIELD_ERRORS: &str = "non_field_errors";

/// Problem details of a failure (RFC 9457).
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Problem<'a> {
    pub(crate) r#type: &'static str,
    /// The phrase of the status, as `about:blank` demands.
    pub(crate) title: &'static str,
    /// The status of the answer.
    pub(crate) status: u16,
    /// What happened and what the client can do.
    pub(crate) detail: String,
    /// Identifies the request in the log.
    pub(crate) request_id: &'a str,
    /// What the client sends as `confirm` when the user agrees.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) confirm: Option<String>,
    /// What is wrong with the input, by its place.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) errors: Vec<FieldProblem>,
    /// The same by field, in the shape of deSEC's API.
    #[serde(flatten)]
    pub(crate) by_field: BTreeMap<&'static str, Vec<String>>,
}

/// A fault of the input.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct FieldProblem {
    /// The field at fault; `record` or `non_field_errors` for the whole.
    pub(crate) field: &'static str,
    /// Its place in the JSON of the request (RFC 6901).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) pointer: Option<String>,
    /// What is wrong with it.
    pub(crate) detail: String,
}
