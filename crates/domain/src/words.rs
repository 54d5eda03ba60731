//! The words that the name of a record may not contain, and the labels that no user may choose.

mod lists;

use std::collections::{BTreeMap, BTreeSet};

use crate::fault::NameFault;
use crate::names::ReservedLabels;

pub use lists::{EntryFault, LineFault, ListKind, NameLists, Source};

/// The fewest single characters between separators that are read as one word (`f-u-c-k`).
const MIN_SPELLED: usize = 3;

/// The fewest characters of a word in which digits are read as letters: shorter ones are numbers of
/// machines and rooms (`b52`).
const MIN_DISGUISED: usize = 4;

/// The lengths of a UUID's groups of digits (RFC 9562 section 4).
const UUID_GROUPS: [usize; 5] = [8, 4, 4, 4, 12];

/// What holds for names: the lists of the program or the operator, with the entries that admins
/// added.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NameRules {
    /// Finds the words that no name may contain.
    pub words: WordFilter,
    /// The labels that no user may choose.
    pub reserved: ReservedLabels,
}

impl NameRules {
    /// Makes the rules of these lists and of the entries that admins added. `contact` is whom to
    /// ask about a refused word.
    pub fn new<'a>(
        lists: &NameLists,
        added: impl IntoIterator<Item = (ListKind, &'a str)>,
        contact: Option<String>,
    ) -> Self {
        let mut rules = Self::default();
        rules.words.contact = contact;
        let listed = ListKind::ALL.iter().copied();
        let listed = listed.flat_map(|kind| {
            let source = lists.source(kind);
            lists.entries(kind).map(move |entry| (kind, entry, source))
        });
        rules.add(listed.collect());
        let added = added.into_iter();
        rules.add(
            added
                .map(|(kind, entry)| (kind, entry, Source::Admin))
                .collect(),
        );
        rules
    }

    /// Adds entries: those that allow a word after those that refuse it.
    fn add(&mut self, mut entries: Vec<(ListKind, &str, Source)>) {
        entries.sort_by_key(|(kind, ..)| *kind == ListKind::Allowed);
        for (kind, entry, source) in entries {
            match kind {
                ListKind::Refused => self.words.refuse(entry, source),
                ListKind::Allowed => self.words.allow(entry),
                ListKind::Reserved => self.reserved.add(entry, source),
            }
        }
    }
}

/// A list of words that no name may contain.
///
/// Only whole words between `-`, `_` and `.` count: a name such as `hancock` is not searched for
/// parts of it. Labels that begin with `_` are dictated by services and never searched, nor are
/// UUIDs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WordFilter {
    refused: BTreeMap<String, Source>,
    /// Words that were taken off the list.
    allowed_words: BTreeSet<String>,
    /// Phrases in which words of the list are harmless.
    allowed_phrases: Vec<Vec<String>>,
    contact: Option<String>,
}

/// A refused word that was found in a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The word as the name spells it.
    pub spelled: String,
    /// The word as it is in the list.
    pub word: String,
    /// Which list has it.
    pub source: Source,
}

/// A word of a name.
struct Word<'a> {
    text: &'a str,
    /// Where it is in the name.
    at: usize,
}

impl WordFilter {
    /// Returns the filter with the lists that come with the program.
    pub fn built_in() -> Self {
        NameRules::new(&NameLists::built_in(), [], None).words
    }

    /// Returns the filter with one more word that an admin refuses.
    #[must_use]
    pub fn refusing(mut self, word: &str) -> Self {
        self.refuse(word, Source::Admin);
        self
    }

    /// Returns whether this word or phrase is on the list of those that are allowed.
    pub fn allows(&self, entry: &str) -> bool {
        let is_entry = |phrase: &Vec<String>| phrase.join("-") == entry;
        self.allowed_words.contains(entry) || self.allowed_phrases.iter().any(is_entry)
    }

    fn refuse(&mut self, word: &str, source: Source) {
        self.allowed_words.remove(word);
        self.refused.entry(word.to_owned()).or_insert(source);
    }

    /// Takes a single word off the list, or adds a phrase in which words of the list are harmless.
    fn allow(&mut self, entry: &str) {
        match entry.contains('-') {
            true => {
                let words = entry.split('-').map(str::to_owned);
                self.allowed_phrases.push(words.collect());
            }
            false => {
                self.refused.remove(entry);
                self.allowed_words.insert(entry.to_owned());
            }
        }
    }

    /// Checks a name relative to the base domain, in lower case and with the letters that it shows.
    ///
    /// # Errors
    /// [`NameFault::Inappropriate`] with the refused word.
    pub fn check(&self, shown: &str) -> Result<(), NameFault> {
        match self.find_in(shown) {
            None => Ok(()),
            Some(found) => Err(NameFault::Inappropriate {
                word: found.spelled,
                contact: self.contact.clone(),
            }),
        }
    }

