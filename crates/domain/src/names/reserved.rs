//! Labels that no user may choose, because they look like services of the school.

use std::collections::BTreeMap;

use super::Label;
use crate::words::Source;

/// Labels that no user may choose. `ns`, and `ns` with a number after it, are always among them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReservedLabels(BTreeMap<String, Source>);

impl ReservedLabels {
    /// Adds a label that no user may choose.
    pub(crate) fn add(&mut self, label: &str, source: Source) {
        self.0.entry(label.to_owned()).or_insert(source);
    }

    /// Returns which list reserves a label; `None` for one that users may choose.
    pub fn find(&self, label: &Label) -> Option<Source> {
        let number = label.as_str().strip_prefix("ns");
        let is_ns = number.is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_digit()));
        match self.0.get(label.as_str()) {
            None if is_ns => Some(Source::BuiltIn),
            found => found.copied(),
        }
    }
}
