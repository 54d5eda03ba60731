//! Changes cut into batches that a provider takes, by its own arithmetic, with the sets of one name
//! never parted.
//!
//! Route53 counts the `ResourceRecord` elements (1,000) and the characters of all values (32,000)
//! of a request; a CREATE and a DELETE count once, an UPSERT (which we never send) twice.

use starchart_domain::plan::SetChange;

use crate::zone::{Action, Change};

/// What one request may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// `ResourceRecord` elements: values over all changes.
    pub records: usize,
    /// Characters of all values, quotes and escapes included.
    pub characters: usize,
}

impl Limits {
    /// Amazon Route53's limits of a `ChangeResourceRecordSets` request.
    pub const ROUTE53: Self = Self {
        records: 1_000,
        characters: 32_000,
    };

    fn hold(self, size: Size) -> bool {
        size.records <= self.records && size.characters <= self.characters
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::ROUTE53
    }
}

/// What changes count for against [`Limits`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Size {
    /// `ResourceRecord` elements.
    pub records: usize,
    /// Characters of all values.
    pub characters: usize,
}

impl Size {
    fn plus(self, other: Self) -> Self {
        Self {
            records: self.records + other.records,
            characters: self.characters + other.characters,
        }
    }
}

/// All the changes of one name: they go together or not at all, because a CNAME can only be made in
/// the batch that removes what stands beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameChanges {
    name: String,
    changes: Vec<Change>,
}

impl NameChanges {
    /// The wire changes of one name, deletions first. `changes` are all of `name`; without any the
    /// group is empty and is dropped by [`split`].
    pub fn new(name: impl Into<String>, changes: &[SetChange]) -> Self {
        let deletions = changes.iter().filter_map(|change| match change {
            SetChange::Delete(set) | SetChange::Replace { old: set, .. } => {
                Some(Change::delete(set.clone()))
            }
            SetChange::Create(_) => None,
        });
        let creations = changes.iter().filter_map(|change| match change {
            SetChange::Create(set) | SetChange::Replace { new: set, .. } => {
                Some(Change::create(set.clone()))
            }
            SetChange::Delete(_) => None,
        });
        Self {
            name: name.into(),
            changes: deletions.chain(creations).collect(),
        }
    }

    /// The name: lower case, no trailing dot.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its changes, deletions first.
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// What they count for.
    pub fn size(&self) -> Size {
        self.changes.iter().fold(
            Size::default(),
            |size,
             Change {
                 action: Action::Create | Action::Delete,
                 set,
             }| {
                size.plus(Size {
                    records: set.body.values.len(),
                    characters: set
                        .body
                        .values
                        .iter()
                        .map(|value| value.chars().count())
                        .sum(),
                })
            },
        )
    }
}

/// One request: whole names, in order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Batch {
    names: Vec<NameChanges>,
}

impl Batch {
    /// The names it changes.
    pub fn names(&self) -> &[NameChanges] {
        &self.names
    }

    /// What to send.
    pub fn changes(&self) -> Vec<Change> {
        self.names
            .iter()
            .flat_map(|name| name.changes.iter().cloned())
            .collect()
    }

    /// What it counts for.
    pub fn size(&self) -> Size {
        self.names
            .iter()
            .fold(Size::default(), |size, name| size.plus(name.size()))
    }

    /// The batch without the names that `drop` says; `None` when nothing is left.
    pub fn without(&self, drop: impl Fn(&str) -> bool) -> Option<Self> {
        let names: Vec<_> = self
            .names
            .iter()
            .filter(|name| !drop(&name.name))
            .cloned()
            .collect();
        (!names.is_empty()).then_some(Self { names })
    }

    /// Two halves by name, to find which name is refused when nothing else tells; `None` for a
    /// single name, which then is the one.
    pub fn bisect(&self) -> Option<(Self, Self)> {
        if self.names.len() < 2 {
            return None;
        }
        let (first, second) = self.names.split_at(self.names.len() / 2);
        Some((
            Self {
                names: first.to_vec(),
            },
            Self {
                names: second.to_vec(),
            },
        ))
    }
}

/// The changes of one name exceed a whole request: nothing of it can be sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{name}: {} values of {} characters exceed the {} values and {} characters of one request; shorten or remove some",
    size.records, size.characters, limits.records, limits.characters
)]
pub struct TooLarge {
    /// The name.
    pub name: String,
    /// What its changes count for.
    pub size: Size,
    /// What a request may hold.
    pub limits: Limits,
}

