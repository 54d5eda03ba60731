//! What a route of the REST API is: its description in the document that `/api/openapi.json` and
//! `/api/docs` show, beside its line in the table of routes.

use schemars::{Schema, SchemaGenerator};

/// Makes the schema of a type: `SchemaGenerator::subschema_for::<T>`.
pub(crate) type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// A request of the REST API.
#[derive(Debug)]
pub(crate) struct Operation {
    /// The heading that it is under.
    pub(crate) group: Group,
    /// What it does, in a few words.
    pub(crate) summary: &'static str,
    /// More about it; may be empty.
    pub(crate) description: &'static str,
    /// Which right of the token it needs.
    pub(crate) right: &'static str,
    /// The fields of the query and the headers that it reads.
    pub(crate) parameters: &'static [Parameter],
    /// The JSON that it reads.
    pub(crate) request: Option<Body>,
    /// What it answers, besides the failures that every request can have.
    pub(crate) answers: &'static [Answer],
}

/// A heading of the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::VariantArray)]
pub(crate) enum Group {
    Rrsets,
    Records,
    Certificate,
    Account,
}

/// A field of the query, or a header.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Parameter {
    pub(crate) name: &'static str,
    pub(crate) place: Place,
    pub(crate) values: Values,
    pub(crate) description: &'static str,
}

/// What a parameter can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Values {
    Any,
    OneOf(&'static [&'static str]),
    Number,
}

/// Where a parameter is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Query,
    Header,
}

/// JSON that a request has.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Body {
    pub(crate) schema: SchemaOf,
    pub(crate) example: &'static str,
}

/// An answer to a request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// When it is given.
    pub(crate) description: &'static str,
    pub(crate) content: Content,
}

/// What is in an answer.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Content {
    Nothing,
    Json(SchemaOf),
    /// Problem details (RFC 9457).
    Problem,
    /// A text of this media type.
    Text(&'static str),
    /// A file of one of these media types.
    Files(&'static [&'static str]),
}

impl Group {
    /// Returns the heading of the group.
    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::Rrsets => "Domains and RRsets",
            Self::Records => "Records",
            Self::Certificate => "Certificate",
            Self::Account => "Account and tokens",
        }
    }

    /// Returns the fragment of a link to it.
    pub(crate) const fn anchor(self) -> &'static str {
        match self {
            Self::Rrsets => "rrsets",
            Self::Records => "records",
            Self::Certificate => "certificate",
            Self::Account => "account",
        }
    }

    /// Returns what belongs to it.
    pub(crate) const fn about(self) -> &'static str {
        match self {
            Self::Rrsets => {
                "In the shapes of deSEC's API, so that its clients work: all records of one name \
                 and type are one object."
            }
            Self::Records => {
                "Each record by its number, with notes, expiry and how far it is published, and \
                 the history of all changes."
            }
            Self::Certificate => "The certificate of your domain that you get here.",
            Self::Account => "Your domain, your limits, and the token of the request.",
        }
    }
}

/// Asks to wait until the zone has the change.
pub(super) const WAIT: Parameter = Parameter {
    name: "wait",
    place: Place::Query,
    values: Values::OneOf(&["in_sync"]),
    description: "`in_sync`: answer once all name servers of the zone have the change, after 20 \
                  seconds at the latest.",
};

/// Confirms what a refusal has asked about.
pub(super) const CONFIRM: Parameter = Parameter {
    name: "confirm",
    place: Place::Query,
    values: Values::Any,
    description: "The `confirm` of an answer with status 409, if you agree.",
};

/// Which page of a list is wanted.
pub(super) const CURSOR: Parameter = Parameter {
    name: "cursor",
    place: Place::Query,
    values: Values::Any,
    description: "Empty for the first page; the header `Link` of each page has the next one.",
};