    /// Finds a refused word in a name relative to the base domain, in lower case.
    pub fn find_in(&self, relative: &str) -> Option<Found> {
        // A service dictates a label that begins with `_`, and often those beside it.
        let (dictated, chosen): (Vec<&str>, Vec<&str>) = relative
            .split('.')
            .partition(|label| label.starts_with('_'));
        let chosen = chosen.iter().filter(|label| !is_uuid(label));
        let found = chosen
            .map(|label| words_of(label))
            .find_map(|words| self.find_in_words(&words));
        match found {
            None if dictated.is_empty() => self.find_spelled(relative),
            found => found,
        }
    }

    /// Lists the phrases of a name that would be refused without them: the word and the phrase.
    pub fn list_harmless(&self, relative: &str) -> Vec<(String, String)> {
        let labels = relative.split('.').filter(|label| !label.starts_with('_'));
        let words = labels.map(words_of);
        let harmless = words.flat_map(|words| {
            let texts: Vec<&str> = words.iter().map(|word| word.text).collect();
            let found = (0..texts.len()).filter_map(|at| {
                let found = self.find_word(texts[at])?;
                let phrase = self.phrase_around(&texts, at)?;
                Some((found.spelled, phrase.join("-")))
            });
            found.collect::<Vec<_>>()
        });
        harmless.collect()
    }

    /// Finds a word that is refused when it stands alone.
    pub fn find_word(&self, word: &str) -> Option<Found> {
        // A number after a word counts machines (`n13`) and disguises no letter.
        let letters = word.trim_end_matches(|c: char| c.is_ascii_digit());
        if !letters.contains(char::is_alphabetic) {
            return None;
        }
        let find = |plain: &str| {
            let (word_of_list, source) = self.refused.get_key_value(plain)?;
            Some(Found {
                spelled: word.to_owned(),
                word: word_of_list.clone(),
                source: *source,
            })
        };
        if letters.chars().count() < MIN_DISGUISED {
            return find(letters);
        }
        ['i', 'l'].iter().find_map(|one| {
            let plain: String = letters.chars().map(|c| letter_of(c, *one)).collect();
            find(&plain)
        })
    }

    fn find_in_words(&self, words: &[Word<'_>]) -> Option<Found> {
        let texts: Vec<&str> = words.iter().map(|word| word.text).collect();
        (0..texts.len()).find_map(|at| {
            let found = self.find_word(texts[at])?;
            self.phrase_around(&texts, at).is_none().then_some(found)
        })
    }

    /// Finds a word whose characters are separated: `f.u.c.k`.
    fn find_spelled(&self, relative: &str) -> Option<Found> {
        let words = words_of(relative);
        let mut runs = words.split(|word| word.text.chars().count() != 1);
        let spelled = |run: &[Word<'_>]| -> Option<Found> {
            let (first, last) = (run.first()?, run.last()?);
            let word: String = run.iter().map(|word| word.text).collect();
            let found = (run.len() >= MIN_SPELLED).then(|| self.find_word(&word))??;
            Some(Found {
                spelled: relative[first.at..last.at + last.text.len()].to_owned(),
                ..found
            })
        };
        runs.find_map(spelled)
    }

    /// Returns the harmless phrase that the word is part of.
    fn phrase_around(&self, words: &[&str], at: usize) -> Option<&[String]> {
        let is_around = |phrase: &&Vec<String>| {
            let mut windows = words.windows(phrase.len()).enumerate();
            windows.any(|(start, window)| {
                (start..start + phrase.len()).contains(&at) && window == phrase.as_slice()
            })
        };
        self.allowed_phrases
            .iter()
            .find(is_around)
            .map(Vec::as_slice)
    }
}

/// Returns whether a label is a UUID: a machine made it, and parts of it are words by chance.
fn is_uuid(label: &str) -> bool {
    let groups: Vec<&str> = label.split('-').collect();
    let fits = |(group, length): (&&str, usize)| {
        group.len() == length && group.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    groups.len() == UUID_GROUPS.len() && groups.iter().zip(UUID_GROUPS).all(fits)
}

fn words_of(text: &str) -> Vec<Word<'_>> {
    let mut at = 0;
    let mut words = Vec::new();
    for text in text.split(['-', '_', '.']) {
        words.push(Word { text, at });
        at += text.len() + 1;
    }
    words.retain(|word| !word.text.is_empty());
    words
}

/// Returns the letter that a digit stands for in a disguised word; `one` is that of `1`.
fn letter_of(c: char, one: char) -> char {
    match c {
        '0' => 'o',
        '1' => one,
        '3' => 'e',
        '4' => 'a',
        '5' => 's',
        '7' => 't',
        '8' => 'b',
        '9' => 'g',
        _ => c,
    }
}

#[cfg(test)]
mod tests;
