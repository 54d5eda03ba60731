//! Compares a zone file with a user's records.

use super::{Notes, ZoneRecord};
use crate::fault::Field;
use crate::names::BaseDomain;
use crate::paste::{Doubt, DoubtKind, Limits, PastedRecord, read_up_to};
use crate::record::{NewRecord, RecordForm, RecordType};
use crate::ttl::{Ttl, TtlLimits};
use crate::words::WordFilter;

/// What a zone file holds, at most.
const LIMITS: Limits = Limits {
    lines: 50_000,
    records: 5_000,
};

/// What has to be done so that the user's records are those of a zone file. Indices are those of
/// the user's records.
#[derive(Debug, Default)]
pub struct ZoneDiff {
    /// Records that are in the file only.
    pub create: Vec<CreatedRecord>,
    /// Records whose value, TTL or notes differ.
    pub change: Vec<ChangedRecord>,
    /// Records that are not in the file. One may be in a line that could not be read.
    pub delete: Vec<usize>,
    /// Records that are in the file as they are.
    pub unchanged: Vec<usize>,
    /// Lines that could not be read.
    pub faulty: Vec<FaultyLine>,
}

/// A record that is in the file only.
#[derive(Debug)]
pub struct CreatedRecord {
    /// The number of its line, from 1.
    pub line: usize,
    /// The record that the line means.
    pub record: NewRecord,
    /// How its line was read.
    pub doubts: Vec<Doubt>,
}

/// A record whose value, TTL or notes differ in the file.
#[derive(Debug)]
pub struct ChangedRecord {
    /// The index of the user's record.
    pub at: usize,
    /// The number of its line, from 1.
    pub line: usize,
    /// The record of the file, with the user's notes where the file has none.
    pub record: NewRecord,
    /// How its line was read.
    pub doubts: Vec<Doubt>,
}

/// A line that could not be read.
#[derive(Debug)]
pub struct FaultyLine {
    /// The number of the line, from 1.
    pub line: usize,
    /// The line, as it is in the file.
    pub source: String,
    /// Why it could not be read, as sentences.
    pub reasons: Vec<String>,
}

impl ZoneDiff {
    /// Returns whether there is nothing to do and nothing that could not be read.
    pub fn is_empty(&self) -> bool {
        self.create.is_empty()
            && self.change.is_empty()
            && self.delete.is_empty()
            && self.faulty.is_empty()
    }
}

/// Compares a zone file with the user's present records. `words` are those that no name has, `ttls`
/// the TTLs that users may choose.
///
/// A record is the same if name, type and value are. A value that replaces another one of the same
/// name and type is a change. The file's TTLs and notes count where it has some.
pub fn diff(
    text: &str,
    base: &BaseDomain,
    words: &WordFilter,
    ttls: &TtlLimits,
    current: &[ZoneRecord],
) -> ZoneDiff {
    let paste = read_up_to(LIMITS, text, base);
    let mut compare = Compare {
        base,
        words,
        ttls,
        current,
        is_matched: vec![false; current.len()],
        diff: ZoneDiff::default(),
        rest: Vec::new(),
    };
    compare.diff.faulty = paste
        .unread
        .into_iter()
        .map(|unread| FaultyLine {
            line: unread.line,
            source: unread.source,
            reasons: vec![unread.reason.to_string()],
        })
        .collect();
    for record in paste.records {
        compare.record(record);
    }
    compare.finish()
}

struct Compare<'a> {
    base: &'a BaseDomain,
    words: &'a WordFilter,
    ttls: &'a TtlLimits,
    current: &'a [ZoneRecord],
    is_matched: Vec<bool>,
    diff: ZoneDiff,
    /// Records of the file that are not among the user's.
    rest: Vec<CreatedRecord>,
}

