//! Parses the Assertion element (SAML core 2.3.3).

use starchart_domain::user::NameId;

use super::signature;
use super::walk::{self, Children, collapsed, instant, only_attributes};
use crate::idp_metadata::SignatureKind;
use crate::refusal::Refusal;
use crate::xml::{Element, Ns};

const BEARER: &str = "urn:oasis:names:tc:SAML:2.0:cm:bearer";
/// The reason why a SubjectConfirmation by another method confirms nothing.
pub(crate) const NOT_BEARER: Refusal = Refusal::Structure("not_bearer");

/// The fields of an assertion. Times are in Unix milliseconds.
#[derive(Debug)]
pub(crate) struct ParsedAssertion {
    pub(crate) id: String,
    pub(crate) version: String,
    pub(crate) issue_instant: i64,
    pub(crate) issuer: String,
    /// The signature of the assertion itself, if it has one.
    pub(crate) signature: Option<SignatureKind>,
    pub(crate) name_id: Option<NameId>,
    /// Every SubjectConfirmation, or why it confirms nothing.
    pub(crate) confirmations: Vec<Result<Confirmation, Refusal>>,
    pub(crate) conditions: Option<ParsedConditions>,
    pub(crate) authn_statements: Vec<ParsedAuthnStatement>,
    pub(crate) attributes: Vec<ParsedAttribute>,
}

/// A SubjectConfirmation by the bearer method (SAML core 2.4.1.1).
#[derive(Debug)]
pub(crate) struct Confirmation {
    pub(crate) recipient: Option<String>,
    pub(crate) in_response_to: Option<String>,
    pub(crate) has_not_before: bool,
    pub(crate) not_on_or_after: Option<i64>,
}

#[derive(Debug)]
pub(crate) struct ParsedConditions {
    pub(crate) not_before: Option<i64>,
    pub(crate) not_on_or_after: Option<i64>,
    /// One list for each AudienceRestriction.
    pub(crate) audiences: Vec<Vec<String>>,
}

#[derive(Debug)]
pub(crate) struct ParsedAuthnStatement {
    pub(crate) authn_instant: i64,
    pub(crate) session_index: Option<String>,
    pub(crate) session_not_on_or_after: Option<i64>,
}

/// An Attribute element (SAML core 2.7.3.1).
#[derive(Debug)]
pub(crate) struct ParsedAttribute {
    pub(crate) name: String,
    pub(crate) values: Vec<AttributeValue>,
}

/// The content of an AttributeValue, which may be anything.
#[derive(Debug)]
pub(crate) enum AttributeValue {
    /// The text of a value without elements, as written.
    Text(String),
    /// Elements, which are not read.
    Elements,
}

pub(super) fn parse(element: &Element) -> Result<ParsedAssertion, Refusal> {
    only_attributes(
        element,
        &["ID", "Version", "IssueInstant"],
        "assertion_attribute",
    )?;
    let id = walk::parse_id(element, "assertion_id")?;
    let mut children = Children::of(element, "assertion_text")?;
    let issuer =
        walk::parse_issuer(children.required(Ns::Saml, "Issuer", "assertion_issuer_absent")?)?;
    let signature = signature::parse_optional(&mut children, id)?;
    let (name_id, confirmations) =
        subject(children.required(Ns::Saml, "Subject", "subject_absent")?)?;
    let conditions = children
        .optional(Ns::Saml, "Conditions")
        .map(conditions)
        .transpose()?;
    children.skip(Ns::Saml, "Advice")?;
    let mut authn_statements = Vec::new();
    let mut attributes = Vec::new();
    while let Some(child) = children.next() {
        if child.is(Ns::Saml, "AuthnStatement") {
            authn_statements.push(authn_statement(child)?);
        } else if child.is(Ns::Saml, "AttributeStatement") {
            attribute_statement(child, &mut attributes)?;
        } else if child.is(Ns::Saml, "AuthzDecisionStatement") || child.is(Ns::Saml, "Statement") {
            walk::ignored(child)?;
        } else {
            return Err(Refusal::Structure("assertion_child"));
        }
    }
    Ok(ParsedAssertion {
        id: id.to_owned(),
        version: element.attribute("Version").unwrap_or_default().to_owned(),
        issue_instant: instant(element, "IssueInstant", "assertion_issue_instant")?
            .ok_or(Refusal::Structure("assertion_issue_instant"))?,
        issuer,
        signature,
        name_id,
        confirmations,
        conditions,
        authn_statements,
        attributes,
    })
}

