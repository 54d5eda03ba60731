//! Splits changes into batches within the provider's limits; the changes of one name stay in one
//! batch, because a CNAME can only be created in the batch that deletes the name's other RRsets.

use starchart_domain::plan::RrsetChange;

use crate::provider::{BatchLimits, BatchSize, Change};

/// Converts the planned changes of one name to provider changes, deletions first.
pub fn provider_changes(changes: &[RrsetChange]) -> Vec<Change> {
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
    deletions.chain(creations).collect()
}

/// Splits names into as few batches as their order allows. Returns the names that exceed the limits
/// on their own separately, with their sizes; drops names without changes.
pub fn split<T>(
    names: impl IntoIterator<Item = T>,
    size_of: impl Fn(&T) -> BatchSize,
    limits: BatchLimits,
) -> (Vec<Vec<T>>, Vec<(T, BatchSize)>) {
    let mut batches: Vec<Vec<T>> = Vec::new();
    let mut too_large = Vec::new();
    let mut open = BatchSize::default();
    for name in names {
        let size = size_of(&name);
        if size == BatchSize::default() {
            continue;
        }
        if !limits.allow(size) {
            too_large.push((name, size));
            continue;
        }
        match batches.last_mut() {
            Some(batch) if limits.allow(open.plus(size)) => {
                batch.push(name);
                open = open.plus(size);
            }
            _ => {
                batches.push(vec![name]);
                open = size;
            }
        }
    }
    (batches, too_large)
}

/// Says why a name cannot be published: its changes exceed the limits of a request.
pub fn describe_too_large(name: &str, size: BatchSize, limits: BatchLimits) -> String {
    format!(
        "{name}: {} values of {} characters exceed the {} values and {} characters of one request; \
         shorten or remove some",
        size.records, size.characters, limits.records, limits.characters
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use starchart_domain::record::RecordType;
    use starchart_domain::rrset::Rrset;

    use super::*;
    use crate::provider::Action;

    type NameChanges = Vec<Change>;

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

    /// The changes of a name without an RRset that create one with so many values.
    fn create(index: usize, values: usize) -> Vec<Change> {
        let set = a(&format!("n{index}.user1.starchart.com"), values);
        let planned = (values > 0).then_some(RrsetChange::Create(set));
        provider_changes(planned.as_slice())
    }

    fn creates(names: usize) -> Vec<Vec<Change>> {
        (0..names).map(|index| create(index, 1)).collect()
    }

    fn split_changes(
        names: Vec<NameChanges>,
        limits: BatchLimits,
    ) -> (Vec<Vec<NameChanges>>, Vec<(NameChanges, BatchSize)>) {
        split(names, |changes| BatchSize::of(changes), limits)
    }

    fn size(batch: &[Vec<Change>]) -> BatchSize {
        BatchSize::of(&batch.concat())
    }

    #[test]
    fn a_batch_holds_at_most_a_thousand_records() {
        let (batches, too_large) = split_changes(creates(1_000), LIMITS);
        assert_eq!(
            (batches.len(), size(&batches[0]).records, too_large.len()),
            (1, 1_000, 0)
        );
        let (batches, _) = split_changes(creates(2_500), LIMITS);
        let sizes = batches.iter().map(|batch| size(batch).records);
        assert_eq!(sizes.collect::<Vec<_>>(), [1_000, 1_000, 500]);
    }

    #[test]
    fn a_replacement_counts_old_and_new_values_once() {
        let name = "www.user1.starchart.com";
        let changes = provider_changes(&[RrsetChange::Replace {
            old: a(name, 2),
            new: a(name, 3),
        }]);
        assert_eq!(BatchSize::of(&changes).records, 5);
        let actions: Vec<_> = changes.iter().map(|change| change.action).collect();
        assert_eq!(actions, [Action::Delete, Action::Create]);
    }

    #[test]
    fn a_batch_holds_at_most_32_000_characters() {
        let text = |i: usize| {
            let text: String = format!("{i:04}").repeat(1_000);
            format!("\"{}\"", text.chars().take(3_998).collect::<String>())
        };
        let names = (0..9).map(|i| {
            let name = format!("t{i}.user1.starchart.com");
            let set = Rrset::new(name, RecordType::Txt, [text(i)]);
            provider_changes(&[RrsetChange::Create(set)])
        });
        let (batches, _) = split_changes(names.collect(), LIMITS);
        let sizes = batches.iter().map(|batch| size(batch).characters);
        assert_eq!(sizes.collect::<Vec<_>>(), [32_000, 4_000]);
    }

    #[test]
    fn changes_of_a_name_stay_in_one_batch_deletions_first() {
        let name = "b.user1.starchart.com";
        let cname = Rrset::new(name, RecordType::Cname, ["example.com.".to_owned()]);
        let swap = [RrsetChange::Create(cname), RrsetChange::Delete(a(name, 2))];
        let mut names = creates(2);
        names.insert(1, provider_changes(&swap));
        let limits = BatchLimits {
            records: 3,
            characters: 32_000,
        };
        let (batches, _) = split_changes(names, limits);
        assert_eq!(batches.iter().map(Vec::len).collect::<Vec<_>>(), [1, 1, 1]);
        let actions: Vec<_> = batches[1].concat().iter().map(|c| c.action).collect();
        assert_eq!(actions, [Action::Delete, Action::Create]);
    }

    #[test]
    fn a_name_over_the_limits_is_returned_separately() {
        let big = create(9, 5);
        let mut names = creates(3);
        names.insert(1, big.clone());
        names.push(Vec::new());
        let limits = BatchLimits {
            records: 4,
            characters: 1_000,
        };
        let (batches, too_large) = split_changes(names, limits);
        assert_eq!(batches.iter().map(Vec::len).collect::<Vec<_>>(), [3]);
        assert_eq!(too_large, [(big.clone(), BatchSize::of(&big))]);
        let reason = describe_too_large("big.user1.starchart.com", too_large[0].1, limits);
        assert!(reason.contains("5 values"), "{reason}");
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
                .map(|(i, count)| create(i, *count))
                .collect();
            let (batches, too_large) = split_changes(names.clone(), limits);
            for batch in &batches {
                prop_assert!(limits.allow(size(batch)) && !batch.is_empty());
            }
            for pair in batches.windows(2) {
                let joined = size(&pair[0]).plus(BatchSize::of(&pair[1][0]));
                prop_assert!(!limits.allow(joined), "the batches could be one");
            }
            let sent = batches.concat();
            let expected: Vec<_> = names
                .into_iter()
                .filter(|changes| !changes.is_empty() && limits.allow(BatchSize::of(changes)))
                .collect();
            let with_changes = counts.iter().filter(|c| **c > 0).count();
            prop_assert_eq!(&sent, &expected);
            prop_assert_eq!(sent.len() + too_large.len(), with_changes);
        }
    }
}
