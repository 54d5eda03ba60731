//! The fields of the form, as its template shows them.

use starchart_domain::fault::advice::{Mistyped, Wanted};
use starchart_domain::fault::{Fault, Field, NameFault, ValueFault};
use starchart_domain::input::typed::Typed;
use starchart_domain::plural::pluralize;
use starchart_domain::record::spec::TypeSpec;
use starchart_domain::record::{self, RecordForm, RecordType};

use super::FormPage;
use super::input::part_of;

/// A field before the value, as the template shows it.
pub(super) struct PartField {
    pub(super) field: Field,
    pub(super) name: &'static str,
    pub(super) label: String,
    pub(super) hint: String,
    pub(super) placeholder: &'static str,
    pub(super) choices: &'static [(&'static str, &'static str)],
    /// The stylesheet shows the field while one of these types is chosen.
    pub(super) classes: String,
}

/// A button that answers a question about a field.
pub(super) struct AnswerButton {
    /// The field of the form and its text, as the button posts them.
    pub(super) value: String,
    /// The name that it means.
    pub(super) text: String,
}

impl AnswerButton {
    fn name(relative: &str, base: &str) -> Self {
        Self {
            value: format!("subdomain:{relative}"),
            text: match relative {
                "@" => base.to_owned(),
                _ => format!("{relative}.{base}"),
            },
        }
    }

    /// With a dot at its end, a target is whole for certain. What follows it in `input`, such as
    /// the parameters of an HTTPS record, is kept.
    fn target(host: &str, input: &str) -> Self {
        let rest = input.trim().split_once(char::is_whitespace);
        let rest = rest.map_or_else(String::new, |(_, rest)| format!(" {}", rest.trim()));
        Self {
            value: format!("value:{host}.{rest}"),
            text: format!("{host}.{rest}"),
        }
    }

    /// Lists the answers to the question in a fault of a form with this value; none for any other
    /// fault.
    fn to(fault: &Fault, input: &str) -> Vec<Self> {
        match fault {
            Fault::NameHalfTyped { typed, base, front } => {
                vec![Self::name(front, base), Self::name(typed, base)]
            }
            Fault::TargetNotWhole { typed, options } => {
                let options = options.iter().chain([typed]);
                options.map(|host| Self::target(host, input)).collect()
            }
            Fault::Value(ValueFault::Mistyped(mistyped)) => match mistyped.as_ref() {
                Mistyped {
                    typed: Typed::Relative(name),
                    wanted: Wanted::Host(_),
                    base: Some(base),
                    ..
                } => vec![match name.trim_end_matches('.') {
                    "@" => Self::target(base, input),
                    name => Self::target(&format!("{name}.{base}"), input),
                }],
                _ => Vec::new(),
            },
            _ => Vec::new(),
        }
    }
}

/// Returns the class by which the stylesheet shows an element while the type is chosen: the types
/// are counted from 1 in the order of the list.
fn shown_for(rtype: RecordType) -> String {
    let at = RecordType::ALL.iter().position(|known| *known == rtype);
    format!("for-{}", at.unwrap_or_default() + 1)
}

impl FormPage {
    /// Returns whether a field has to be corrected. A fault of the whole form says what to do.
    pub(super) fn has_field_faults(&self) -> bool {
        self.faults.iter().any(|(field, _)| *field != Field::Form)
    }

    /// Returns value and text of the options for the type.
    pub(super) fn types(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let specs = RecordType::ALL.iter().map(|rtype| rtype.spec());
        specs.map(|spec| (spec.mnemonic, spec.title))
    }

    /// Returns the fields before the value, which not every type has.
    pub(super) fn parts(&self) -> Vec<PartField> {
        let fields = record::form_parts().into_iter();
        let to_field = |field: record::FormPart| PartField {
            field: Field::Part(field.part.name),
            name: field.part.name,
            label: match field.part.default {
                Some(_) => field.part.label.to_owned(),
                None => format!("{}*", field.part.label),
            },
            hint: field.hint(),
            placeholder: field.part.default.unwrap_or_default(),
            choices: field.part.choices,
            classes: field
                .types
                .iter()
                .map(|rtype| shown_for(*rtype))
                .collect::<Vec<_>>()
                .join(" "),
        };
        fields.map(to_field).collect()
    }

    /// Returns whether an option of a list is chosen: its value, or the default of an empty one.
    pub(super) fn is_chosen(&self, field: &PartField, choice: &str) -> bool {
        match self.input_of(field) {
            "" => choice == field.placeholder,
            input => choice == input,
        }
    }