impl Compare<'_> {
    fn record(&mut self, mut pasted: PastedRecord) {
        let same = self.same_value(&pasted);
        let questions: Vec<String> = pasted
            .doubts
            .iter()
            .filter(|doubt| doubt.is_question())
            .map(|doubt| doubt.kind.to_string())
            .collect();
        let notes = Notes::read(&pasted.comments);
        if let Some(at) = same
            && notes.clone().or(&self.current[at].notes) == self.current[at].notes
            && pasted.ttl.is_none_or(|ttl| ttl == self.current[at].ttl)
            && !has_ttl_doubt(&pasted.doubts)
        {
            // Without a check: an imported record may have a value that is refused today.
            self.is_matched[at] = true;
            self.diff.unchanged.push(at);
            return;
        }
        if !questions.is_empty() {
            return self.refuse(&pasted, questions);
        }
        // A TTL from before the limits were changed stays until another one is chosen.
        match pasted.ttl == self.ttl_of_rrset(&pasted) {
            true => pasted.form.ttl.clear(),
            false => pasted.limit_ttl(self.ttls),
        }
        let known = same.map(|at| &self.current[at].notes);
        let notes = known.map_or(notes.clone(), |known| notes.or(known));
        let form = RecordForm {
            ports: notes.ports.unwrap_or_default(),
            course: notes.course.unwrap_or_default(),
            description: notes.description.unwrap_or_default(),
            ..pasted.form.clone()
        };
        let record = match form.check(self.base, self.words, self.ttls) {
            Ok(record) => record,
            Err(faults) => {
                let reasons = faults.iter().map(|(_, fault)| fault.to_string()).collect();
                return self.refuse(&pasted, reasons);
            }
        };
        let created = CreatedRecord {
            line: pasted.line,
            record,
            doubts: pasted.doubts,
        };
        match same {
            Some(at) => self.change(at, created),
            None => self.place(created),
        }
    }

    /// Finds the user's record with the name, type and value of a zone file's line.
    fn same_value(&self, pasted: &PastedRecord) -> Option<usize> {
        let presentation = pasted.presentation.as_deref()?;
        let name = self.fqdn_of(pasted)?;
        self.find(&name, &pasted.form.rtype, presentation)
    }

    fn fqdn_of(&self, pasted: &PastedRecord) -> Option<String> {
        // A record from before every user had a domain of their own.
        let elsewhere = pasted.doubts.iter().find_map(|doubt| match &doubt.kind {
            DoubtKind::NameNotBelow { typed, .. } => Some(typed.clone()),
            _ => None,
        });
        match pasted.form.name.as_str() {
            "" => elsewhere,
            "@" => Some(self.base.as_str().to_owned()),
            relative => Some(format!("{relative}.{}", self.base)),
        }
    }

    /// Returns the TTL of the user's RRset with the name and type of a line.
    fn ttl_of_rrset(&self, pasted: &PastedRecord) -> Option<Ttl> {
        let name = self.fqdn_of(pasted)?;
        let is_of_rrset =
            |known: &&ZoneRecord| known.name == name && known.rtype.as_str() == pasted.form.rtype;
        self.current.iter().find(is_of_rrset).map(|known| known.ttl)
    }

    fn find(&self, name: &str, rtype: &str, presentation: &str) -> Option<usize> {
        self.current.iter().enumerate().position(|(at, known)| {
            !self.is_matched[at]
                && known.name == name
                && known.rtype.as_str() == rtype
                && known.presentation == presentation
        })
    }

    /// Finds the user's record of a checked one, or keeps it for the end.
    fn place(&mut self, created: CreatedRecord) {
        let record = &created.record;
        let (name, value) = (record.name.fqdn(), &record.value);
        match self.find(name, value.rtype().as_str(), value.presentation()) {
            Some(at) => self.change(at, created),
            None => self.rest.push(created),
        }
    }

    fn change(&mut self, at: usize, created: CreatedRecord) {
        self.is_matched[at] = true;
        let known = &self.current[at];
        let mut record = created.record;
        let notes = Notes {
            ports: record.ports.take(),
            course: record.course.take(),
            description: record.description.take(),
        }
        .or(&known.notes);
        let is_same = record.value.presentation() == known.presentation
            && notes == known.notes
            && record.ttl.beside(Some(known.ttl)) == known.ttl;
        if is_same && !has_ttl_doubt(&created.doubts) {
            self.diff.unchanged.push(at);
            return;
        }
        record.ports = notes.ports;
        record.course = notes.course;
        record.description = notes.description;
        self.diff.change.push(ChangedRecord {
            at,
            line: created.line,
            record,
            doubts: created.doubts,
        });
    }

    fn refuse(&mut self, pasted: &PastedRecord, reasons: Vec<String>) {
        self.diff.faulty.push(FaultyLine {
            line: pasted.line,
            source: pasted.source.clone(),
            reasons,
        });
    }

    /// Pairs what is left of both sides by name and type.
    fn finish(mut self) -> ZoneDiff {
        for created in std::mem::take(&mut self.rest) {
            let key = |name: &str, rtype: RecordType| {
                name == created.record.name.fqdn() && rtype == created.record.value.rtype()
            };
            let left = self
                .current
                .iter()
                .enumerate()
                .position(|(at, known)| !self.is_matched[at] && key(&known.name, known.rtype));
            match left {
                Some(at) => self.change(at, created),
                None => self.diff.create.push(created),
            }
        }
        let left = self.is_matched.iter().enumerate();
        self.diff.delete = left
            .filter(|(_, is_matched)| !**is_matched)
            .map(|(at, _)| at)
            .collect();
        self.diff.unchanged.sort_unstable();
        self.diff.faulty.sort_by_key(|faulty| faulty.line);
        self.diff
    }
}

/// Returns whether the TTL of a line is not used as it is, which the user has to see.
fn has_ttl_doubt(doubts: &[Doubt]) -> bool {
    doubts.iter().any(|doubt| doubt.field == Field::Ttl)
}
