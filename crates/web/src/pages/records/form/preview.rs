//! What the form would publish, shown while it is filled in and beside a saved record.

use starchart_domain::fault::{Fault, Field};
use starchart_domain::record::{NewRecord, RecordForm, RecordType};
use starchart_domain::ttl::Ttl;
use starchart_domain::zone_file;
use starchart_store::records::Record;

use super::input::part_of;
use crate::context::RequestContext;
use crate::pages::records::dig_command;

/// What the form would publish, or what it lacks.
#[derive(Debug, Clone, Default)]
pub(crate) struct Preview {
    /// The record as a line of a zone file, and the command that asks for it.
    pub(crate) published: Option<(String, String)>,
    /// What is doubtful about it, or what is wrong with the fields that are filled in.
    pub(crate) remarks: Vec<String>,
}

impl Preview {
    pub(super) fn of_record(context: &RequestContext, record: &Record) -> Self {
        let Record {
            name,
            rtype,
            presentation,
            ttl,
            ..
        } = record;
        Self::published(context, name, *ttl, *rtype, presentation)
    }

    pub(super) fn of_new(
        context: &RequestContext,
        new: &NewRecord,
        ttl: Ttl,
        remarks: Vec<String>,
    ) -> Self {
        let value = &new.value;
        let name = new.name.fqdn();
        Self {
            remarks,
            ..Self::published(context, name, ttl, value.rtype(), value.presentation())
        }
    }

    /// Says what is wrong with the fields that are filled in; the others are not typed yet.
    pub(super) fn of_faults(form: &RecordForm, faults: &[(Field, Fault)]) -> Self {
        let is_typed = |field: &Field| {
            let text = match field {
                Field::Name => &form.name,
                Field::Type => &form.rtype,
                Field::Value => &form.input,
                Field::Part(name) => part_of(form, name),
                Field::Ttl | Field::Ports | Field::Course | Field::Description | Field::Form => {
                    return true;
                }
            };
            !text.trim().is_empty()
        };
        let typed = faults.iter().filter(|(field, _)| is_typed(field));
        Self {
            published: None,
            remarks: typed.map(|(_, fault)| fault.to_string()).collect(),
        }
    }

    fn published(
        context: &RequestContext,
        name: &str,
        ttl: Ttl,
        rtype: RecordType,
        presentation: &str,
    ) -> Self {
        let server = context.app.config.lookup_server.as_ref();
        let line = zone_file::write_record(name, ttl.as_seconds(), rtype, presentation);
        Self {
            published: Some((line, dig_command(name, rtype, server))),
            remarks: Vec::new(),
        }
    }
}
