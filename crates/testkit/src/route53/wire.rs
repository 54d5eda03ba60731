//! The REST-XML protocol of Route53, version 2013-04-01.

use std::fmt::Write as _;

use quick_xml::Reader;
use quick_xml::escape::{escape, resolve_predefined_entity};
use quick_xml::events::{BytesRef, Event};

use super::rules::{Alias, BatchRefusal, Change};
use super::zone::{Body, RrSet};

const NAMESPACE: &str = "https://route53.amazonaws.com/doc/2013-04-01/";

/// An XML element of a request.
#[derive(Debug, Default)]
struct Element {
    name: String,
    text: String,
    children: Vec<Element>,
}

impl Element {
    fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    fn text_of(&self, name: &str) -> Option<String> {
        self.child(name).map(|child| child.text.clone())
    }

    /// Returns the children of the child `list`.
    fn items(&self, list: &str) -> &[Self] {
        self.child(list)
            .map(|list| list.children.as_slice())
            .unwrap_or_default()
    }
}

/// Parses the body of ChangeResourceRecordSets.
pub(crate) fn read_changes(body: &[u8]) -> Result<Vec<Change>, BatchRefusal> {
    let root =
        read_tree(body).map_err(|fault| BatchRefusal::Input(format!("Invalid XML ; {fault}")))?;
    if root.name != "ChangeResourceRecordSetsRequest" {
        return Err(BatchRefusal::Input(format!(
            "Invalid XML ; Cannot find the declaration of element '{}'.",
            root.name
        )));
    }
    let Some(batch) = root.child("ChangeBatch") else {
        return Err(BatchRefusal::Input(
            "Invalid XML ; ChangeBatch is missing".into(),
        ));
    };
    Ok(batch.items("Changes").iter().map(read_change).collect())
}

fn read_change(change: &Element) -> Change {
    let empty = Element::default();
    let set = change.child("ResourceRecordSet").unwrap_or(&empty);
    Change {
        action: change.text_of("Action").unwrap_or_default(),
        name: set.text_of("Name").unwrap_or_default(),
        rtype: set.text_of("Type").unwrap_or_default(),
        identifier: set.text_of("SetIdentifier"),
        weight: set.text_of("Weight"),
        ttl: set.text_of("TTL"),
        values: set
            .items("ResourceRecords")
            .iter()
            .map(|record| record.text_of("Value").unwrap_or_default())
            .collect(),
        alias: set.child("AliasTarget").map(|alias| Alias {
            zone_id: alias.text_of("HostedZoneId").unwrap_or_default(),
            target: alias.text_of("DNSName").unwrap_or_default(),
            evaluate: alias.text_of("EvaluateTargetHealth").as_deref() == Some("true"),
        }),
    }
}

fn read_tree(body: &[u8]) -> Result<Element, String> {
    let text = std::str::from_utf8(body).map_err(|fault| fault.to_string())?;
    let mut reader = Reader::from_str(text);
    reader.config_mut().expand_empty_elements = true;
    let mut open = vec![Element::default()];
    loop {
        let event = reader.read_event().map_err(|fault| fault.to_string())?;
        let Some(current) = open.last_mut() else {
            return Err("too many end tags".into());
        };
        match event {
            Event::Start(start) => {
                let name = String::from_utf8_lossy(start.local_name().as_ref()).into_owned();
                open.push(Element {
                    name,
                    ..Element::default()
                });
            }
            Event::Text(text) => current.text.push_str(&String::from_utf8_lossy(&text)),
            Event::CData(text) => current.text.push_str(&String::from_utf8_lossy(&text)),
            Event::GeneralRef(reference) => current.text.push_str(&resolve(&reference)?),
            Event::End(_) => {
                let done = open.pop().unwrap_or_default();
                if let Some(parent) = open.last_mut() {
                    parent.children.push(done);
                }
            }
            Event::Eof => break,
            Event::Empty(_)
            | Event::Comment(_)
            | Event::Decl(_)
            | Event::PI(_)
            | Event::DocType(_) => {}
        }
    }
    open.pop()
        .and_then(|mut top| top.children.pop())
        .ok_or_else(|| "Premature end of file.".to_owned())
}

fn resolve(reference: &BytesRef<'_>) -> Result<String, String> {
    if let Some(letter) = reference
        .resolve_char_ref()
        .map_err(|fault| fault.to_string())?
    {
        return Ok(letter.to_string());
    }
    let name = reference.decode().map_err(|fault| fault.to_string())?;
    resolve_predefined_entity(&name)
        .map(str::to_owned)
        .ok_or_else(|| format!("unknown entity {name}"))
}

/// Writes `<name>inner</name>`; `inner` is XML.
pub(crate) fn element(name: &str, inner: &str) -> String {
    format!("<{name}>{inner}</{name}>")
}

/// Writes `<name>text</name>`; `text` is escaped.
pub(crate) fn leaf(name: &str, text: &str) -> String {
    element(name, &escape(text))
}

/// Writes an XML document with the root element `root`.
pub(crate) fn document(root: &str, inner: &str) -> String {
    format!("<?xml version=\"1.0\"?>\n<{root} xmlns=\"{NAMESPACE}\">{inner}</{root}>")
}

/// Writes an error in the form of nearly all errors of Route53.
pub(crate) fn error(code: &str, message: &str, request: &str) -> String {
    let kind = leaf("Type", "Sender");
    let error = element(
        "Error",
        &format!("{kind}{}{}", leaf("Code", code), leaf("Message", message)),
    );
    document(
        "ErrorResponse",
        &format!("{error}{}", leaf("RequestId", request)),
    )
}

/// Writes InvalidChangeBatch without an ErrorResponse around it, as in the API reference.
pub(crate) fn bare_batch_error(messages: &[String], request: &str) -> String {
    let messages: String = messages
        .iter()
        .map(|message| leaf("Message", message))
        .collect();
    document(
        "InvalidChangeBatch",
        &format!(
            "{}{}",
            element("Messages", &messages),
            leaf("RequestId", request)
        ),
    )
}

/// Writes an RRset as ListResourceRecordSets does.
pub(crate) fn record_set(set: &RrSet) -> String {
    let mut xml = format!(
        "{}{}",
        leaf("Name", &set.name.to_string()),
        leaf("Type", &set.rtype)
    );
    if let Some(identifier) = &set.identifier {
        xml.push_str(&leaf("SetIdentifier", identifier));
    }
    if let Some(weight) = set.weight {
        // Writing to a String cannot fail.
        let _ = write!(xml, "<Weight>{weight}</Weight>");
    }
    match &set.body {
        Body::Records { ttl, values, .. } => {
            let records: String = values
                .iter()
                .map(|value| element("ResourceRecord", &leaf("Value", value)))
                .collect();
            let _ = write!(
                xml,
                "<TTL>{ttl}</TTL>{}",
                element("ResourceRecords", &records)
            );
        }
        Body::Alias {
            target,
            zone_id,
            evaluate,
        } => {
            let zone_id = leaf("HostedZoneId", zone_id);
            let target = leaf("DNSName", &target.to_string());
            let evaluate = leaf("EvaluateTargetHealth", &evaluate.to_string());
            xml.push_str(&element(
                "AliasTarget",
                &format!("{zone_id}{target}{evaluate}"),
            ));
        }
    }
    element("ResourceRecordSet", &xml)
}
