//! Service bindings, which HTTPS and SVCB records hold: a target and its parameters (RFC 9460).
//!
//! The canonical spelling is that of `dig`: parameters in ascending order of their numbers,
//! quotation marks around `alpn` and unnamed parameters only.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use base64::prelude::{BASE64_STANDARD, Engine as _};

use crate::fault::ValueFault;
use crate::fault::advice::{HostTexts, Wanted};
use crate::input::OddChar;
use crate::input::typed::{Typed, recognize};
use crate::record::host;
use crate::record::note::ValueNote;
use crate::record::spec::{Codec, Parsed, Part, PartWire};
use crate::txt;

/// The spellings of a target and its parameters.
pub(super) static CODEC: Codec = Codec {
    canonicalize: |text| Some(Binding::read(text)?.to_string()),
    to_wire: |text| Binding::read(text)?.to_wire(),
    from_wire: |message| Some(Binding::from_wire(message)?.to_string()),
};

/// The field SvcPriority of the RFC.
pub(super) static PRIORITY: Part = Part {
    name: "service_priority",
    label: "Service priority",
    hint: "0 makes the name an alias of the target (AliasMode). From 1 on the record has \
           parameters (ServiceMode), and the lowest number is tried first. The default is 1.",
    fault: "Service priority is a whole number from 0 to 65535: 0 for an alias, else 1 or more",
    default: Some("1"),
    choices: &[],
    wire: PartWire::Number,
};

/// What to enter instead of other things than a host name.
static TARGET: HostTexts = HostTexts {
    address: "the target is a host name, not an address, or a single dot (.) for this name itself; \
              addresses go into the parameters, as in . ipv4hint=192.0.2.10",
    numbers: " and put the number into Service priority",
    port: "add the port as a parameter: port={}",
};

/// An alias without a target.
pub(super) const NO_SERVICE: ValueNote = ValueNote::new(
    "This alias (priority 0) with a single dot says that the name does not offer the service. \
     Enter the name of a server, if it does, or a priority of 1 for this name itself.",
);

const TARGET_FIRST: ValueFault = ValueFault::Rule(
    "begin with the target: a host name, or a single dot (.) for this name itself, as in \
     . alpn=h2,h3",
);
const WHOLE: ValueFault = ValueFault::Rule(
    "put the number at the beginning into Service priority, and enter the target and the \
     parameters alone here, as in . alpn=h2,h3",
);
const ALIAS: ValueFault = ValueFault::Rule(
    "an alias (priority 0) has a target and no parameters: leave them out, or enter a priority of \
     1 or more",
);
const QUOTES: ValueFault =
    ValueFault::Rule("a quotation mark is not closed: enter parameters as in alpn=\"h2,h3\"");
const TOO_LONG: ValueFault = ValueFault::Rule("use at most 3,990 characters");

/// The longest binding in characters: with the priority it is one that every provider takes.
const VALUE_MAX: usize = txt::VALUE_MAX - 10;

const MANDATORY: u16 = 0;
const ALPN: u16 = 1;
const NO_DEFAULT_ALPN: u16 = 2;
const PORT: u16 = 3;
const IPV4_HINT: u16 = 4;
const ECH: u16 = 5;
const IPV6_HINT: u16 = 6;
/// Reserved as invalid (RFC 9460 section 14.3.2).
const INVALID_KEY: u16 = u16::MAX;

/// The parameters with a name, by their numbers.
const NAMED: [&str; 7] = [
    "mandatory",
    "alpn",
    "no-default-alpn",
    "port",
    "ipv4hint",
    "ech",
    "ipv6hint",
];

/// A target and its parameters.
struct Binding {
    /// The target in canonical presentation format.
    target: String,
    /// The parameters by their numbers, as a message carries them.
    params: BTreeMap<u16, Vec<u8>>,
}

