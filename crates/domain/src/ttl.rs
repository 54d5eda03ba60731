//! Times to live (TTL): for how many seconds others may remember an RRset.
//!
//! A TTL belongs to an RRset: all records of one name and type have the same (RFC 2181 section
//! 5.2).

use std::fmt;

use crate::input::{OddChar, clean_line, mend};
use crate::plural::pluralize;

/// The time to live of an RRset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ttl(u32);

impl Ttl {
    /// The most seconds that a message can carry (RFC 2181 section 8).
    pub const MAX_S: u32 = 2_147_483_647;
    /// What the original published. Imported records and challenge values have it, and new RRsets
    /// unless `RECORD_TTL_DEFAULT_S` says otherwise.
    pub const DEFAULT: Self = Self(300);
    /// That of what changes at any moment: a dynamic address, the answer to a challenge.
    pub const MINUTE: Self = Self(60);
    /// The TTLs that forms offer, if they are within the limits.
    const PRESETS: [Self; 4] = [Self::MINUTE, Self::DEFAULT, Self(3_600), Self(86_400)];

    /// Makes a TTL; `None` above [`Self::MAX_S`].
    pub const fn from_seconds(seconds: u32) -> Option<Self> {
        if seconds > Self::MAX_S {
            return None;
        }
        Some(Self(seconds))
    }

    /// Returns the number of its seconds.
    pub const fn as_seconds(self) -> u32 {
        self.0
    }
}

/// The units that a TTL is shown in, with their words.
const SHOWN: [(u32, &str, &str); 4] = [
    (86_400, "day", "days"),
    (3_600, "hour", "hours"),
    (60, "minute", "minutes"),
    (1, "second", "seconds"),
];

impl fmt::Display for Ttl {
    /// Writes the TTL in words: `5 minutes`, `1 day 12 hours`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        let mut words = Vec::new();
        for (seconds, one, many) in SHOWN {
            let count = rest / seconds;
            rest %= seconds;
            // Zero is zero seconds.
            if count > 0 || (words.is_empty() && seconds == 1) {
                words.push(pluralize(count, one, many));
            }
        }
        f.write_str(&words.join(" "))
    }
}

/// The units of a typed TTL with their words, as BIND and hosts' pages write them.
const UNITS: [(&[&str], u64); 5] = [
    (&["s", "sec", "secs", "second", "seconds"], 1),
    (&["m", "min", "mins", "minute", "minutes"], 60),
    (&["h", "hr", "hrs", "hour", "hours"], 3_600),
    (&["d", "day", "days"], 86_400),
    (&["w", "week", "weeks"], 604_800),
];

/// Reads a time in any case and spelling: `3600`, `1h`, `1w2d`, `1 hour 30 minutes`. Returns its
/// seconds, which need not be a TTL; `None` for any other text.
pub(crate) fn parse_time(text: &str) -> Option<u64> {
    let text = text.trim().to_ascii_lowercase();
    let mut rest = text.as_str();
    if let Some(seconds) = parse_digits(rest) {
        return Some(seconds);
    }
    let mut total = 0_u64;
    loop {
        let (digits, after) = split_where(rest, |c| !c.is_ascii_digit());
        let (word, after) = split_where(after.trim_start(), |c| !c.is_ascii_alphabetic());
        let (_, seconds) = UNITS.iter().find(|(words, _)| words.contains(&word))?;
        let time = parse_digits(digits)?.saturating_mul(*seconds);
        total = total.saturating_add(time);
        rest = after.trim_start();
        if rest.is_empty() {
            return Some(total);
        }
    }
}

/// Returns the number of digits alone, at most that of the type.
fn parse_digits(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_digit());
    is_number.then(|| text.parse().unwrap_or(u64::MAX))
}

fn split_where(text: &str, is_end: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(is_end).unwrap_or(text.len()))
}

/// Which TTL an RRset gets when one of its records is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TtlChoice {
    /// This one, and every record of the RRset takes it.
    Set(Ttl),
    /// The one that it has. A new RRset gets that of the record that moves there, or this one.
    KeepOr(Ttl),
    /// The one that it has. A new RRset gets this one.
    ForNew(Ttl),
}

impl TtlChoice {
    /// Returns the TTL of an RRset that has `present`, or none.
    pub fn beside(self, present: Option<Ttl>) -> Ttl {
        match self {
            Self::Set(ttl) => ttl,
            Self::KeepOr(ttl) | Self::ForNew(ttl) => present.unwrap_or(ttl),
        }
    }

