//! Reads the changes of a zone.

use serde::Deserialize;
use starchart_domain::names::BaseDomain;
use starchart_domain::presentation::unescape_name;

use crate::actions::RrsetChange;

#[derive(Debug, Deserialize)]
struct Patch {
    rrsets: Vec<RrsetPatch>,
}

#[derive(Debug, Deserialize)]
struct RrsetPatch {
    name: String,
    r#type: String,
    changetype: String,
    ttl: Option<u64>,
    /// Absent or null in a deletion.
    records: Option<Vec<RecordPatch>>,
}

#[derive(Debug, Deserialize)]
struct RecordPatch {
    content: String,
    #[serde(default)]
    disabled: bool,
}

/// A change of an RRset, with its name as the client writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Change {
    name: String,
    change: RrsetChange,
}

impl Change {
    /// Returns what the RRset shall be.
    pub(super) fn wanted(&self) -> RrsetChange {
        self.change.clone()
    }

    /// Names the RRset for a message.
    pub(super) fn describe(&self) -> String {
        format!("RRset {} IN {}", self.name, self.change.rtype)
    }
}

/// Reads the body of a request for the user with this base domain.
///
/// # Errors
/// Why it cannot be carried out, as a sentence.
pub(super) fn read(body: &[u8], base: &BaseDomain) -> Result<Vec<Change>, String> {
    let patch: Patch = serde_json::from_slice(body)
        .map_err(|fault| format!("The body is not what is expected: {fault}."))?;
    patch.rrsets.into_iter().map(|it| it.read(base)).collect()
}

impl RrsetPatch {
    fn read(self, base: &BaseDomain) -> Result<Change, String> {
        let refused = |reason: &str| {
            let (name, rtype) = (&self.name, &self.r#type);
            Err(format!("RRset {name} IN {rtype}: {reason}"))
        };
        let fqdn = unescape_name(&self.name);
        let Some(relative) = base.relative(&fqdn) else {
            let reason = format!("Name is out of zone: yours all end in .{base}.");
            return refused(&reason);
        };
        let records = self.records.as_deref().unwrap_or_default();
        if records.iter().any(|record| record.disabled) {
            return refused("Records cannot be disabled here. Delete what shall not be answered.");
        }
        let values = match self.changetype.to_ascii_uppercase().as_str() {
            "REPLACE" => records.iter().map(|it| it.content.clone()).collect(),
            "DELETE" => Vec::new(),
            _ => return refused("Changetype is REPLACE or DELETE."),
        };
        let change = RrsetChange {
            name: relative.to_owned(),
            rtype: rtype(&self.r#type),
            ttl: self.ttl.filter(|_| !values.is_empty()),
            values: Some(values),
            ..RrsetChange::default()
        };
        Ok(Change {
            name: self.name,
            change,
        })
    }
}

/// Returns the type that a client means: external-dns sends each CNAME to a host outside the zone
/// as an ALIAS, and reads a CNAME as the same.
fn rtype(sent: &str) -> String {
    match sent.to_ascii_uppercase() {
        alias if alias == "ALIAS" => "CNAME".to_owned(),
        rtype => rtype,
    }
}