/// Parses the input of the field Value; `parts` holds the priority.
pub(super) fn parse(input: &str, parts: &[String]) -> Result<Parsed, ValueFault> {
    if let typed @ Typed::ZoneLine(_) = recognize(input) {
        return Err(ValueFault::mistyped(typed, Wanted::Host(&TARGET)));
    }
    let words = words_of(input).ok_or(QUOTES)?;
    let (target, params) = words.split_first().ok_or(ValueFault::Empty)?;
    let is_number = target.bytes().all(|octet| octet.is_ascii_digit());
    if is_number && !params.is_empty() {
        return Err(WHOLE);
    }
    if target.contains('=') || NAMED.contains(target) {
        return Err(TARGET_FIRST);
    }
    let priority = parts.first().map_or("", String::as_str);
    if priority == "0" && !params.is_empty() {
        return Err(ALIAS);
    }
    let target = match *target {
        "." => ".".to_owned(),
        target => host::parse(target, &TARGET)?.text,
    };
    let binding = Binding {
        target,
        params: parse_params(params)?,
    };
    binding.check()?;
    let text = binding.to_string();
    if text.len() > VALUE_MAX {
        return Err(TOO_LONG);
    }
    let note = (priority == "0" && binding.target == ".").then_some(NO_SERVICE);
    Ok(Parsed::plain(text).with_note(note))
}

/// Parses parameters as a user enters them.
fn parse_params(words: &[&str]) -> Result<BTreeMap<u16, Vec<u8>>, ValueFault> {
    let mut params = BTreeMap::new();
    for word in words {
        if let Some(odd) = OddChar::find(word) {
            return Err(ValueFault::Detail(format!("in {word} {odd}")));
        }
        let (name, value) = word.split_once('=').unwrap_or((word, ""));
        let key = parse_key(&name.to_ascii_lowercase()).ok_or_else(|| unknown(name))?;
        let about = |rule: &str| ValueFault::Detail(format!("{name} {rule}"));
        let octets = only_string(value).filter(|_| !value.contains('\\'));
        let octets = octets.ok_or_else(|| {
            about("takes printable characters without \\ and \", in one pair of quotation marks")
        })?;
        let encoded = encode(key, &octets).ok_or_else(|| about(takes(key)))?;
        if params.insert(key, encoded).is_some() {
            return Err(about("is there twice; leave one out"));
        }
    }
    Ok(params)
}

fn unknown(name: &str) -> ValueFault {
    ValueFault::Detail(format!(
        "{name} is no parameter: enter {} or {}, each as name=value, or keyNNN=value for one \
         without a name here",
        NAMED[..NAMED.len() - 1].join(", "),
        NAMED[NAMED.len() - 1],
    ))
}

/// Says what a parameter takes, after its name.
fn takes(key: u16) -> &'static str {
    match key {
        MANDATORY => "takes the names of other parameters, as in mandatory=port",
        ALPN => "takes names of protocols with commas between, as in alpn=h2,h3",
        NO_DEFAULT_ALPN => "takes no value",
        PORT => "takes a number from 0 to 65535, as in port=8443",
        IPV4_HINT => "takes IPv4 addresses with commas between, as in ipv4hint=192.0.2.10",
        IPV6_HINT => "takes IPv6 addresses with commas between, as in ipv6hint=2001:db8::10",
        ECH => "takes the text in Base64 that your server or service shows",
        _ => "takes at most 65535 octets",
    }
}

impl Binding {
    /// Reads a target and its parameters in any spelling.
    fn read(text: &str) -> Option<Self> {
        let words = words_of(text)?;
        let (target, words) = words.split_first()?;
        if *target != "." && target.trim_matches('.').is_empty() {
            return None;
        }
        let mut params = BTreeMap::new();
        for word in words {
            let (name, value) = word.split_once('=').unwrap_or((word, ""));
            let key = parse_key(&name.to_ascii_lowercase())?;
            if params
                .insert(key, encode(key, &only_string(value)?)?)
                .is_some()
            {
                return None;
            }
        }
        Some(Self {
            target: (host::CODEC.canonicalize)(target)?,
            params,
        })
    }

