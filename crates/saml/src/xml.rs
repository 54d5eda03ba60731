//! A strict XML parser from text to a small tree, for documents with known names.
//!
//! quick-xml tokenizes and resolves prefixes. This module refuses what quick-xml tolerates and XML
//! 1.0 or Namespaces in XML 1.0 forbid, so that libxml2 cannot read the same document differently.

mod date_time;
mod syntax;

use quick_xml::NsReader;
use quick_xml::escape::unescape;
use quick_xml::events::{BytesDecl, BytesStart, Event};
use quick_xml::name::ResolveResult;

pub(crate) use date_time::parse_date_time;
pub(crate) use quick_xml::escape::escape;
use syntax::{attributes, check_name, check_namespace_value, is_xml_char};

/// Why a document is refused as XML.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum XmlFault {
    /// The document is not well-formed (XML 1.0).
    #[error("it is not well-formed XML")]
    NotWellFormed,
    /// The document starts with a byte order mark.
    #[error("it starts with a byte order mark")]
    ByteOrderMark,
    /// The declaration names another version or encoding than 1.0 and UTF-8.
    #[error("it is not declared as XML 1.0 in UTF-8")]
    Declaration,
    /// The document has a DOCTYPE.
    #[error("it has a DOCTYPE")]
    Doctype,
    /// The document has a comment, which is not allowed here.
    #[error("it has a comment")]
    Comment,
    /// The document has a CDATA section, which is not allowed here.
    #[error("it has a CDATA section")]
    Cdata,
    /// The document has a processing instruction, which is not allowed here.
    #[error("it has a processing instruction")]
    Instruction,
    /// The document has a character that XML 1.0 does not allow.
    #[error("it has a character that XML does not allow")]
    Character,
    /// The document refers to an entity other than the five predefined ones.
    #[error("it has an entity reference")]
    Entity,
    /// A namespace prefix is not declared, or its declaration is not an absolute URI.
    #[error("it has an undeclared or ill-declared namespace prefix")]
    Namespace,
    /// An element has the same attribute twice.
    #[error("it has an attribute twice")]
    DuplicateAttribute,
    /// The document exceeds a limit on depth, elements, attributes or namespaces.
    #[error(
        "it is larger than any real document: \
         too deep, or too many elements, attributes or namespaces"
    )]
    Limit,
    /// There is content before or after the root element.
    #[error("there is something outside the root element")]
    OutsideRoot,
}

impl XmlFault {
    /// Returns a short code for the log.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::NotWellFormed => "xml_not_well_formed",
            Self::ByteOrderMark => "xml_bom",
            Self::Declaration => "xml_declaration",
            Self::Doctype => "xml_doctype",
            Self::Comment => "xml_comment",
            Self::Cdata => "xml_cdata",
            Self::Instruction => "xml_processing_instruction",
            Self::Character => "xml_character",
            Self::Entity => "xml_entity",
            Self::Namespace => "xml_namespace",
            Self::DuplicateAttribute => "xml_duplicate_attribute",
            Self::Limit => "xml_limit",
            Self::OutsideRoot => "xml_outside_root",
        }
    }
}

/// The namespaces that the known documents use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Ns {
    None,
    Samlp,
    Saml,
    Ds,
    Xenc,
    ExcC14n,
    Md,
    Xsi,
    Xml,
    Other,
}

pub(crate) const SAMLP: &str = "urn:oasis:names:tc:SAML:2.0:protocol";
pub(crate) const SAML: &str = "urn:oasis:names:tc:SAML:2.0:assertion";
pub(crate) const MD: &str = "urn:oasis:names:tc:SAML:2.0:metadata";
pub(crate) const DS: &str = "http://www.w3.org/2000/09/xmldsig#";
pub(crate) const EXC_C14N: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";
const XENC: &str = "http://www.w3.org/2001/04/xmlenc#";
const XSI: &str = "http://www.w3.org/2001/XMLSchema-instance";
const XML: &str = "http://www.w3.org/XML/1998/namespace";

