//! Which records the list shows and in which order: read from the URL of a page, and written into
//! its links.

use std::cmp::Ordering;

use starchart_domain::publish::PublishState;
use starchart_domain::record::RecordType;
use starchart_store::records::Record;
use strum::VariantArray;
use url::form_urlencoded::Serializer;

use crate::errors::Failure;
use crate::forms::Form;

/// What the list shows. In the URL: `q`, `type` and `sort`, each absent for its default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ListQuery {
    /// Words that a record must have in its name, value or notes, as typed.
    pub(crate) search: String,
    /// Only records of this type.
    pub(crate) rtype: Option<RecordType>,
    pub(crate) sort: Sort,
}

/// By which column the list is sorted. In the URL: its name, after a `-` if the last comes first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Sort {
    pub(crate) column: SortColumn,
    pub(crate) is_descending: bool,
}

/// A column by which the list can be sorted, in the order of the table.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, VariantArray)]
pub(crate) enum SortColumn {
    #[default]
    Name,
    Type,
    Value,
    State,
    Expires,
}

impl SortColumn {
    /// The columns in the order of the table.
    pub(crate) const ALL: &'static [Self] = Self::VARIANTS;

    /// Returns the heading of the column.
    pub(crate) fn heading(self) -> &'static str {
        match self {
            Self::Name => "Name",
            Self::Type => "Type",
            Self::Value => "Value",
            Self::State => "State",
            Self::Expires => "Expiration date",
        }
    }

    fn key(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Type => "type",
            Self::Value => "value",
            Self::State => "state",
            Self::Expires => "expires",
        }
    }
}

impl Sort {
    /// Parses the field `sort`; anything unknown is the default.
    fn parse(text: &str) -> Self {
        let (is_descending, key) = match text.strip_prefix('-') {
            Some(key) => (true, key),
            None => (false, text),
        };
        let mut columns = SortColumn::ALL.iter().copied();
        match columns.find(|column| column.key() == key) {
            Some(column) => Self {
                column,
                is_descending,
            },
            None => Self::default(),
        }
    }

    /// Returns the field `sort`.
    fn key(self) -> String {
        let sign = if self.is_descending { "-" } else { "" };
        format!("{sign}{}", self.column.key())
    }

    fn compare(self, one: &Record, other: &Record) -> Ordering {
        let order = match self.column {
            SortColumn::Name => one.name.cmp(&other.name),
            SortColumn::Type => one.rtype.as_str().cmp(other.rtype.as_str()),
            SortColumn::Value => one.presentation.cmp(&other.presentation),
            SortColumn::State => rank(&one.state).cmp(&rank(&other.state)),
            SortColumn::Expires => one.expires_at.cmp(&other.expires_at),
        };
        let order = match self.is_descending {
            true => order.reverse(),
            false => order,
        };
        let key = |record: &Record| (record.name.clone(), record.rtype.as_str(), record.id);
        order.then_with(|| key(one).cmp(&key(other)))
    }
}

impl ListQuery {
    /// Parses the query of a URL.
    ///
    /// # Errors
    /// A field occurs twice.
    pub(crate) fn parse(query: &str) -> Result<Self, Failure> {
        let form = Form::parse(query.as_bytes())?;
        Ok(Self {
            search: form.text("q").trim().to_owned(),
            rtype: RecordType::parse(&form.text("type")),
            sort: Sort::parse(&form.text("sort")),
        })
    }

    /// Returns whether some records may be left out.
    pub(crate) fn is_filter(&self) -> bool {
        !self.search.is_empty() || self.rtype.is_some()
    }

    /// Returns the query of this list, empty for the default.
    pub(crate) fn encode(&self) -> String {
        let mut query = Serializer::new(String::new());
        if !self.search.is_empty() {
            query.append_pair("q", &self.search);
        }
        if let Some(rtype) = self.rtype {
            query.append_pair("type", rtype.as_str());
        }
        if self.sort != Sort::default() {
            query.append_pair("sort", &self.sort.key());
        }
        query.finish()
    }

