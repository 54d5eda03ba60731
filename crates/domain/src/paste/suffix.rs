//! Tells whole names from relative ones by their last label.

/// Top-level domains of more than two letters that names in instructions end in. A name with
/// another ending is read with a remark.
const TOP_LEVEL: &str = include_str!("../../data/top-level-domains.txt");

/// Returns whether a label in lower case is a top-level domain: one of a country, of the list, or
/// an international one in its ASCII form.
pub(super) fn is_top_level(label: &str) -> bool {
    let is_country = label.len() == 2 && label.bytes().all(|b| b.is_ascii_lowercase());
    is_country || label.starts_with("xn--") || TOP_LEVEL.lines().any(|line| line == label)
}