/// Further namespaces that identity providers declare outside of attributes and extensions, though
/// nothing there that is read belongs to them.
const ALSO_DECLARED: [&str; 7] = [
    "http://www.w3.org/2001/XMLSchema",
    "http://www.w3.org/2001/04/xmldsig-more#",
    "http://www.w3.org/2009/xmldsig11#",
    "http://www.w3.org/2009/xmlenc11#",
    "urn:oasis:names:tc:SAML:2.0:ac",
    "urn:oasis:names:tc:SAML:2.0:profiles:attribute:X500",
    "urn:oasis:names:tc:SAML:metadata:algsupport",
];

impl Ns {
    fn of(found: &ResolveResult<'_>) -> Result<Self, XmlFault> {
        match found {
            ResolveResult::Unbound => Ok(Self::None),
            ResolveResult::Unknown(_) => Err(XmlFault::Namespace),
            ResolveResult::Bound(name) => Ok(Self::named(name.0)),
        }
    }

    pub(crate) fn named(uri: &[u8]) -> Self {
        let known = [
            (SAMLP, Self::Samlp),
            (SAML, Self::Saml),
            (DS, Self::Ds),
            (XENC, Self::Xenc),
            (EXC_C14N, Self::ExcC14n),
            (MD, Self::Md),
            (XSI, Self::Xsi),
            (XML, Self::Xml),
        ];
        known
            .iter()
            .find(|(known, _)| known.as_bytes() == uri)
            .map_or(Self::Other, |(_, ns)| *ns)
    }
}

/// Limits and tolerance for one kind of document.
#[derive(Debug)]
pub(crate) struct ParseOptions {
    /// Skips comments and processing instructions and reads CDATA as text, instead of refusing
    /// them.
    pub(crate) lenient: bool,
    pub(crate) max_depth: usize,
    pub(crate) max_elements: usize,
    /// Attributes of one element, namespace declarations included.
    pub(crate) max_attributes: usize,
}

/// An attribute with its value normalized (XML 1.0 section 3.3.3).
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Attribute {
    pub(crate) ns: Ns,
    pub(crate) local: String,
    pub(crate) value: String,
}

/// An element. `text` joins the pieces of text between its children.
#[derive(Debug)]
pub(crate) struct Element {
    pub(crate) ns: Ns,
    pub(crate) local: String,
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) children: Vec<Element>,
    pub(crate) text: String,
    /// Whether it declares a namespace that the known documents do not use.
    pub(crate) declares_unknown: bool,
}

impl Element {
    pub(crate) fn is(&self, ns: Ns, local: &str) -> bool {
        self.ns == ns && self.local == local
    }

    /// Returns the value of an attribute without a namespace.
    pub(crate) fn attribute(&self, local: &str) -> Option<&str> {
        self.attributes
            .iter()
            .find(|attribute| attribute.ns == Ns::None && attribute.local == local)
            .map(|attribute| attribute.value.as_str())
    }

    pub(crate) fn all<'a>(&'a self, ns: Ns, local: &'a str) -> impl Iterator<Item = &'a Self> {
        self.children
            .iter()
            .filter(move |child| child.is(ns, local))
    }

    pub(crate) fn child<'a>(&'a self, ns: Ns, local: &'a str) -> Option<&'a Self> {
        self.all(ns, local).next()
    }

    /// Whether there is only white space between the children.
    pub(crate) fn has_no_text(&self) -> bool {
        self.text.chars().all(is_xml_space)
    }
}

/// White space by XML 1.0 production [3].
pub(crate) fn is_xml_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

