//! A record's value, valid for its type.

use crate::fault::{Fault, Field, ValueFault};
use crate::input::clean_line;
use crate::names::OwnedName;
use crate::record::class::NameClass;
use crate::record::mx::NULL_MX;
use crate::record::note::ValueNote;
use crate::record::rtype::RecordType;
use crate::record::spec::{Parsed, TypeSpec};

/// A record's value, valid for its type. Equal values have equal texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordValue {
    rtype: RecordType,
    presentation: String,
    input: String,
    notes: Vec<ValueNote>,
}

impl RecordValue {
    /// Parses a user's input for a type. `part` returns the input of a field before the value, by
    /// its name; an empty one stands for the field's default.
    ///
    /// # Errors
    /// Every field that is refused, with the reason.
    pub fn parse<'a>(
        rtype: RecordType,
        input: &str,
        part: impl Fn(&str) -> &'a str,
    ) -> Result<Self, Vec<(Field, Fault)>> {
        let spec = rtype.spec();
        let mut parts = Vec::with_capacity(spec.parts.len());
        let mut faults = Vec::new();
        for field in spec.parts {
            match field.check(part(field.name)) {
                Ok(text) => parts.push(text),
                Err(fault) => {
                    faults.push((Field::Part(field.name), fault));
                    parts.push(String::new());
                }
            }
        }
        let input = if spec.is_text {
            // A text has no line breaks and no tabs.
            input.trim_matches(['\n', '\r', '\t']).to_owned()
        } else {
            clean_line(input)
        };
        match parse_rest(spec, &input, &parts) {
            Ok(rest) if faults.is_empty() => Ok(Self {
                rtype,
                presentation: TypeSpec::join(&parts, &rest.text),
                input: rest.input.unwrap_or(input),
                notes: rest.notes,
            }),
            Ok(_) => Err(faults),
            Err(fault) => {
                faults.push((Field::Value, Fault::Value(fault)));
                Err(faults)
            }
        }
    }

    /// Returns the record type.
    pub fn rtype(&self) -> RecordType {
        self.rtype
    }

    /// Returns the value in canonical presentation format.
    pub fn presentation(&self) -> &str {
        &self.presentation
    }

    /// Returns the input that the edit form shows again.
    pub fn input(&self) -> &str {
        &self.input
    }

    /// Returns warnings about an allowed value that may not be what the user meant.
    pub fn notes(&self) -> &[ValueNote] {
        &self.notes
    }

    /// Returns whether the value says that its name takes no mail (RFC 7505), which excludes any
    /// other MX record.
    pub fn is_null_mx(&self) -> bool {
        self.rtype == RecordType::Mx && self.presentation == NULL_MX
    }

    /// Returns whether the value is an alias of this name itself.
    pub fn points_to(&self, name: &OwnedName) -> bool {
        self.rtype.class() == NameClass::Cname
            && self.presentation.strip_suffix('.') == Some(name.fqdn())
    }
}

fn parse_rest(spec: &TypeSpec, input: &str, parts: &[String]) -> Result<Parsed, ValueFault> {
    if input.is_empty() {
        return Err(ValueFault::Empty);
    }
    (spec.parse)(input, parts)
}
