use super::{base, parts};
use crate::fault::{Fault, Field};
use crate::record::{RecordForm, ValueNote, srv};
use crate::ttl::TtlLimits;
use crate::words::WordFilter;

fn form(name: &str, numbers: [&str; 3], target: &str) -> RecordForm {
    RecordForm {
        name: name.into(),
        rtype: "SRV".into(),
        input: target.into(),
        parts: parts(&["priority", "weight", "port"], &numbers),
        ..RecordForm::default()
    }
}

fn texts(form: &RecordForm) -> Vec<(Field, String)> {
    let faults = form
        .check(&base(), &WordFilter::built_in(), &TtlLimits::default())
        .unwrap_err();
    let text = |(field, fault): (Field, Fault)| (field, fault.to_string());
    faults.into_iter().map(text).collect()
}

#[test]
fn values_have_one_canonical_form() {
    for (numbers, target, expected) in [
        (
            ["0", "5", "25565"],
            "mc.example.com",
            "0 5 25565 mc.example.com.",
        ),
        (
            ["", "", "25565"],
            "MC.Example.com.",
            "10 0 25565 mc.example.com.",
        ),
        (["65535", "65535", "0"], ".", "65535 65535 0 ."),
        (
            ["007", "00", "0443"],
            "a.example.com",
            "7 0 443 a.example.com.",
        ),
    ] {
        let record = form("_minecraft._tcp", numbers, target)
            .check(&base(), &WordFilter::built_in(), &TtlLimits::default())
            .unwrap();
        assert_eq!(
            record.value.presentation(),
            expected,
            "{numbers:?} {target}"
        );
        let note = (target == ".").then_some(srv::NOT_OFFERED);
        let notes: Vec<ValueNote> = note.into_iter().collect();
        assert_eq!(record.value.notes(), notes, "{target}");
    }
}

#[test]
fn names_begin_with_service_and_protocol() {
    for name in [
        "_minecraft._tcp",
        "_minecraft._tcp.play",
        "_sip._udp.a.b",
        "_xmpp-client._tcp",
        "_sip._tls",
        "_SIP._TCP",
    ] {
        let record = form(name, ["", "", "1"], "a.example.com").check(
            &base(),
            &WordFilter::built_in(),
            &TtlLimits::default(),
        );
        let fqdn = format!("{}.user1.starchart.com", name.to_ascii_lowercase());
        assert_eq!(record.unwrap().name.fqdn(), fqdn);
    }
    let rule = "Record name is invalid or inappropriate (only alphanumerical character, -, and _ \
                allowed): the name of an SRV record begins with the service and the protocol, for \
                example _minecraft._tcp or _minecraft._tcp.play; the protocol is _tcp, _udp, _tls, \
                _sctp or _dccp, and no further part begins with _";
    for (name, text) in [
        ("@", rule),
        ("www", rule),
        ("_minecraft", rule),
        ("minecraft._tcp", rule),
        ("_minecraft.tcp", rule),
        ("_minecraft._tpc", rule),
        ("_tcp._minecraft", rule),
        ("play._minecraft._tcp", rule),
        ("_ldap._tcp.dc._msdcs", rule),
    ] {
        let form = form(name, ["", "", "1"], "a.example.com");
        assert_eq!(texts(&form), [(Field::Name, text.to_owned())], "{name}");
    }
}

#[test]
fn faults_say_what_to_do() {
    let priority = "Priority is a whole number from 0 to 65535; the lowest is tried first";
    let weight = "Weight is a whole number from 0 to 65535; enter 0 for a single server";
    let port = "Port is a whole number from 0 to 65535, such as 25565; enter the port on which \
                the server listens";
    for (numbers, faults) in [
        (["-1", "0", "1"], vec![("priority", priority)]),
        (["0", "65536", "1"], vec![("weight", weight)]),
        (["0", "0", ""], vec![("port", port)]),
        (["0", "0", "65536"], vec![("port", port)]),
        (["0", "0", "25565/tcp"], vec![("port", port)]),
        (
            ["a", "b", "c"],
            vec![("priority", priority), ("weight", weight), ("port", port)],
        ),
    ] {
        let expected: Vec<_> = faults
            .into_iter()
            .map(|(name, text)| (Field::Part(name), text.to_owned()))
            .collect();
        let form = form("_sip._tcp", numbers, "a.example.com");
        assert_eq!(texts(&form), expected, "{numbers:?}");
    }
    for (target, text) in [
        ("", "enter a value"),
        (
            "192.0.2.1",
            "an SRV record points to a host name, not to an address; make an A or AAAA record for \
             the server and enter its name",
        ),
        (
            "2001:db8::1",
            "an SRV record points to a host name, not to an address; make an A or AAAA record for \
             the server and enter its name",
        ),
        (
            "0 5 25565 mc.example.com",
            "enter mc.example.com alone and put the numbers into Priority, Weight and Port",
        ),
        (
            "mc.example.com:25565",
            "enter mc.example.com alone; put 25565 into Port",
        ),
        (
            "mc",
            "enter the whole name: mc.user1.starchart.com if the host is in your own domain, or \
             one such as mc.example.com",
        ),
        (
            "..",
            "there is nothing before, after or between dots; remove the extra dot",
        ),
    ] {
        let form = form("_sip._tcp", ["0", "0", "1"], target);
        let text = format!("Record value is invalid: {text}");
        assert_eq!(texts(&form), [(Field::Value, text)], "{target}");
    }
}
