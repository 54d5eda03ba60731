//! Times to live as zone files and hosts' pages write them.

use std::collections::{BTreeMap, BTreeSet};

use super::PastedRecord;
use super::doubt::{Doubt, DoubtKind};
use crate::fault::Field;
use crate::ttl::{Ttl, TtlLimits, parse_time};

/// A time to live in a cell of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TtlCell {
    /// A number of seconds.
    Seconds(u32),
    /// Left to the server (`Auto`).
    Automatic,
}

impl TtlCell {
    /// Returns the seconds, if they are given.
    pub(super) fn seconds(self) -> Option<u32> {
        match self {
            Self::Seconds(seconds) => Some(seconds),
            Self::Automatic => None,
        }
    }
}

/// What a page shows for a TTL that it chooses itself.
const AUTOMATIC: [&str; 4] = ["auto", "automatic", "automatically", "default"];

/// Parses one word as zone files write it: `300`, `1h`, `1h30m`, `1W`.
pub(super) fn parse_word(word: &str) -> Option<u32> {
    let is_number = word.bytes().all(|octet| octet.is_ascii_digit());
    let is_unit =
        |octet: u8| matches!(octet.to_ascii_lowercase(), b's' | b'm' | b'h' | b'd' | b'w');
    let is_time = |octet: u8| octet.is_ascii_digit() || is_unit(octet);
    let seconds = seconds(word).filter(|_| word.bytes().all(is_time))?;
    (is_number || seconds > 0).then_some(seconds)
}

/// Parses a cell of a host's page: also `Auto`, `1 hour`, `600 seconds`, `1/2 hour`.
pub(super) fn parse_cell(cell: &str) -> Option<TtlCell> {
    let cell = cell.trim().to_ascii_lowercase();
    let cell = cell.trim_matches(['(', ')']);
    if AUTOMATIC.contains(&cell) {
        return Some(TtlCell::Automatic);
    }
    let seconds = match cell.strip_prefix("1/2 ") {
        Some(unit) => seconds(&format!("1 {unit}"))? / 2,
        None => seconds(cell)?,
    };
    Some(TtlCell::Seconds(seconds))
}

fn seconds(text: &str) -> Option<u32> {
    let seconds = u32::try_from(parse_time(text)?).ok()?;
    (seconds <= Ttl::MAX_S).then_some(seconds)
}

/// The TTLs that a text gives to the records of each name and type.
#[derive(Debug, Default)]
pub(super) struct TextTtls(BTreeMap<(String, String), BTreeSet<Ttl>>);

impl TextTtls {
    /// Notes the TTL of a record.
    pub(super) fn add(&mut self, record: &PastedRecord) {
        if let (Some(ttl), false) = (record.ttl, record.form.name.is_empty()) {
            self.0.entry(rrset_of(record)).or_default().insert(ttl);
        }
    }

    /// Gives all records of one name and type the lowest of their TTLs (RFC 2181 section 5.2). The
    /// first of them says so, if the text has several.
    pub(super) fn settle(&self, records: &mut [PastedRecord]) {
        let mut told = BTreeSet::new();
        for record in records {
            let rrset = rrset_of(record);
            let ttls = self.0.get(&rrset).filter(|_| record.ttl.is_some());
            if let Some((ttls, taken)) = ttls.and_then(|ttls| Some((ttls, *ttls.first()?))) {
                record.ttl = Some(taken);
                if ttls.len() > 1 && told.insert(rrset) {
                    let ttls = ttls.iter().copied().collect();
                    let kind = DoubtKind::TtlsDiffer { ttls, taken };
                    record.doubts.push(Doubt::remark(Field::Ttl, kind));
                }
            }
            record.form.ttl = record.ttl.map_or_else(String::new, |ttl| ttl.to_string());
        }
    }
}

fn rrset_of(record: &PastedRecord) -> (String, String) {
    (record.form.name.clone(), record.form.rtype.clone())
}

impl PastedRecord {
    /// Brings its TTL within the limits, and says so if that changes it.
    pub fn limit_ttl(&mut self, limits: &TtlLimits) {
        let Some(typed) = self.ttl else { return };
        let taken = limits.clamp(typed);
        if taken == typed {
            return;
        }
        let kind = DoubtKind::TtlLimited { typed, taken };
        self.doubts.push(Doubt::remark(Field::Ttl, kind));
        self.ttl = Some(taken);
        self.form.ttl = taken.to_string();
    }
}
