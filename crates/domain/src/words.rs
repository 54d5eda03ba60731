//! The words that the name of a record may not contain.

use std::collections::BTreeSet;

/// The list that comes with the program.
const REFUSED: &str = include_str!("../data/refused-words.txt");
/// The phrases in which words of the list are harmless.
const ALLOWED: &str = include_str!("../data/allowed-phrases.txt");

/// The fewest single characters between separators that are read as one word (`f-u-c-k`).
const MIN_SPELLED: usize = 3;

/// The fewest characters of a word in which digits are read as letters: shorter ones are numbers of
/// machines and rooms (`b52`).
const MIN_DISGUISED: usize = 4;

/// A list of words that no name may contain.
///
/// Only whole words between `-`, `_` and `.` count: a name such as `hancock` is not searched for
/// parts of it. Labels that begin with `_` are dictated by services and never searched.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WordFilter {
    refused: BTreeSet<String>,
    allowed: Vec<Vec<String>>,
}

/// A word of a name.
struct Word<'a> {
    text: &'a str,
    /// Where it is in the name.
    at: usize,
}

impl WordFilter {
    /// Returns the list that comes with the program.
    pub fn built_in() -> Self {
        Self::parse(REFUSED, ALLOWED)
    }

    /// Parses two lists with one entry a line, in lower case: words that are refused, and phrases,
    /// their words joined with `-`, in which such words are harmless. Lines that begin with `#` are
    /// comments.
    pub fn parse(refused: &str, allowed: &str) -> Self {
        Self {
            refused: entries(refused).map(str::to_owned).collect(),
            allowed: entries(allowed)
                .map(|phrase| phrase.split('-').map(str::to_owned).collect())
                .collect(),
        }
    }

    /// Finds a refused word in a name relative to the base domain, in lower case, and returns it
    /// as the name spells it.
    pub fn find_in(&self, relative: &str) -> Option<String> {
        // A service dictates a label that begins with `_`, and often those beside it.
        let (dictated, chosen): (Vec<&str>, Vec<&str>) = relative
            .split('.')
            .partition(|label| label.starts_with('_'));
        let found = chosen
            .iter()
            .find_map(|label| self.find_in_words(&words_of(label)));
        match found {
            None if dictated.is_empty() => self.find_spelled(relative),
            found => found,
        }
    }

    fn find_in_words(&self, words: &[Word<'_>]) -> Option<String> {
        let texts: Vec<&str> = words.iter().map(|word| word.text).collect();
        let mut refused = (0..texts.len()).filter(|at| self.is_refused(texts[*at]));
        refused
            .find(|at| !self.is_in_phrase(&texts, *at))
            .map(|at| texts[at].to_owned())
    }

    /// Finds a word whose characters are separated: `f.u.c.k`.
    fn find_spelled(&self, relative: &str) -> Option<String> {
        let words = words_of(relative);
        let mut runs = words.split(|word| word.text.len() != 1);
        let spelled = |run: &[Word<'_>]| -> Option<String> {
            let (first, last) = (run.first()?, run.last()?);
            let word: String = run.iter().map(|word| word.text).collect();
            let is_refused = run.len() >= MIN_SPELLED && self.is_refused(&word);
            is_refused.then(|| relative[first.at..=last.at].to_owned())
        };
        runs.find_map(spelled)
    }

    fn is_refused(&self, word: &str) -> bool {
        // A number after a word counts machines (`n13`) and disguises no letter.
        let word = word.trim_end_matches(|c: char| c.is_ascii_digit());
        if !word.contains(|c: char| c.is_ascii_alphabetic()) {
            return false;
        }
        if word.len() < MIN_DISGUISED {
            return self.refused.contains(word);
        }
        ['i', 'l'].iter().any(|one| {
            let plain: String = word.chars().map(|c| letter_of(c, *one)).collect();
            self.refused.contains(&plain)
        })
    }

    /// Returns whether the word is part of a harmless phrase.
    fn is_in_phrase(&self, words: &[&str], at: usize) -> bool {
        self.allowed.iter().any(|phrase| {
            let mut windows = words.windows(phrase.len()).enumerate();
            windows.any(|(start, window)| {
                (start..start + phrase.len()).contains(&at) && window == phrase.as_slice()
            })
        })
    }
}

fn entries(list: &str) -> impl Iterator<Item = &str> {
    let lines = list.lines().map(str::trim);
    lines.filter(|line| !line.is_empty() && !line.starts_with('#'))
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