    /// Returns the URL of this list.
    pub(crate) fn href(&self) -> String {
        self.href_of("/dns-records")
    }

    /// Returns the URL of a page that leads back to this list: the list's query follows that of
    /// the page.
    pub(crate) fn href_of(&self, page: impl AsRef<str>) -> String {
        let page = page.as_ref();
        let separator = if page.contains('?') { '&' } else { '?' };
        match self.encode() {
            query if query.is_empty() => page.to_owned(),
            query => format!("{page}{separator}{query}"),
        }
    }

    /// Returns the list that shows new records: this one, or all records in its order if it would
    /// leave one of them out.
    pub(crate) fn showing<'a>(self, records: impl IntoIterator<Item = &'a Record>) -> Self {
        let words = self.words();
        let mut records = records.into_iter();
        match records.all(|record| self.matches(record, &words)) {
            true => self,
            false => Self {
                sort: self.sort,
                ..Self::default()
            },
        }
    }

    /// Returns the URL of this list sorted by a column: the other way round if it is already.
    pub(crate) fn sorted_href(&self, column: SortColumn) -> String {
        let is_descending = self.sort.column == column && !self.sort.is_descending;
        let sorted = Self {
            sort: Sort {
                column,
                is_descending,
            },
            ..self.clone()
        };
        sorted.href()
    }

    /// Returns the field `sort` for the form that filters, unless it is the default.
    pub(crate) fn sort_key(&self) -> Option<String> {
        (self.sort != Sort::default()).then(|| self.sort.key())
    }

    /// Leaves the records that are shown, in their order.
    pub(crate) fn apply(&self, records: &mut Vec<Record>) {
        let words = self.words();
        records.retain(|record| self.matches(record, &words));
        records.sort_by(|one, other| self.sort.compare(one, other));
    }

    /// Returns the words of the search in lower case.
    fn words(&self) -> Vec<String> {
        let words = self.search.split_whitespace();
        words.map(str::to_lowercase).collect()
    }

    fn matches(&self, record: &Record, words: &[String]) -> bool {
        self.rtype.is_none_or(|rtype| record.rtype == rtype) && has_words(record, words)
    }
}

/// Returns the place of a state in a sorted list: what needs attention comes first.
fn rank(state: &PublishState) -> u8 {
    match state {
        PublishState::Refused { .. } => 0,
        PublishState::Paused => 1,
        PublishState::Saved => 2,
        PublishState::Sent => 3,
        PublishState::InSync => 4,
        PublishState::Answered { by, of } if by < of => 5,
        PublishState::Answered { .. } => 6,
    }
}