    /// Checks the rules between parameters (RFC 9460 sections 7.1.1 and 8).
    fn check(&self) -> Result<(), ValueFault> {
        let has = |key| self.params.contains_key(&key);
        if has(NO_DEFAULT_ALPN) && !has(ALPN) {
            return Err(ValueFault::Rule(
                "no-default-alpn needs the parameter alpn beside it, as in alpn=h3 no-default-alpn",
            ));
        }
        let mandatory = self.params.get(&MANDATORY).map_or(&[][..], Vec::as_slice);
        let mut keys = mandatory
            .chunks_exact(2)
            .map(|two| u16::from_be_bytes([two[0], two[1]]));
        match keys.find(|key| !has(*key)) {
            Some(key) => Err(ValueFault::Detail(format!(
                "mandatory names {}, so that parameter has to be here too",
                name_of(key)
            ))),
            None => Ok(()),
        }
    }

    fn to_wire(&self) -> Option<Vec<u8>> {
        let mut message = (host::CODEC.to_wire)(&self.target)?;
        for (key, octets) in &self.params {
            message.extend(key.to_be_bytes());
            message.extend(u16::try_from(octets.len()).ok()?.to_be_bytes());
            message.extend(octets);
        }
        Some(message)
    }

    fn from_wire(message: &[u8]) -> Option<Self> {
        let (target, mut rest) = host::read_name(message)?;
        let mut params = BTreeMap::new();
        while !rest.is_empty() {
            let (key, after) = rest.split_first_chunk()?;
            let (length, after) = after.split_first_chunk()?;
            let length = u16::from_be_bytes(*length);
            let (octets, after) = after.split_at_checked(usize::from(length))?;
            let key = Some(u16::from_be_bytes(*key)).filter(|key| *key != INVALID_KEY)?;
            let ascends = params.last_key_value().is_none_or(|(last, _)| *last < key);
            decode(key, octets).filter(|_| ascends)?;
            params.insert(key, octets.to_owned());
            rest = after;
        }
        Some(Self { target, params })
    }
}

impl fmt::Display for Binding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.target)?;
        for (key, octets) in &self.params {
            write!(f, " {}", name_of(*key))?;
            match decode(*key, octets) {
                Some(value) if !value.is_empty() => write!(f, "={value}")?,
                _ => {}
            }
        }
        Ok(())
    }
}

/// Returns the number of a parameter's name in lower case: a registered one, or `keyNNN`.
fn parse_key(name: &str) -> Option<u16> {
    if let Some(at) = NAMED.iter().position(|known| *known == name) {
        return u16::try_from(at).ok();
    }
    let digits = name.strip_prefix("key")?;
    let key: u16 = digits.parse().ok()?;
    // One spelling each: no leading zeros, and no number for a parameter with a name.
    let is_plain = key.to_string() == digits && usize::from(key) >= NAMED.len();
    Some(key).filter(|key| is_plain && *key != INVALID_KEY)
}

fn name_of(key: u16) -> String {
    match NAMED.get(usize::from(key)) {
        Some(name) => (*name).to_owned(),
        None => format!("key{key}"),
    }
}

/// Encodes a parameter's value for a message; `None` when the parameter does not take it.
fn encode(key: u16, value: &[u8]) -> Option<Vec<u8>> {
    if key > IPV6_HINT {
        return (value.len() <= usize::from(u16::MAX)).then(|| value.to_owned());
    }
    let value = std::str::from_utf8(value).ok()?;
    let items = value.split(',').map(str::trim);
    match key {
        MANDATORY => {
            let mut keys: Vec<u16> = items
                .map(|name| parse_key(name).filter(|key| *key != MANDATORY))
                .collect::<Option<_>>()?;
            keys.sort_unstable();
            let is_unique = keys.windows(2).all(|two| two[0] != two[1]);
            is_unique.then(|| keys.iter().flat_map(|key| key.to_be_bytes()).collect())
        }
        ALPN => {
            let mut octets = Vec::new();
            for protocol in items {
                octets.push(u8::try_from(protocol.len()).ok()?);
                octets.extend(protocol.bytes());
            }
            decode(key, &octets).map(|_| octets)
        }
        NO_DEFAULT_ALPN => value.is_empty().then(Vec::new),
        PORT => Some(value.parse::<u16>().ok()?.to_be_bytes().to_vec()),
        IPV4_HINT => {
            let addresses = items.map(|item| Some(item.parse::<Ipv4Addr>().ok()?.octets()));
            Some(addresses.collect::<Option<Vec<_>>>()?.concat())
        }
        IPV6_HINT => {
            let addresses = items.map(|item| Some(item.parse::<Ipv6Addr>().ok()?.octets()));
            Some(addresses.collect::<Option<Vec<_>>>()?.concat())
        }
        _ => BASE64_STANDARD
            .decode(value)
            .ok()
            .filter(|octets| !octets.is_empty()),
    }
}

