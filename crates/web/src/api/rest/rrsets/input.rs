//! Reads RRsets from the JSON of a request, each fault with its member, as deSEC does.

use actix_web::HttpResponse;
use schemars::JsonSchema;
use serde_json::{Map, Value};
use starchart_domain::record::RecordType;

use super::super::answer::{ItemFault, malformed, refused_item};
use crate::actions::{Presence, RrsetChange};
use crate::api::request::check_is_json;
use crate::context::RequestContext;
use crate::errors::Failure;
use crate::problem::NON_FIELD_ERRORS;

const REQUIRED: &str = "This field is required.";
const READ_ONLY: &str = "Can only be written on create.";

/// One RRset, or a list of them.
#[derive(JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "it describes requests")]
pub(super) enum Items {
    One(ItemInput),
    Many(Vec<ItemInput>),
}

/// An RRset of a request. Other members are ignored, so that an answer can be sent back.
#[derive(Debug, Default, JsonSchema)]
pub(super) struct ItemInput {
    /// The name before the domain, lower case; empty or left out for the domain itself.
    subname: Option<String>,
    /// The type, such as `AAAA`; not needed where the path has it.
    r#type: Option<String>,
    /// The TTL in seconds. Left out, an RRset keeps its TTL, and a new one gets the default.
    #[schemars(range(min = 0))]
    ttl: Option<u64>,
    /// The values in presentation format. An empty list deletes the RRset.
    records: Option<Vec<String>>,
    /// What is wrong with members, each with its name.
    #[schemars(skip)]
    misfits: Vec<(&'static str, String)>,
}

impl ItemInput {
    fn read(value: Value) -> Self {
        let Value::Object(mut members) = value else {
            let text = "Invalid data. Expected a dictionary.".to_owned();
            return Self {
                misfits: vec![(NON_FIELD_ERRORS, text)],
                ..Self::default()
            };
        };
        let mut item = Self::default();
        item.subname = item.take(&mut members, "subname", "a string", as_text);
        item.r#type = item.take(&mut members, "type", "a string", as_text);
        item.ttl = item.take(&mut members, "ttl", "a whole number", as_number);
        item.records = item.take(&mut members, "records", "a list of strings", as_texts);
        item
    }

    fn take<T>(
        &mut self,
        members: &mut Map<String, Value>,
        name: &'static str,
        wanted: &str,
        read: impl Fn(Value) -> Option<T>,
    ) -> Option<T> {
        let value = members.remove(name).filter(|value| !value.is_null())?;
        let found = read(value);
        if found.is_none() {
            self.misfits.push((name, format!("Expected {wanted}.")));
        }
        found
    }

    /// Returns what is wrong before anything is looked up. `at` is the place in the list.
    pub(super) fn faults(
        &self,
        at: usize,
        needs_records: bool,
        needs_type: bool,
    ) -> Vec<ItemFault> {
        let misfits = self.misfits.iter();
        let mut faults: Vec<ItemFault> = misfits
            .map(|(member, text)| ItemFault::new(at, member, text))
            .collect();
        if !faults.is_empty() {
            return faults;
        }
        if needs_type && self.r#type.is_none() {
            faults.push(ItemFault::new(at, "type", REQUIRED));
        }
        if needs_records && self.records.is_none() {
            faults.push(ItemFault::new(at, "records", REQUIRED));
        }
        faults
    }

    /// Returns a fault for a name or a type that is not the one in the path. An empty name, which a
    /// client sends without meaning, is ignored.
    pub(super) fn moves(&self, name: &str, rtype: RecordType) -> Vec<ItemFault> {
        let subname = self.subname.as_deref().unwrap_or_default();
        let mut faults = Vec::new();
        if !subname.is_empty() && subname != name {
            faults.push(ItemFault::new(0, "subname", READ_ONLY));
        }
        let is_same = |typed: &String| typed == rtype.as_str();
        if !self.r#type.as_ref().is_none_or(is_same) {
            faults.push(ItemFault::new(0, "type", READ_ONLY));
        }
        faults
    }

    pub(super) fn change(&self, expects: Presence) -> RrsetChange {
        RrsetChange {
            name: self.subname.clone().unwrap_or_default(),
            rtype: self.r#type.clone().unwrap_or_default(),
            ttl: self.ttl,
            values: self.records.clone(),
            expects,
        }
    }
}

fn as_text(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        _ => None,
    }
}

/// Reads a number, also one in a string.
fn as_number(value: Value) -> Option<u64> {
    match value {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

fn as_texts(value: Value) -> Option<Vec<String>> {
    match value {
        Value::Array(values) => values.into_iter().map(as_text).collect(),
        _ => None,
    }
}

/// Returns what is wrong with items before anything is looked up.
pub(super) fn faults(items: &[ItemInput], needs_records: bool) -> Vec<ItemFault> {
    let items = items.iter().enumerate();
    let faults = items.flat_map(|(at, item)| item.faults(at, needs_records, true));
    faults.collect()
}

/// Reads the body: one RRset, or a list of them, and whether it is a list. An inner error is the
/// answer to a body that is neither.
pub(super) fn read_items(
    context: &RequestContext,
) -> Result<Result<(Vec<ItemInput>, bool), HttpResponse>, Failure> {
    check_is_json(context)?;
    Ok(match serde_json::from_slice(&context.body) {
        Ok(Value::Array(values)) => {
            let items = values.into_iter().map(ItemInput::read);
            Ok((items.collect(), true))
        }
        Ok(value @ Value::Object(_)) => Ok((vec![ItemInput::read(value)], false)),
        Ok(_) => Err(neither(context)),
        Err(fault) => Err(malformed(context, &fault.to_string())),
    })
}

/// Reads the body: one RRset.
pub(super) fn read_item(
    context: &RequestContext,
) -> Result<Result<ItemInput, HttpResponse>, Failure> {
    let read = read_items(context)?;
    Ok(match read {
        Ok((items, false)) => Ok(items.into_iter().next().unwrap_or_default()),
        Ok((_, true)) => Err(neither(context)),
        Err(response) => Err(response),
    })
}

fn neither(context: &RequestContext) -> HttpResponse {
    let text = "Invalid data. Expected a dictionary.";
    refused_item(context, &[ItemFault::new(0, NON_FIELD_ERRORS, text)])
}