/// Parses a whole document.
pub(crate) fn parse(text: &str, options: &ParseOptions) -> Result<Element, XmlFault> {
    if text.starts_with('\u{feff}') {
        return Err(XmlFault::ByteOrderMark);
    }
    if !text.chars().all(is_xml_char) {
        return Err(XmlFault::Character);
    }
    let mut reader = NsReader::from_str(text);
    // One more than allowed, so that the count below refuses first, with XmlFault::Limit.
    reader
        .resolver_mut()
        .set_max_declarations_per_element(options.max_attributes + 1);
    let mut builder = TreeBuilder {
        options,
        open: Vec::new(),
        root: None,
        elements: 0,
    };
    let mut first = true;
    loop {
        let (found, event) = reader
            .read_resolved_event()
            .map_err(|_| XmlFault::NotWellFormed)?;
        match event {
            Event::Start(start) => {
                let ns = Ns::of(&found)?;
                let element = element(&reader, &start, ns, options)?;
                builder.start(element)?;
            }
            Event::Empty(start) => {
                let ns = Ns::of(&found)?;
                let element = element(&reader, &start, ns, options)?;
                builder.start(element)?;
                builder.end()?;
            }
            Event::End(_) => builder.end()?,
            Event::Text(piece) => {
                let piece = piece.xml10_content().map_err(|_| XmlFault::NotWellFormed)?;
                if piece.contains("]]>") {
                    return Err(XmlFault::NotWellFormed);
                }
                builder.text(&piece)?;
            }
            Event::GeneralRef(reference) => {
                let name = reference.decode().map_err(|_| XmlFault::Entity)?;
                builder.reference(&name)?;
            }
            Event::Decl(declaration) if first => check_declaration(&declaration)?,
            Event::Decl(_) => return Err(XmlFault::NotWellFormed),
            Event::DocType(_) => return Err(XmlFault::Doctype),
            Event::Comment(_) if options.lenient => {}
            Event::Comment(_) => return Err(XmlFault::Comment),
            Event::PI(_) if options.lenient => {}
            Event::PI(_) => return Err(XmlFault::Instruction),
            Event::CData(data) if options.lenient => {
                let data = data.xml10_content().map_err(|_| XmlFault::NotWellFormed)?;
                builder.text(&data)?;
            }
            Event::CData(_) => return Err(XmlFault::Cdata),
            Event::Eof => return builder.finish(),
        }
        first = false;
    }
}

struct TreeBuilder<'a> {
    options: &'a ParseOptions,
    open: Vec<Element>,
    root: Option<Element>,
    elements: usize,
}

impl TreeBuilder<'_> {
    fn start(&mut self, element: Element) -> Result<(), XmlFault> {
        if self.root.is_some() {
            return Err(XmlFault::OutsideRoot);
        }
        self.elements += 1;
        if self.elements > self.options.max_elements || self.open.len() >= self.options.max_depth {
            return Err(XmlFault::Limit);
        }
        self.open.push(element);
        Ok(())
    }

    fn end(&mut self) -> Result<(), XmlFault> {
        let closed = self.open.pop().ok_or(XmlFault::NotWellFormed)?;
        match self.open.last_mut() {
            Some(parent) => parent.children.push(closed),
            None => self.root = Some(closed),
        }
        Ok(())
    }

    fn text(&mut self, piece: &str) -> Result<(), XmlFault> {
        match self.open.last_mut() {
            Some(parent) => parent.text.push_str(piece),
            None if piece.chars().all(is_xml_space) => {}
            None => return Err(XmlFault::OutsideRoot),
        }
        Ok(())
    }

    fn reference(&mut self, name: &str) -> Result<(), XmlFault> {
        if self.open.is_empty() {
            return Err(XmlFault::OutsideRoot);
        }
        self.text(&expand(&format!("&{name};"))?)
    }

    fn finish(self) -> Result<Element, XmlFault> {
        if !self.open.is_empty() {
            return Err(XmlFault::NotWellFormed);
        }
        self.root.ok_or(XmlFault::NotWellFormed)
    }
}

