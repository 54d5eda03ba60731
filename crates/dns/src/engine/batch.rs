//! Splits changes into batches within the provider's limits; the changes of one name stay in one
//! batch.

use starchart_domain::plan::RrsetChange;

use crate::provider::{BatchLimits, BatchSize, Change};

/// All changes of one name. They belong in one batch, because a CNAME can only be created in the
/// batch that deletes the name's other RRsets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameChanges {
    name: String,
    changes: Vec<Change>,
}

impl NameChanges {
    /// Converts planned changes, which all belong to `name`, to provider changes, deletions first.
    /// [`split`] drops a name without changes.
    pub fn new(name: impl Into<String>, changes: &[RrsetChange]) -> Self {
        let deletions = changes.iter().filter_map(|change| match change {
            RrsetChange::Delete(set) | RrsetChange::Replace { old: set, .. } => {
                Some(Change::delete(set.clone()))
            }
            RrsetChange::Create(_) => None,
        });
        let creations = changes.iter().filter_map(|change| match change {
            RrsetChange::Create(set) | RrsetChange::Replace { new: set, .. } => {
                Some(Change::create(set.clone()))
            }
            RrsetChange::Delete(_) => None,
        });
        Self {
            name: name.into(),
            changes: deletions.chain(creations).collect(),
        }
    }

    /// Returns the FQDN in lower case without a trailing dot.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the changes, deletions first.
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// Returns the size of the changes.
    pub fn size(&self) -> BatchSize {
        BatchSize::of(&self.changes)
    }
}

/// The content of one request: complete names in order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Batch {
    names: Vec<NameChanges>,
}

impl Batch {
    /// Returns the names with their changes.
    pub fn names(&self) -> &[NameChanges] {
        &self.names
    }

    /// Returns the changes of all names, in the order to send.
    pub fn changes(&self) -> Vec<Change> {
        self.names
            .iter()
            .flat_map(|name| name.changes.iter().cloned())
            .collect()
    }

    /// Returns the size of all changes.
    pub fn size(&self) -> BatchSize {
        self.names
            .iter()
            .fold(BatchSize::default(), |size, name| size.plus(name.size()))
    }
}

/// The changes of one name exceed the limits of a request, so none of them can be sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{name}: {} values of {} characters exceed the {} values and {} characters of one request; \
     shorten or remove some",
    size.records, size.characters, limits.records, limits.characters
)]
pub struct TooLarge {
    /// The FQDN whose changes are too large.
    pub name: String,
    /// The size of its changes.
    pub size: BatchSize,
    /// The limits of the provider.
    pub limits: BatchLimits,
}

