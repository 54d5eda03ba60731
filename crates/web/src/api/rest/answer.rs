//! Refusals of a request's JSON: problem details with a pointer to each fault, and the members that
//! clients of deSEC's API look at.

use std::collections::BTreeMap;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use schemars::{JsonSchema, SchemaGenerator};
use serde::Serialize;

use super::operation::{Answer, Content};
use crate::actions::{RrsetFault, RrsetField};
use crate::context::RequestContext;
use crate::errors::Failure;
use crate::problem::{FieldProblem, NON_FIELD_ERRORS, PROBLEM_TYPE, Problem};

/// Nothing is there, in the very words that clients of deSEC's API compare.
pub(super) const ABSENT: Answer = Answer {
    status: 404,
    description: "There is no such domain or RRset, or the token may not read it.",
    content: Content::Json(SchemaGenerator::subschema_for::<Absent>),
};

/// The answer about what is not there.
#[derive(Debug, Serialize, JsonSchema)]
struct Absent {
    /// Always `Not found.`, as clients of deSEC expect.
    detail: &'static str,
}

/// A fault of an RRset in the JSON of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ItemFault {
    /// The index of the RRset in a list.
    pub(super) item: usize,
    /// The member at fault.
    pub(super) member: &'static str,
    /// The index of the value at fault.
    pub(super) value: Option<usize>,
    pub(super) text: String,
}

impl From<RrsetFault> for ItemFault {
    fn from(fault: RrsetFault) -> Self {
        Self {
            item: fault.change,
            member: match fault.problem.field() {
                RrsetField::Name => "subname",
                RrsetField::Type => "type",
                RrsetField::Ttl => "ttl",
                RrsetField::Values => "records",
                RrsetField::Whole => NON_FIELD_ERRORS,
            },
            value: fault.value,
            text: fault.problem.to_string(),
        }
    }
}

impl ItemFault {
    pub(super) fn new(item: usize, member: &'static str, text: &str) -> Self {
        Self {
            item,
            member,
            value: None,
            text: text.to_owned(),
        }
    }

    /// Returns the sentence, with the place of the value in its list.
    fn sentence(&self) -> String {
        match self.value {
            Some(index) => format!("Value {}: {}", index + 1, self.text),
            None => self.text.clone(),
        }
    }

    fn pointer(&self) -> Option<String> {
        let pointer = match self.value {
            Some(index) => format!("/{}/{index}", self.member),
            None => format!("/{}", self.member),
        };
        (self.member != NON_FIELD_ERRORS).then_some(pointer)
    }
}

fn by_field<'a>(
    faults: impl Iterator<Item = &'a ItemFault>,
) -> BTreeMap<&'static str, Vec<String>> {
    let mut members: BTreeMap<&'static str, Vec<String>> = BTreeMap::new();
    for fault in faults {
        members
            .entry(fault.member)
            .or_default()
            .push(fault.sentence());
    }
    members
}

/// Refuses the only RRset of a request. The member `type` is that of the problem, so a fault of the
/// type is among its `errors` only.
pub(super) fn refused_item(context: &RequestContext, faults: &[ItemFault]) -> HttpResponse {
    let sentences: Vec<String> = faults.iter().map(ItemFault::sentence).collect();
    let errors = faults.iter().map(|fault| FieldProblem {
        field: fault.member,
        pointer: fault.pointer(),
        detail: fault.text.clone(),
    });
    let own_members = faults.iter().filter(|fault| fault.member != "type");
    bad_request(
        context,
        sentences.join(" "),
        errors.collect(),
        by_field(own_members),
    )
}

/// Refuses a list of `count` RRsets: an object for each of them, empty for a good one.
pub(super) fn refused_list(count: usize, faults: &[ItemFault]) -> HttpResponse {
    let of_item = |item| by_field(faults.iter().filter(move |fault| fault.item == item));
    let list: Vec<_> = (0..count).map(of_item).collect();
    HttpResponse::BadRequest().json(list)
}

/// Refuses a body that is not the JSON that the request takes.
pub(super) fn malformed(context: &RequestContext, reason: &str) -> HttpResponse {
    let detail = format!("JSON parse error - {reason}");
    bad_request(context, detail, Vec::new(), BTreeMap::new())
}

fn bad_request(
    context: &RequestContext,
    detail: String,
    errors: Vec<FieldProblem>,
    by_field: BTreeMap<&'static str, Vec<String>>,
) -> HttpResponse {
    let status = StatusCode::BAD_REQUEST;
    let problem = Problem {
        r#type: PROBLEM_TYPE,
        title: status.canonical_reason().unwrap_or_default(),
        status: status.as_u16(),
        detail,
        request_id: &context.request_id,
        confirm: None,
        errors,
        by_field,
    };
    HttpResponse::build(status)
        .content_type("application/problem+json")
        .json(problem)
}

/// Answers that there is nothing as [`ABSENT`] describes.
pub(super) fn absent(outcome: Result<HttpResponse, Failure>) -> Result<HttpResponse, Failure> {
    match outcome {
        Err(Failure::NotFound) => {
            let detail = "Not found.";
            Ok(HttpResponse::NotFound().json(Absent { detail }))
        }
        other => other,
    }
}