fn element(
    reader: &NsReader<&[u8]>,
    start: &BytesStart<'_>,
    ns: Ns,
    options: &ParseOptions,
) -> Result<Element, XmlFault> {
    attributes(start.attributes_raw())?;
    check_name(start.name().as_ref())?;
    // Reserved (Namespaces in XML 1.0, section 3), and read by libxml2 as a part of the name.
    if start
        .name()
        .prefix()
        .is_some_and(|prefix| prefix.is_xmlns())
    {
        return Err(XmlFault::Namespace);
    }
    let mut attributes: Vec<Attribute> = Vec::new();
    let mut seen: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
    let mut declares_unknown = false;
    // The duplicate check is quadratic, so attributes are counted first.
    for (count, attribute) in start.attributes().with_checks(false).enumerate() {
        if count >= options.max_attributes {
            return Err(XmlFault::Limit);
        }
        let attribute = attribute.map_err(|_| XmlFault::NotWellFormed)?;
        check_name(attribute.key.as_ref())?;
        let raw = std::str::from_utf8(&attribute.value).map_err(|_| XmlFault::NotWellFormed)?;
        let (found, local) = reader.resolver().resolve_attribute(attribute.key);
        let name = match &found {
            ResolveResult::Bound(uri) => (uri.0.to_vec(), local.as_ref().to_vec()),
            _ => (Vec::new(), local.as_ref().to_vec()),
        };
        if attribute.key.as_namespace_binding().is_some() {
            check_namespace_value(attribute.key.as_ref(), raw)?;
            declares_unknown |= !raw.is_empty()
                && Ns::named(raw.as_bytes()) == Ns::Other
                && !ALSO_DECLARED.contains(&raw);
            let name = (b"xmlns".to_vec(), attribute.key.as_ref().to_vec());
            if seen.contains(&name) {
                return Err(XmlFault::DuplicateAttribute);
            }
            seen.push(name);
            continue;
        }
        let attribute_ns = Ns::of(&found)?;
        if seen.contains(&name) {
            return Err(XmlFault::DuplicateAttribute);
        }
        seen.push(name);
        attributes.push(Attribute {
            ns: attribute_ns,
            local: text_of(local.as_ref())?,
            value: attribute_value(raw)?,
        });
    }
    Ok(Element {
        ns,
        local: text_of(start.local_name().as_ref())?,
        attributes,
        children: Vec::new(),
        text: String::new(),
        declares_unknown,
    })
}

fn attribute_value(raw: &str) -> Result<String, XmlFault> {
    if raw.contains('<') {
        return Err(XmlFault::NotWellFormed);
    }
    let normalized = raw.replace("\r\n", " ").replace(['\r', '\n', '\t'], " ");
    expand(&normalized)
}

/// Expands character references and the five predefined entities; refuses any other entity.
fn expand(text: &str) -> Result<String, XmlFault> {
    let expanded = unescape(text).map_err(|_| XmlFault::Entity)?;
    if !expanded.chars().all(is_xml_char) {
        return Err(XmlFault::Character);
    }
    Ok(expanded.into_owned())
}

/// Allows version, encoding and standalone, in this order (XML 1.0 productions [23] and [32]).
fn check_declaration(declaration: &BytesDecl<'_>) -> Result<(), XmlFault> {
    let raw = declaration.strip_prefix(b"xml").unwrap_or_default();
    let attributes = attributes(raw)?;
    let Some(((b"version", b"1.0"), rest)) = attributes.split_first() else {
        return Err(XmlFault::Declaration);
    };
    let rest = match rest {
        [(b"encoding", name), rest @ ..] if name.eq_ignore_ascii_case(b"utf-8") => rest,
        rest => rest,
    };
    match rest {
        [] | [(b"standalone", b"yes" | b"no")] => Ok(()),
        _ => Err(XmlFault::Declaration),
    }
}

fn text_of(bytes: &[u8]) -> Result<String, XmlFault> {
    std::str::from_utf8(bytes)
        .map(str::to_owned)
        .map_err(|_| XmlFault::NotWellFormed)
}