/// Splits the names into as few batches as their order allows, and returns the names that exceed
/// the limits on their own separately.
pub fn split(
    names: impl IntoIterator<Item = NameChanges>,
    limits: BatchLimits,
) -> (Vec<Batch>, Vec<TooLarge>) {
    let mut batches: Vec<Batch> = Vec::new();
    let mut too_large = Vec::new();
    let mut open = (Batch::default(), BatchSize::default());
    for name in names.into_iter().filter(|name| !name.changes.is_empty()) {
        let size = name.size();
        if !limits.allow(size) {
            too_large.push(TooLarge {
                name: name.name,
                size,
                limits,
            });
            continue;
        }
        if !limits.allow(open.1.plus(size)) {
            batches.push(std::mem::take(&mut open.0));
            open.1 = BatchSize::default();
        }
        open.0.names.push(name);
        open.1 = open.1.plus(size);
    }
    if !open.0.names.is_empty() {
        batches.push(open.0);
    }
    (batches, too_large)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use starchart_domain::record::RecordType;
    use starchart_domain::rrset::Rrset;

    use super::*;
    use crate::provider::Action;

    const LIMITS: BatchLimits = BatchLimits {
        records: 1_000,
        characters: 32_000,
    };

    fn a(name: &str, count: usize) -> Rrset {
        Rrset::new(
            name,
            RecordType::A,
            (0..count).map(|i| format!("10.{}.{}.1", i / 256, i % 256)),
        )
    }

    fn creates(names: usize) -> Vec<NameChanges> {
        (0..names)
            .map(|i| format!("n{i}.user1.starchart.com"))
            .map(|name| NameChanges::new(name.clone(), &[RrsetChange::Create(a(&name, 1))]))
            .collect()
    }

    #[test]
    fn a_batch_holds_at_most_a_thousand_records() {
        let (batches, too_large) = split(creates(1_000), LIMITS);
        assert_eq!(
            (batches.len(), batches[0].size().records, too_large.len()),
            (1, 1_000, 0)
        );
        let (batches, _) = split(creates(2_500), LIMITS);
        assert_eq!(
            batches.iter().map(|b| b.size().records).collect::<Vec<_>>(),
            [1_000, 1_000, 500]
        );
    }

    #[test]
    fn a_replacement_counts_old_and_new_values_once() {
        let name = "www.user1.starchart.com";
        let group = NameChanges::new(
            name,
            &[RrsetChange::Replace {
                old: a(name, 2),
                new: a(name, 3),
            }],
        );
        assert_eq!(group.size().records, 5);
        assert_eq!(group.changes()[0].action, Action::Delete);
        assert_eq!(group.changes()[1].action, Action::Create);
    }

    #[test]
    fn a_batch_holds_at_most_32_000_characters() {
        let text = |i: usize| {
            format!(
                "\"{}\"",
                format!("{i:04}")
                    .repeat(1_000)
                    .chars()
                    .take(3_998)
                    .collect::<String>()
            )
        };
        let names = (0..9).map(|i| {
            let name = format!("t{i}.user1.starchart.com");
            NameChanges::new(
                name.clone(),
                &[RrsetChange::Create(Rrset::new(
                    name,
                    RecordType::Txt,
                    [text(i)],
                ))],
            )
        });
        let (batches, _) = split(names, LIMITS);
        assert_eq!(
            batches
                .iter()
                .map(|b| b.size().characters)
                .collect::<Vec<_>>(),
            [32_000, 4_000]
        );
    }

    #[test]
    fn changes_of_a_name_stay_in_one_batch_deletions_first() {
        let name = "b.user1.starchart.com";
        let cname = Rrset::new(name, RecordType::Cname, ["example.com.".to_owned()]);
        let swap = NameChanges::new(
            name,
            &[RrsetChange::Create(cname), RrsetChange::Delete(a(name, 2))],
        );
        let mut names = creates(2);
        names.insert(1, swap);
        let (batches, _) = split(
            names,
            BatchLimits {
                records: 3,
                characters: 32_000,
            },
        );
        assert_eq!(
            batches.iter().map(|b| b.names().len()).collect::<Vec<_>>(),
            [1, 1, 1]
        );
        let swap = batches[1].changes();
        assert_eq!(
            swap.iter().map(|c| c.action).collect::<Vec<_>>(),
            [Action::Delete, Action::Create]
        );
    }

    #[test]
    fn a_name_over_the_limits_is_returned_separately() {
        let big = "big.user1.starchart.com";
        let mut names = creates(3);
        names.insert(1, NameChanges::new(big, &[RrsetChange::Create(a(big, 5))]));
        names.push(NameChanges::new("idle.user1.starchart.com", &[]));
        let (batches, too_large) = split(
            names,
            BatchLimits {
                records: 4,
                characters: 1_000,
            },
        );
        assert_eq!(batches.len(), 1);
        assert_eq!(batches[0].names().len(), 3);
        assert_eq!(too_large[0].name, big);
        assert!(
            too_large[0].to_string().contains("5 values"),
            "{}",
            too_large[0]
        );
    }

    fn changes_for(index: usize, values: usize) -> NameChanges {
        let name = format!("n{index}.user1.starchart.com");
        if values == 0 {
            return NameChanges::new(name, &[]);
        }
        let create = RrsetChange::Create(a(&name, values));
        NameChanges::new(name, &[create])
    }

    proptest! {
        #[test]
        fn split_keeps_every_name_whole_and_within_the_limits(
            counts in prop::collection::vec(0_usize..12, 0..60),
            records in 1_usize..20,
            characters in 20_usize..200,
        ) {
            let limits = BatchLimits { records, characters };
            let names: Vec<_> = counts
                .iter()
                .enumerate()
                .map(|(i, count)| changes_for(i, *count))
                .collect();
            let (batches, too_large) = split(names.clone(), limits);
            for batch in &batches {
                prop_assert!(limits.allow(batch.size()) && !batch.names().is_empty());
            }
            for pair in batches.windows(2) {
                let joined = pair[0].size().plus(pair[1].names()[0].size());
                prop_assert!(!limits.allow(joined), "the batches could be one");
            }
            let sent: Vec<_> = batches.iter().flat_map(|b| b.names().iter().cloned()).collect();
            let expected: Vec<_> = names
                .into_iter()
                .filter(|n| !n.changes().is_empty() && limits.allow(n.size()))
                .collect();
            let with_changes = counts.iter().filter(|c| **c > 0).count();
            prop_assert_eq!(&sent, &expected);
            prop_assert_eq!(sent.len() + too_large.len(), with_changes);
        }
    }
}