type Subject = (Option<NameId>, Vec<Result<Confirmation, Refusal>>);

fn subject(element: &Element) -> Result<Subject, Refusal> {
    only_attributes(element, &[], "subject_attribute")?;
    let mut children = Children::of(element, "subject_text")?;
    if children.optional(Ns::Saml, "EncryptedID").is_some() {
        return Err(Refusal::Encrypted);
    }
    children.skip(Ns::Saml, "BaseID")?;
    let name_id = children
        .optional(Ns::Saml, "NameID")
        .map(name_id)
        .transpose()?
        .flatten();
    let mut confirmations = Vec::new();
    while let Some(child) = children.optional(Ns::Saml, "SubjectConfirmation") {
        walk::ignored(child)?;
        confirmations.push(confirmation(child));
    }
    children.end("subject_child")?;
    Ok((name_id, confirmations))
}

/// Reads a SubjectConfirmation. One that is not understood confirms nothing; another may.
fn confirmation(element: &Element) -> Result<Confirmation, Refusal> {
    only_attributes(element, &["Method"], "confirmation_attribute")?;
    let method = collapsed(element, "Method").ok_or(Refusal::Structure("confirmation_method"))?;
    if method != BEARER {
        return Err(NOT_BEARER);
    }
    let mut children = Children::of(element, "confirmation_text")?;
    let data = children.required(
        Ns::Saml,
        "SubjectConfirmationData",
        "confirmation_data_absent",
    )?;
    children.end("confirmation_child")?;
    Ok(Confirmation {
        recipient: collapsed(data, "Recipient"),
        in_response_to: collapsed(data, "InResponseTo"),
        has_not_before: data.attribute("NotBefore").is_some(),
        not_on_or_after: instant(data, "NotOnOrAfter", "confirmation_not_on_or_after")?,
    })
}

/// Reads the NameID; `None` when it is empty.
fn name_id(element: &Element) -> Result<Option<NameId>, Refusal> {
    only_attributes(element, &walk::NAME_ID_ATTRIBUTES, "name_id_attribute")?;
    let value = walk::trimmed_text(element, "name_id_child")?;
    let attribute = |name: &str| element.attribute(name).map(str::to_owned);
    Ok((!value.is_empty()).then(|| NameId {
        value,
        format: attribute("Format"),
        name_qualifier: attribute("NameQualifier"),
        sp_name_qualifier: attribute("SPNameQualifier"),
        sp_provided_id: attribute("SPProvidedID"),
    }))
}

fn conditions(element: &Element) -> Result<ParsedConditions, Refusal> {
    only_attributes(
        element,
        &["NotBefore", "NotOnOrAfter"],
        "conditions_attribute",
    )?;
    let mut children = Children::of(element, "conditions_text")?;
    let mut audiences = Vec::new();
    while let Some(child) = children.next() {
        if child.is(Ns::Saml, "AudienceRestriction") {
            audiences.push(audience_list(child)?);
        } else if child.is(Ns::Saml, "OneTimeUse") {
            // Always true: no assertion is accepted twice.
            only_attributes(child, &[], "one_time_use")?;
            Children::of(child, "one_time_use")?.end("one_time_use")?;
        } else if child.is(Ns::Saml, "ProxyRestriction") {
            // Always true: assertions are not passed on.
            only_attributes(child, &["Count"], "proxy_restriction")?;
            audience_list_body(child)?;
        } else {
            // An unknown condition makes the validity indeterminate (SAML core 2.5.1.1).
            return Err(Refusal::Structure("condition_unknown"));
        }
    }
    Ok(ParsedConditions {
        not_before: instant(element, "NotBefore", "conditions_not_before")?,
        not_on_or_after: instant(element, "NotOnOrAfter", "conditions_not_on_or_after")?,
        audiences,
    })
}