    /// Returns what the field Value takes for each type.
    pub(super) fn value_hint(&self) -> String {
        record::value_hint()
    }

    /// Returns class and text of the hints that are shown while their type is chosen.
    pub(super) fn type_hints(&self) -> impl Iterator<Item = (String, &'static TypeSpec)> {
        let with_hint = RecordType::ALL
            .iter()
            .filter(|rtype| !rtype.spec().hint.is_empty());
        with_hint.map(|rtype| (shown_for(*rtype), rtype.spec()))
    }

    /// Returns the input of a field before the value.
    pub(super) fn input_of(&self, field: &PartField) -> &str {
        part_of(&self.form, field.name)
    }

    /// Returns the TTLs to choose from, as the field's value and the text: first that of the RRset.
    pub(super) fn ttls(&self) -> impl Iterator<Item = (String, String)> {
        let kept = match &self.rrset {
            Some(rrset) => format!("As it is ({})", rrset.ttl),
            None => format!(
                "That of other records of this name and type, or {}",
                self.ttls.default
            ),
        };
        let presets = self.ttls.presets();
        let presets = presets.map(|ttl| (ttl.as_seconds().to_string(), ttl.to_string()));
        std::iter::once((String::new(), kept)).chain(presets)
    }

    /// Returns the typed TTL, unless it is one of those to choose from.
    pub(super) fn typed_ttl(&self) -> &str {
        let is_listed = self.ttls().any(|(value, _)| value == self.form.ttl);
        if is_listed { "" } else { &self.form.ttl }
    }

    /// Says how many other records take the TTL.
    pub(super) fn others_with_ttl(&self) -> Option<String> {
        let others = self.rrset?.records - 1;
        (others > 0).then(|| {
            pluralize(
                others as u64,
                "other record of this name and type gets",
                "other records of this name and type get",
            )
        })
    }

    /// Returns field, label and value of the fields that are not published.
    pub(super) fn notes(&self) -> [(Field, &'static str, &str); 3] {
        let RecordForm {
            ports,
            course,
            description,
            ..
        } = &self.form;
        [
            (Field::Ports, "Ports", ports),
            (Field::Course, "Course", course),
            (Field::Description, "Description", description),
        ]
    }

    /// Returns whether a field is shown with several lines: the description always, others when
    /// the text has line breaks, which a browser would remove from a field with one line.
    pub(super) fn has_lines(&self, field: Field, text: &str) -> bool {
        field == Field::Description || text.contains(['\n', '\r'])
    }

    /// Returns whether a note has text or a fault. The page unfolds the notes then.
    pub(super) fn has_notes(&self) -> bool {
        let mut notes = self.notes().into_iter();
        notes.any(|(field, _, text)| !text.is_empty() || self.has_fault(field))
    }

    /// Returns the buttons that answer a question about a field.
    pub(super) fn answers_of(&self, field: Field) -> Vec<AnswerButton> {
        let answers = |fault| AnswerButton::to(fault, &self.form.input);
        self.faults_of(field).flat_map(answers).collect()
    }

    /// Returns whether there are such buttons before the one that saves.
    pub(super) fn asks(&self) -> bool {
        let mut faults = self.faults.iter();
        faults.any(|(_, fault)| !AnswerButton::to(fault, &self.form.input).is_empty())
    }

    /// Returns whether the support contact can help with a fault.
    pub(super) fn asks_support(&self, fault: &Fault) -> bool {
        matches!(fault, Fault::Name(NameFault::Inappropriate { .. }))
    }

    /// Lists every fault with the name of its field; a fault of the whole form has none.
    pub(super) fn summary(&self) -> impl Iterator<Item = (Option<&'static str>, &Fault)> {
        self.faults.iter().map(|(field, fault)| {
            let name = (*field != Field::Form).then(|| self.name_of(*field));
            (name, fault)
        })
    }

    pub(super) fn faults_of(&self, of: Field) -> impl Iterator<Item = &Fault> {
        let of_field = self.faults.iter().filter(move |(field, _)| *field == of);
        of_field.map(|(_, fault)| fault)
    }

    pub(super) fn has_fault(&self, field: Field) -> bool {
        self.faults_of(field).next().is_some()
    }

    /// Returns the name of a field in the form, which users of the original know.
    pub(super) fn name_of(&self, field: Field) -> &'static str {
        match field {
            Field::Name => "subdomain",
            Field::Type => "type",
            Field::Value => "value",
            Field::Part(name) => name,
            // What the list offers is allowed.
            Field::Ttl => "ttlOwn",
            Field::Ports => "ports",
            Field::Course => "course",
            Field::Description => "description",
            Field::Form => "form",
        }
    }
}