/// Returns whether each word is in the record's name, value or notes.
fn has_words(record: &Record, words: &[String]) -> bool {
    if words.is_empty() {
        return true;
    }
    let letters = record.unicode_name();
    let texts = [
        Some(&record.name),
        letters.as_ref(),
        Some(&record.input),
        Some(&record.presentation),
        record.ports.as_ref(),
        record.course.as_ref(),
        record.description.as_ref(),
    ];
    let texts: Vec<String> = texts
        .into_iter()
        .flatten()
        .map(|text| text.to_lowercase())
        .collect();
    words
        .iter()
        .all(|word| texts.iter().any(|text| text.contains(word)))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]
    use starchart_domain::record::RecordId;
    use starchart_domain::time::Timestamp;
    use starchart_domain::ttl::Ttl;

    use super::*;

    fn record(id: i64, name: &str, rtype: RecordType, input: &str) -> Record {
        Record {
            id: RecordId(id),
            name: format!("{name}.user1.starchart.com"),
            rtype,
            input: input.to_owned(),
            presentation: input.to_owned(),
            ttl: Ttl::DEFAULT,
            ports: None,
            course: None,
            description: None,
            created_at: Timestamp::from_millis(0),
            updated_at: Timestamp::from_millis(0),
            expires_at: Timestamp::from_millis(100 - id),
            notified_at: None,
            state: PublishState::Saved,
        }
    }

    fn records() -> Vec<Record> {
        let mut records = vec![
            record(1, "www", RecordType::A, "192.0.2.1"),
            record(2, "www", RecordType::Txt, "Proof=1"),
            record(3, "api", RecordType::A, "192.0.2.30"),
            record(4, "xn--bcher-kva", RecordType::Cname, "shop.example.com."),
        ];
        records[2].state = PublishState::Refused {
            reason: "x".to_owned(),
        };
        records[1].course = Some("OSD600".to_owned());
        records[0].ports = Some("8080, 8443".to_owned());
        records[3].description = Some("Our book shop\nin two lines".to_owned());
        records
    }

    #[test]
    fn a_query_shows_what_matches_in_its_order() {
        for (query, ids) in [
            ("", &[3, 1, 2, 4][..]),
            ("sort=-name", &[4, 1, 2, 3]),
            ("sort=type", &[3, 1, 4, 2]),
            ("sort=-type", &[2, 4, 3, 1]),
            ("sort=value", &[1, 3, 2, 4]),
            ("sort=state", &[3, 1, 2, 4]),
            ("sort=-state", &[1, 2, 4, 3]),
            ("sort=expires", &[4, 3, 2, 1]),
            ("sort=-expires", &[1, 2, 3, 4]),
            ("sort=unknown", &[3, 1, 2, 4]),
            ("type=A", &[3, 1]),
            ("type=a", &[3, 1, 2, 4]),
            ("type=MX", &[]),
            ("q=WWW", &[1, 2]),
            ("q=192.0.2.3", &[3]),
            ("q=proof%3D", &[2]),
            ("q=osd600", &[2]),
            ("q=8443", &[1]),
            ("q=B%C3%BCcher", &[4]),
            ("q=xn--bcher", &[4]),
            ("q=shop+lines", &[4]),
            ("q=www+lines", &[]),
            ("q=++", &[3, 1, 2, 4]),
            ("q=www&type=TXT&sort=-name", &[2]),
        ] {
            let mut shown = records();
            ListQuery::parse(query).unwrap().apply(&mut shown);
            let found: Vec<i64> = shown.iter().map(|record| record.id.0).collect();
            assert_eq!(found, ids, "{query}");
        }
        assert!(ListQuery::parse("q=a&q=b").is_err());
    }

    #[test]
    fn a_new_record_is_shown() {
        for (query, shown_by) in [
            ("", ""),
            ("q=www", "q=www"),
            ("q=WWW&type=A&sort=-name", "q=WWW&type=A&sort=-name"),
            ("q=api&sort=-name", "sort=-name"),
            ("type=TXT", ""),
        ] {
            let list = ListQuery::parse(query).unwrap();
            assert_eq!(list.showing(&records()[..1]).encode(), shown_by, "{query}");
        }
    }

    #[test]
    fn a_link_leads_to_the_same_list() {
        for (query, href) in [
            ("", "/dns-records"),
            ("sort=name", "/dns-records"),
            ("sort=-name", "/dns-records?sort=-name"),
            (
                "q=a+b%26c&type=MX&sort=value",
                "/dns-records?q=a+b%26c&type=MX&sort=value",
            ),
            ("type=none&sort=none", "/dns-records"),
        ] {
            let list = ListQuery::parse(query).unwrap();
            assert_eq!(list.href(), href);
            assert_eq!(ListQuery::parse(&list.encode()).unwrap(), list);
        }
        let list = ListQuery::parse("q=a").unwrap();
        assert_eq!(
            list.href_of("/dns-records/7/delete"),
            "/dns-records/7/delete?q=a"
        );
        assert_eq!(list.href_of("?reload"), "?reload&q=a");
        assert_eq!(
            ListQuery::default().href_of("/dns-records/7"),
            "/dns-records/7"
        );
        assert_eq!(
            list.sorted_href(SortColumn::Name),
            "/dns-records?q=a&sort=-name"
        );
        assert_eq!(
            list.sorted_href(SortColumn::State),
            "/dns-records?q=a&sort=state"
        );
        let list = ListQuery::parse("sort=state").unwrap();
        assert_eq!(
            list.sorted_href(SortColumn::State),
            "/dns-records?sort=-state"
        );
    }
}
