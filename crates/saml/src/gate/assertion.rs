//! Parses the Assertion element (SAML core 2.3.3).

use super::signature;
use super::walk::{self, Children, instant, only_attributes};
use crate::refusal::Refusal;
use crate::xml::{Element, Ns};

/// The fields of an assertion. Times are in Unix milliseconds.
#[derive(Debug)]
pub(crate) struct ParsedAssertion {
    pub(crate) id: String,
    pub(crate) version: String,
    pub(crate) issue_instant: i64,
    pub(crate) issuer: String,
    pub(crate) name_id: Option<String>,
    pub(crate) confirmation: ParsedConfirmation,
    pub(crate) conditions: Option<ParsedConditions>,
    pub(crate) authn_statements: Vec<ParsedAuthnStatement>,
    pub(crate) attributes: Vec<ParsedAttribute>,
}

/// The only SubjectConfirmation (SAML core 2.4.1.1).
#[derive(Debug)]
pub(crate) struct ParsedConfirmation {
    pub(crate) method: String,
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

/// An Attribute element (SAML core 2.7.3.1) with its values as written.
#[derive(Debug)]
pub(crate) struct ParsedAttribute {
    pub(crate) name: String,
    pub(crate) values: Vec<String>,
}

/// Parses the assertion; also returns whether it has a signature of its own.
pub(super) fn parse(element: &Element) -> Result<(ParsedAssertion, bool), Refusal> {
    only_attributes(
        element,
        &["ID", "Version", "IssueInstant"],
        "assertion_attribute",
    )?;
    let id = walk::parse_id(element, "assertion_id")?;
    let mut children = Children::of(element, "assertion_text")?;
    let issuer =
        walk::parse_issuer(children.required(Ns::Saml, "Issuer", "assertion_issuer_absent")?)?;
    let signed = signature::parse_optional(&mut children, id)?;
    let (name_id, confirmation) =
        subject(children.required(Ns::Saml, "Subject", "subject_absent")?)?;
    let conditions = children
        .optional(Ns::Saml, "Conditions")
        .map(conditions)
        .transpose()?;
    let mut authn_statements = Vec::new();
    let mut attributes = Vec::new();
    while let Some(child) = children.next() {
        if child.is(Ns::Saml, "AuthnStatement") {
            authn_statements.push(authn_statement(child)?);
        } else if child.is(Ns::Saml, "AttributeStatement") {
            attribute_statement(child, &mut attributes)?;
        } else {
            return Err(Refusal::Structure("assertion_child"));
        }
    }
    let parsed = ParsedAssertion {
        id: id.to_owned(),
        version: element.attribute("Version").unwrap_or_default().to_owned(),
        issue_instant: instant(element, "IssueInstant", "assertion_issue_instant")?
            .ok_or(Refusal::Structure("assertion_issue_instant"))?,
        issuer,
        name_id,
        confirmation,
        conditions,
        authn_statements,
        attributes,
    };
    Ok((parsed, signed))
}

fn subject(element: &Element) -> Result<(Option<String>, ParsedConfirmation), Refusal> {
    only_attributes(element, &[], "subject_attribute")?;
    let mut children = Children::of(element, "subject_text")?;
    if children.optional(Ns::Saml, "EncryptedID").is_some() {
        return Err(Refusal::Encrypted);
    }
    let name_id = children
        .optional(Ns::Saml, "NameID")
        .map(name_id)
        .transpose()?;
    let element = children.required(Ns::Saml, "SubjectConfirmation", "confirmation_absent")?;
    children.end("subject_child")?;

    only_attributes(element, &["Method"], "confirmation_attribute")?;
    let method = element
        .attribute("Method")
        .ok_or(Refusal::Structure("confirmation_method"))?;
    let mut children = Children::of(element, "confirmation_text")?;
    let data = children.required(
        Ns::Saml,
        "SubjectConfirmationData",
        "confirmation_data_absent",
    )?;
    children.end("confirmation_child")?;

    let known = [
        "NotBefore",
        "NotOnOrAfter",
        "Recipient",
        "InResponseTo",
        "Address",
    ];
    only_attributes(data, &known, "confirmation_data_attribute")?;
    Children::of(data, "confirmation_data_text")?.end("confirmation_data_child")?;
    let confirmation = ParsedConfirmation {
        method: method.to_owned(),
        recipient: data.attribute("Recipient").map(str::to_owned),
        in_response_to: data.attribute("InResponseTo").map(str::to_owned),
        has_not_before: data.attribute("NotBefore").is_some(),
        not_on_or_after: instant(data, "NotOnOrAfter", "confirmation_not_on_or_after")?,
    };
    Ok((name_id, confirmation))
}

fn name_id(element: &Element) -> Result<String, Refusal> {
    let known = ["Format", "NameQualifier", "SPNameQualifier", "SPProvidedID"];
    only_attributes(element, &known, "name_id_attribute")?;
    walk::trimmed_text(element, "name_id_child")
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
            "AuthnContextDeclRef",
            "AuthenticatingAuthority",
        ];
        if child.ns != Ns::Saml || !names.contains(&child.local.as_str()) {
            return Err(Refusal::Structure("authn_context_child"));
        }
        only_attributes(child, &[], "authn_context_child")?;
        walk::leaf_text(child, "authn_context_child")?;
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
            ns => ns == Ns::Other,
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
        let typed = |attribute: &crate::xml::Attribute| {
            attribute.ns == Ns::Xsi && matches!(attribute.local.as_str(), "type" | "nil")
        };
        if !value.is(Ns::Saml, "AttributeValue") || !value.attributes.iter().all(typed) {
            return Err(Refusal::Structure("attribute_child"));
        }
        values.push(walk::leaf_text(value, "attribute_value_child")?.to_owned());
    }
    Ok(ParsedAttribute {
        name: name.to_owned(),
        values,
    })
}