/// Cuts the names into as few batches as their order allows. A name too large for any request is
/// set apart; the others go.
pub fn split(
    names: impl IntoIterator<Item = NameChanges>,
    limits: Limits,
) -> (Vec<Batch>, Vec<TooLarge>) {
    let mut batches: Vec<Batch> = Vec::new();
    let mut too_large = Vec::new();
    let mut open = (Batch::default(), Size::default());
    for name in names.into_iter().filter(|name| !name.changes.is_empty()) {
        let size = name.size();
        if !limits.hold(size) {
            too_large.push(TooLarge {
                name: name.name,
                size,
                limits,
            });
            continue;
        }
        if !limits.hold(open.1.plus(size)) {
            batches.push(std::mem::take(&mut open.0));
            open.1 = Size::default();
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
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]
    use proptest::prelude::*;
    use starchart_domain::record::RecordType;
    use starchart_domain::rrset::Rrset;

    use super::*;

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
            .map(|name| NameChanges::new(name.clone(), &[SetChange::Create(a(&name, 1))]))
            .collect()
    }

    #[test]
    fn a_thousand_records_fit_and_one_more_does_not() {
        let (batches, too_large) = split(creates(1_000), Limits::ROUTE53);
        assert_eq!(
            (batches.len(), batches[0].size().records, too_large.len()),
            (1, 1_000, 0)
        );
        let (batches, _) = split(creates(2_500), Limits::ROUTE53);
        assert_eq!(
            batches.iter().map(|b| b.size().records).collect::<Vec<_>>(),
            [1_000, 1_000, 500]
        );
    }

    #[test]
    fn a_replacement_counts_both_sides_once() {
        let name = "www.user1.starchart.com";
        let group = NameChanges::new(
            name,
            &[SetChange::Replace {
                old: a(name, 2),
                new: a(name, 3),
            }],
        );
        assert_eq!(group.size().records, 5);
        assert_eq!(group.changes()[0].action, Action::Delete);
        assert_eq!(group.changes()[1].action, Action::Create);
    }

    #[test]
    fn values_of_four_thousand_characters_are_counted() {
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
                &[SetChange::Create(Rrset::new(
                    name,
                    RecordType::Txt,
                    [text(i)],
                ))],
            )
        });
        let (batches, _) = split(names, Limits::ROUTE53);
        assert_eq!(
            batches
                .iter()
                .map(|b| b.size().characters)
                .collect::<Vec<_>>(),
            [32_000, 4_000]
        );
    }

    #[test]
    fn the_sets_of_a_name_stay_together_deletions_first() {
        let name = "b.user1.starchart.com";
        let cname = Rrset::new(name, RecordType::Cname, ["example.com.".to_owned()]);
        let swap = NameChanges::new(
            name,
            &[SetChange::Create(cname), SetChange::Delete(a(name, 2))],
        );
        let mut names = creates(2);
        names.insert(1, swap);
        let (batches, _) = split(
            names,
            Limits {
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
    fn a_name_over_the_limit_is_set_apart() {
        let big = "big.user1.starchart.com";
        let mut names = creates(3);
        names.insert(1, NameChanges::new(big, &[SetChange::Create(a(big, 5))]));
        names.push(NameChanges::new("idle.user1.starchart.com", &[]));
        let (batches, too_large) = split(
            names,
            Limits {
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

    #[test]
    fn halves_end_at_one_name() {
        let (batches, _) = split(creates(5), Limits::ROUTE53);
        let (first, second) = batches[0].bisect().unwrap();
        assert_eq!((first.names().len(), second.names().len()), (2, 3));
        assert_eq!(
            [first.changes(), second.changes()].concat(),
            batches[0].changes()
        );
        let (one, _) = first.bisect().unwrap();
        assert!(one.bisect().is_none());
        let rest = batches[0].without(|name| name.starts_with("n3.")).unwrap();
        assert_eq!(rest.names().len(), 4);
        assert!(one.without(|_| true).is_none());
    }

    proptest! {
        #[test]
        fn nothing_is_lost_parted_or_over(counts in prop::collection::vec(0_usize..12, 0..60), records in 1_usize..20, characters in 20_usize..200) {
            let limits = Limits { records, characters };
            let names: Vec<_> = counts.iter().enumerate().map(|(i, count)| {
                let name = format!("n{i}.user1.starchart.com");
                let sets: &[SetChange] = &if *count == 0 { vec![] } else { vec![SetChange::Create(a(&name, *count))] };
                NameChanges::new(name, sets)
            }).collect();
            let (batches, too_large) = split(names.clone(), limits);
            for batch in &batches {
                prop_assert!(limits.hold(batch.size()) && !batch.names().is_empty());
            }
            for pair in batches.windows(2) {
                prop_assert!(!limits.hold(pair[0].size().plus(pair[1].names()[0].size())), "could have been one");
            }
            let sent: Vec<_> = batches.iter().flat_map(|b| b.names().iter().cloned()).collect();
            let expected: Vec<_> = names.into_iter().filter(|n| !n.changes().is_empty() && limits.hold(n.size())).collect();
            prop_assert_eq!(&sent, &expected);
            prop_assert_eq!(sent.len() + too_large.len(), counts.iter().filter(|c| **c > 0).count());
        }
    }
}