    /// Returns the TTL of an RRset that has `present`, or none, when a record that has `own`
    /// becomes the one with this choice.
    pub fn beside_or_own(self, present: Option<Ttl>, own: Option<Ttl>) -> Ttl {
        match self {
            Self::KeepOr(_) => self.beside(present.or(own)),
            Self::Set(_) | Self::ForNew(_) => self.beside(present),
        }
    }
}

/// Why a typed TTL is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TtlFault {
    /// The text is no time.
    Unreadable,
    /// The text has a character that is not what it looks like.
    Odd(OddChar),
    /// The TTL is below the limit.
    TooShort {
        /// The shortest TTL that is allowed.
        min: Ttl,
    },
    /// The TTL is above the limit.
    TooLong {
        /// The longest TTL that is allowed.
        max: Ttl,
    },
    /// A record of the same name and type, which is saved together with this one, has another TTL.
    Differs {
        /// The TTL of that record.
        other: Ttl,
    },
}

impl fmt::Display for TtlFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable => {
                f.write_str("Enter the TTL as a time: 3600 (seconds), 5m, 1h, 1d or 90 minutes")
            }
            Self::Odd(odd) => write!(f, "In this field {odd}"),
            Self::TooShort { min } => write!(f, "A TTL is at least {min} here: enter a longer one"),
            Self::TooLong { max } => write!(f, "A TTL is at most {max} here: enter a shorter one"),
            Self::Differs { other } => write!(
                f,
                "All records of one name and type have one TTL, and another one here has {other}: \
                 enter the same for both, or leave one empty"
            ),
        }
    }
}

/// Which TTLs users may choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TtlLimits {
    /// `RECORD_TTL_MIN_S`: the shortest TTL that is allowed.
    pub min: Ttl,
    /// `RECORD_TTL_MAX_S`: the longest TTL that is allowed.
    pub max: Ttl,
    /// `RECORD_TTL_DEFAULT_S`: that of a new RRset whose user chooses none.
    pub default: Ttl,
}

impl Default for TtlLimits {
    /// Returns what holds unless a setting says otherwise.
    fn default() -> Self {
        Self {
            min: Ttl(60),
            max: Ttl(86_400),
            default: Ttl::DEFAULT,
        }
    }
}

impl TtlLimits {
    /// Lists the TTLs that a form offers.
    pub fn presets(&self) -> impl Iterator<Item = Ttl> {
        let Self { min, max, .. } = *self;
        let presets = Ttl::PRESETS.into_iter();
        presets.filter(move |ttl| (min..=max).contains(ttl))
    }

    /// Returns the nearest TTL within the limits.
    pub fn clamp(&self, ttl: Ttl) -> Ttl {
        ttl.max(self.min).min(self.max)
    }

