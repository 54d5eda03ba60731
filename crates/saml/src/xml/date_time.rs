//! Parses `xs:dateTime` (XML Schema part 2, 3.2.7).

use chrono::{Days, NaiveDate};

use super::is_xml_space;

/// Parses an `xs:dateTime` to Unix milliseconds. White space around it does not count. A time
/// without a zone is in UTC (SAML core 1.3.3); digits below a millisecond are dropped.
pub(crate) fn parse_date_time(text: &str) -> Option<i64> {
    let text = text.trim_matches(is_xml_space);
    let (date, time) = text.split_once('T')?;
    let (time, offset_ms) = split_zone(time)?;
    let (clock, fraction) = time
        .split_once('.')
        .map_or((time, None), |(clock, digits)| (clock, Some(digits)));
    let millis = fraction.map_or(Some(0), milliseconds)?;

    let [year, month, day] = numbers(date, '-')?;
    if !matches!(date.split('-').next()?.len(), 4..=6) {
        return None;
    }
    let [hour, minute, second] = numbers(clock, ':')?;
    // 24:00:00 is the first instant of the next day; a second 60 is a leap second.
    let midnight_after = hour == 24 && minute == 0 && second == 0 && millis == 0;
    if !(hour < 24 || midnight_after) || minute > 59 || second > 60 {
        return None;
    }
    let day = NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day)?
        .checked_add_days(Days::new(u64::from(hour / 24)))?;
    let seconds = i64::from((hour % 24) * 3600 + minute * 60 + second);
    let start = day.and_hms_opt(0, 0, 0)?.and_utc().timestamp_millis();
    Some(start + seconds * 1000 + millis - offset_ms)
}

/// Splits `Z`, `+hh:mm` or `-hh:mm` off a time and returns the offset from UTC in milliseconds.
fn split_zone(time: &str) -> Option<(&str, i64)> {
    if let Some(utc) = time.strip_suffix('Z') {
        return Some((utc, 0));
    }
    let Some(at) = time.find(['+', '-']) else {
        return Some((time, 0));
    };
    let (time, zone) = time.split_at(at);
    let [hours, minutes] = numbers(zone.get(1..)?, ':')?;
    let total = i64::from(hours * 60 + minutes);
    if minutes > 59 || total > 14 * 60 {
        return None;
    }
    let sign = if zone.starts_with('-') { -1 } else { 1 };
    Some((time, sign * total * 60_000))
}

fn milliseconds(digits: &str) -> Option<i64> {
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let padded: String = digits.chars().chain("000".chars()).take(3).collect();
    padded.parse().ok()
}

/// Parses numbers of two or more digits between separators.
fn numbers<const N: usize>(text: &str, separator: char) -> Option<[u32; N]> {
    let parsed: Vec<u32> = text
        .split(separator)
        .enumerate()
        .map(|(index, digits)| {
            let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
            let year = separator == '-' && index == 0;
            (plain && (year || digits.len() == 2))
                .then(|| digits.parse().ok())
                .flatten()
        })
        .collect::<Option<_>>()?;
    parsed.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::parse_date_time;

    #[test]
    fn every_form_of_the_schema_is_read() {
        let base = Some(1_793_520_000_000);
        for (text, expected) in [
            ("2026-11-01T08:00:00Z", base),
            ("2026-11-01T08:00:00", base),
            (" \n2026-11-01T08:00:00Z\t", base),
            ("2026-11-01T08:00:00.0Z", base),
            ("2026-11-01T08:00:00.0000000Z", base),
            ("2026-11-01T08:00:00.123456789Z", base.map(|ms| ms + 123)),
            ("2026-11-01T08:00:00.5", base.map(|ms| ms + 500)),
            ("2026-11-01T10:00:00+02:00", base),
            ("2026-11-01T02:30:00-05:30", base),
            ("2026-10-31T24:00:00Z", base.map(|ms| ms - 8 * 3_600_000)),
            ("2026-11-01T07:59:60Z", base),
            ("9999-12-31T23:59:59Z", Some(253_402_300_799_000)),
            ("12026-11-01T08:00:00Z", Some(317_363_040_000_000)),
        ] {
            assert_eq!(parse_date_time(text), expected, "{text}");
        }
    }

    #[test]
    fn other_texts_are_not_read() {
        for text in [
            "",
            "T",
            "2026-11-01",
            "08:00:00Z",
            "2026-11-01 08:00:00Z",
            "2026-11-01t08:00:00z",
            "2026-11-01T08:00Z",
            "2026-11-01T08:00:00ZZ",
            "2026-11-01T08:00:00.Z",
            "2026-11-01T08:00:00,5Z",
            "2026-11-01T08:00:00+2:00",
            "2026-11-01T08:00:00+15:00",
            "2026-11-01T08:00:00+0200",
            "2026-11-01T8:00:00Z",
            "2026-13-01T08:00:00Z",
            "2026-02-30T08:00:00Z",
            "2026-11-01T24:00:01Z",
            "2026-11-01T08:60:00Z",
            "2026-11-01T08:00:61Z",
            "26-11-01T08:00:00Z",
            "-2026-11-01T08:00:00Z",
            "+2026-11-01T08:00:00Z",
            "9999999-11-01T08:00:00Z",
            "\u{a0}2026-11-01T08:00:00Z",
            "1793520000",
        ] {
            assert_eq!(parse_date_time(text), None, "{text}");
        }
    }
}
