//! Times to live as zone files and hosts' pages write them.

/// A time to live in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ttl {
    /// A number of seconds.
    Seconds(u32),
    /// Left to the server (`Auto`).
    Automatic,
}

impl Ttl {
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

/// The units of a TTL with their words.
const UNITS: [(&[&str], u32); 5] = [
    (&["s", "sec", "secs", "second", "seconds"], 1),
    (&["m", "min", "mins", "minute", "minutes"], 60),
    (&["h", "hr", "hrs", "hour", "hours"], 3_600),
    (&["d", "day", "days"], 86_400),
    (&["w", "week", "weeks"], 604_800),
];

/// Parses one word as zone files write it: `300`, `1h`, `1h30m`, `1W`.
pub(super) fn parse_word(word: &str) -> Option<u32> {
    if word.bytes().all(|b| b.is_ascii_digit()) {
        return word.parse().ok().filter(|ttl| *ttl <= i32::MAX as u32);
    }
    let mut total = 0_u32;
    let mut number = String::new();
    for c in word.chars() {
        if c.is_ascii_digit() {
            number.push(c);
            continue;
        }
        let unit = match c.to_ascii_lowercase() {
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            'w' => 604_800,
            _ => return None,
        };
        let seconds = number.parse::<u32>().ok()?.checked_mul(unit)?;
        total = total.checked_add(seconds)?;
        number.clear();
    }
    (number.is_empty() && total > 0).then_some(total)
}

/// Parses a cell of a host's page: also `Auto`, `1 hour`, `600 seconds`, `30 min`.
pub(super) fn parse_cell(cell: &str) -> Option<Ttl> {
    let cell = cell.trim().to_ascii_lowercase();
    let cell = cell.trim_matches(['(', ')']);
    if AUTOMATIC.contains(&cell) {
        return Some(Ttl::Automatic);
    }
    if let Some(seconds) = parse_word(cell) {
        return Some(Ttl::Seconds(seconds));
    }
    let (number, unit) = cell.split_once(' ')?;
    let (_, factor) = UNITS
        .iter()
        .find(|(words, _)| words.contains(&unit.trim()))?;
    if number == "1/2" {
        return Some(Ttl::Seconds(factor / 2));
    }
    let seconds = number.parse::<u32>().ok()?.checked_mul(*factor)?;
    Some(Ttl::Seconds(seconds))
}