    /// Checks a typed TTL. An empty one keeps that of the RRset.
    ///
    /// # Errors
    /// It is no time, or out of the limits.
    pub fn check(&self, input: &str) -> Result<TtlChoice, TtlFault> {
        let input = clean_line(input);
        if input.is_empty() {
            return Ok(TtlChoice::KeepOr(self.default));
        }
        let Some(seconds) = parse_time(&input) else {
            return Err(match OddChar::find(&input) {
                Some(odd) if parse_time(&mend(&input)).is_some() => TtlFault::Odd(odd),
                _ => TtlFault::Unreadable,
            });
        };
        let ttl = u32::try_from(seconds).ok().and_then(Ttl::from_seconds);
        match ttl {
            Some(ttl) if ttl < self.min => Err(TtlFault::TooShort { min: self.min }),
            Some(ttl) if ttl <= self.max => Ok(TtlChoice::Set(ttl)),
            _ => Err(TtlFault::TooLong { max: self.max }),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn seconds(seconds: u32) -> Ttl {
        Ttl(seconds)
    }

    #[test]
    fn a_ttl_is_shown_in_words_that_are_read_back() {
        for (time, words) in [
            (0, "0 seconds"),
            (1, "1 second"),
            (60, "1 minute"),
            (90, "1 minute 30 seconds"),
            (300, "5 minutes"),
            (3_600, "1 hour"),
            (86_400, "1 day"),
            (129_600, "1 day 12 hours"),
            (604_800, "7 days"),
            (Ttl::MAX_S, "24855 days 3 hours 14 minutes 7 seconds"),
        ] {
            assert_eq!(seconds(time).to_string(), words);
            assert_eq!(parse_time(words), Some(u64::from(time)), "{words}");
        }
        assert_eq!(Ttl::from_seconds(Ttl::MAX_S + 1), None);
    }

    #[test]
    fn a_ttl_is_typed_in_many_ways() {
        let limits = TtlLimits {
            max: seconds(1_000_000),
            ..TtlLimits::default()
        };
        let set = |time| Ok(TtlChoice::Set(seconds(time)));
        let unreadable = || Err(TtlFault::Unreadable);
        let short = || Err(TtlFault::TooShort { min: limits.min });
        let long = || Err(TtlFault::TooLong { max: limits.max });
        for (input, expected) in [
            ("", Ok(TtlChoice::KeepOr(Ttl::DEFAULT))),
            (" \t", Ok(TtlChoice::KeepOr(Ttl::DEFAULT))),
            ("3600", set(3_600)),
            ("0300", set(300)),
            (" 3600\u{200b}", set(3_600)),
            ("60", set(60)),
            ("1000000", set(1_000_000)),
            ("90s", set(90)),
            ("5m", set(300)),
            ("1h", set(3_600)),
            ("1H30M", set(5_400)),
            ("1h 30m", set(5_400)),
            ("1d", set(86_400)),
            ("1w2d", set(777_600)),
            ("1 hour", set(3_600)),
            ("2 Hours", set(7_200)),
            ("1 day 12 hrs", set(129_600)),
            ("10min", set(600)),
            ("0", short()),
            ("59", short()),
            ("0m", short()),
            ("1000001", long()),
            ("2w", long()),
            ("4294967297", long()),
            ("99999999999999999999999", long()),
            ("99999999999999999999999w", long()),
            ("h", unreadable()),
            ("1x", unreadable()),
            ("1h30", unreadable()),
            ("30 1h", unreadable()),
            ("-300", unreadable()),
            ("+300", unreadable()),
            ("1.5h", unreadable()),
            ("1,5 h", unreadable()),
            ("5 minutes ago", unreadable()),
            ("five minutes", unreadable()),
            ("TTL 300", unreadable()),
            ("\"300\"", unreadable()),
            ("½h", unreadable()),
        ] {
            assert_eq!(limits.check(input), expected, "{input:?}");
        }
        let wide = limits.check("３００");
        assert!(matches!(wide, Err(TtlFault::Odd(_))), "{wide:?}");
    }

    proptest! {
        #[test]
        fn any_text_is_refused_or_a_ttl_within_the_limits(
            text in "\\PC{0,20}|[0-9]{1,25}|([0-9]{1,6} ?(s|m|h|d|w|days?) ?){1,4}",
        ) {
            let limits = TtlLimits::default();
            if let Ok(TtlChoice::Set(ttl)) = limits.check(&text) {
                prop_assert!((limits.min..=limits.max).contains(&ttl), "{text:?}");
                prop_assert_eq!(limits.check(&ttl.to_string()), Ok(TtlChoice::Set(ttl)));
            }
        }
    }

    #[test]
    fn forms_offer_the_presets_within_the_limits() {
        let words = |limits: TtlLimits| -> Vec<String> {
            limits.presets().map(|ttl| ttl.to_string()).collect()
        };
        let usual = TtlLimits::default();
        assert_eq!(words(usual), ["1 minute", "5 minutes", "1 hour", "1 day"]);
        let narrow = TtlLimits {
            min: seconds(61),
            max: seconds(3_600),
            ..usual
        };
        assert_eq!(words(narrow), ["5 minutes", "1 hour"]);
        let clamped = |time| narrow.clamp(seconds(time)).as_seconds();
        assert_eq!([0, 61, 300, 3_601].map(clamped), [61, 61, 300, 3_600]);
    }

    #[test]
    fn a_choice_sets_the_ttl_or_keeps_it() {
        let (one, other, own) = (seconds(60), seconds(3_600), seconds(900));
        for (choice, present, own, expected) in [
            (TtlChoice::Set(one), None, None, one),
            (TtlChoice::Set(one), Some(other), Some(own), one),
            (TtlChoice::KeepOr(one), None, None, one),
            (TtlChoice::KeepOr(one), Some(other), Some(own), other),
            (TtlChoice::KeepOr(one), None, Some(own), own),
            (TtlChoice::ForNew(one), None, Some(own), one),
            (TtlChoice::ForNew(one), Some(other), Some(own), other),
        ] {
            let ttl = choice.beside_or_own(present, own);
            assert_eq!(ttl, expected, "{choice:?} {present:?} {own:?}");
        }
    }
}
