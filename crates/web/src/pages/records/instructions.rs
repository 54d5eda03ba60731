//! The instructions: record types and the form's fields.

use std::rc::Rc;

use actix_web::HttpResponse;
use askama::Template;
use starchart_domain::record::RecordType;
use starchart_domain::record::spec::TypeSpec;
use starchart_domain::ttl::Ttl;

use crate::actor::User;
use crate::context::RequestContext;
use crate::errors::Failure;
use crate::pages::Layout;
use crate::responses;

/// `GET /dns-records/instructions`. Its examples use the user's own domain.
#[derive(Debug, Clone, Template)]
#[template(path = "records/instructions.html")]
pub(crate) struct InstructionsPage {
    pub(crate) layout: Layout,
    /// USER_DNS_RECORD_LIMIT, when it is set.
    pub(crate) limit: Option<u32>,
    /// RECORD_TTL_DEFAULT_S: the TTL of a new record.
    pub(crate) default_ttl: Ttl,
}

impl InstructionsPage {
    /// Returns a section for each record type.
    fn guides(&self) -> Vec<GuideSection> {
        let types = RecordType::ALL.iter();
        types
            .map(|rtype| GuideSection::new(rtype.spec(), self.layout.example_domain()))
            .collect()
    }
}

/// The section about one record type.
struct GuideSection {
    /// The fragment of a link to the section.
    id: String,
    title: String,
    intro: Vec<(bool, String)>,
    /// Label and text of each field in the example.
    fields: Vec<(&'static str, String)>,
    remark: Vec<(bool, String)>,
}

impl GuideSection {
    fn new(spec: &TypeSpec, base: &str) -> Self {
        let guide = &spec.guide;
        let mut fields = vec![
            ("Name", guide.name.to_owned()),
            ("Type", spec.mnemonic.to_owned()),
        ];
        let parts = spec.parts.iter().zip(guide.parts);
        fields.extend(parts.map(|(part, text)| (part.label, (*text).to_owned())));
        fields.push(("Value", guide.value.replace("{base}", base)));
        Self {
            id: format!("type-{}", spec.mnemonic.to_ascii_lowercase()),
            title: format!("{}: {}", spec.mnemonic, guide.title),
            intro: literals(guide.intro, base),
            fields,
            remark: literals(guide.remark, base),
        }
    }
}

/// Splits a text at its backticks; the flag says whether a piece was between two of them.
fn literals(text: &str, base: &str) -> Vec<(bool, String)> {
    let pieces = text.split('`').enumerate();
    pieces
        .map(|(at, piece)| (at % 2 == 1, piece.replace("{base}", base)))
        .filter(|(_, piece)| !piece.is_empty())
        .collect()
}

/// Explains the record types and the form's fields (`GET /dns-records/instructions`).
pub(crate) async fn instructions(
    context: Rc<RequestContext>,
    _: User,
) -> Result<HttpResponse, Failure> {
    responses::ok(&InstructionsPage {
        layout: context.layout(),
        limit: context.app.config.limits.records_per_user,
        default_ttl: context.app.config.limits.ttl.default,
    })
}