/// Formats a parameter's value, empty for none; `None` for octets that are none of this parameter,
/// or a protocol name that needs escapes.
fn decode(key: u16, octets: &[u8]) -> Option<String> {
    let joined = |items: Option<Vec<String>>| {
        items
            .filter(|items| !items.is_empty())
            .map(|items| items.join(","))
    };
    match key {
        MANDATORY => {
            let keys: Vec<u16> = pairs(octets)?.collect();
            let ascends = keys.windows(2).all(|two| two[0] < two[1]);
            let is_other = |key: &u16| ![MANDATORY, INVALID_KEY].contains(key);
            let is_valid = ascends && keys.iter().all(is_other);
            joined(is_valid.then(|| keys.iter().map(|key| name_of(*key)).collect()))
        }
        ALPN => {
            let mut protocols = Vec::new();
            let mut rest = octets;
            while let Some((length, after)) = rest.split_first() {
                let (protocol, after) = after.split_at_checked(usize::from(*length))?;
                let protocol = std::str::from_utf8(protocol).ok()?;
                let is_plain =
                    |octet: u8| octet.is_ascii_graphic() && !matches!(octet, b',' | b'"' | b'\\');
                if protocol.is_empty() || !protocol.bytes().all(is_plain) {
                    return None;
                }
                protocols.push(protocol.to_owned());
                rest = after;
            }
            joined(Some(protocols)).map(|list| format!("\"{list}\""))
        }
        NO_DEFAULT_ALPN => octets.is_empty().then(String::new),
        PORT => Some(u16::from_be_bytes(octets.try_into().ok()?).to_string()),
        IPV4_HINT => joined(addresses::<4, Ipv4Addr>(octets)),
        IPV6_HINT => joined(addresses::<16, Ipv6Addr>(octets)),
        ECH => (!octets.is_empty()).then(|| BASE64_STANDARD.encode(octets)),
        _ if octets.is_empty() => Some(String::new()),
        _ => Some(txt::quote(octets)),
    }
}

fn pairs(octets: &[u8]) -> Option<impl Iterator<Item = u16> + '_> {
    let pairs = octets.chunks_exact(2);
    let is_whole = pairs.remainder().is_empty();
    is_whole.then(|| pairs.map(|two| u16::from_be_bytes([two[0], two[1]])))
}

fn addresses<const LENGTH: usize, A>(octets: &[u8]) -> Option<Vec<String>>
where
    A: From<[u8; LENGTH]> + ToString,
{
    let address = |chunk: &[u8]| Some(A::from(<[u8; LENGTH]>::try_from(chunk).ok()?).to_string());
    octets.chunks(LENGTH).map(address).collect()
}

/// Splits a text at white space outside quotation marks; `None` when a mark is not closed.
fn words_of(text: &str) -> Option<Vec<&str>> {
    let mut words = Vec::new();
    let mut start = None;
    let mut is_quoted = false;
    let mut is_escaped = false;
    for (at, c) in text.char_indices() {
        if c.is_ascii_whitespace() && !is_quoted {
            words.extend(start.take().map(|start| &text[start..at]));
            is_escaped = false;
            continue;
        }
        start = start.or(Some(at));
        is_quoted ^= c == '"' && !is_escaped;
        is_escaped = c == '\\' && !is_escaped;
    }
    words.extend(start.map(|start| &text[start..]));
    (!is_quoted).then_some(words)
}

/// Decodes a value that is one string, in quotation marks or not, or nothing.
fn only_string(value: &str) -> Option<Vec<u8>> {
    let mut strings = txt::decode_strings(value)?;
    let string = strings.pop().unwrap_or_default();
    strings.is_empty().then_some(string)
}