fn audience_list(element: &Element) -> Result<Vec<String>, Refusal> {
    only_attributes(element, &[], "audience_attribute")?;
    audience_list_body(element)
}

fn audience_list_body(element: &Element) -> Result<Vec<String>, Refusal> {
    let mut children = Children::of(element, "audience_text")?;
    let mut audiences = Vec::new();
    while let Some(audience) = children.optional(Ns::Saml, "Audience") {
        only_attributes(audience, &[], "audience_attribute")?;
        audiences.push(walk::trimmed_text(audience, "audience_child")?);
    }
    children.end("audience_child")?;
    Ok(audiences)
}

fn authn_statement(element: &Element) -> Result<ParsedAuthnStatement, Refusal> {
    let known = ["AuthnInstant", "SessionIndex", "SessionNotOnOrAfter"];
    only_attributes(element, &known, "authn_statement_attribute")?;
    let mut children = Children::of(element, "authn_statement_text")?;
    if let Some(locality) = children.optional(Ns::Saml, "SubjectLocality") {
        only_attributes(locality, &["Address", "DNSName"], "subject_locality")?;
        Children::of(locality, "subject_locality")?.end("subject_locality")?;
    }
    let context = children.required(Ns::Saml, "AuthnContext", "authn_context_absent")?;
    children.end("authn_statement_child")?;
    only_attributes(context, &[], "authn_context")?;
    let mut children = Children::of(context, "authn_context")?;
    while let Some(child) = children.next() {
        let names = [
            "AuthnContextClassRef",
            "AuthnContextDecl",
            "AuthnContextDeclRef",
            "AuthenticatingAuthority",
        ];
        if child.ns != Ns::Saml || !names.contains(&child.local.as_str()) {
            return Err(Refusal::Structure("authn_context_child"));
        }
        walk::ignored(child)?;
    }
    Ok(ParsedAuthnStatement {
        authn_instant: instant(element, "AuthnInstant", "authn_instant")?
            .ok_or(Refusal::Structure("authn_instant"))?,
        session_index: element.attribute("SessionIndex").map(str::to_owned),
        session_not_on_or_after: instant(
            element,
            "SessionNotOnOrAfter",
            "session_not_on_or_after",
        )?,
    })
}

fn attribute_statement(
    element: &Element,
    attributes: &mut Vec<ParsedAttribute>,
) -> Result<(), Refusal> {
    only_attributes(element, &[], "attribute_statement")?;
    let mut children = Children::of(element, "attribute_statement")?;
    while let Some(child) = children.next() {
        if child.local == "EncryptedAttribute" {
            return Err(Refusal::Encrypted);
        }
        if !child.is(Ns::Saml, "Attribute") {
            return Err(Refusal::Structure("attribute_statement_child"));
        }
        attributes.push(attribute(child)?);
    }
    Ok(())
}

fn attribute(element: &Element) -> Result<ParsedAttribute, Refusal> {
    // Attributes of other namespaces are allowed here (SAML core 2.7.3.1); they are never read.
    let known = ["Name", "NameFormat", "FriendlyName"];
    let fits = element
        .attributes
        .iter()
        .all(|attribute| match attribute.ns {
            Ns::None => known.contains(&attribute.local.as_str()),
            ns => matches!(ns, Ns::Other | Ns::Xsi | Ns::Xml),
        });
    if !fits {
        return Err(Refusal::Structure("attribute_attribute"));
    }
    let name = element
        .attribute("Name")
        .ok_or(Refusal::Structure("attribute_name"))?;
    let mut children = Children::of(element, "attribute_text")?;
    let mut values = Vec::new();
    while let Some(value) = children.next() {
        if !value.is(Ns::Saml, "AttributeValue") {
            return Err(Refusal::Structure("attribute_child"));
        }
        walk::ignored(value)?;
        values.push(if value.children.is_empty() {
            AttributeValue::Text(value.text.clone())
        } else {
            AttributeValue::Elements
        });
    }
    Ok(ParsedAttribute {
        name: name.to_owned(),
        values,
    })
}
