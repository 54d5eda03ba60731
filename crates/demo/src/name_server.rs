//! The authoritative name server of the demo, over UDP and TCP on loopback (RFC 1035).

mod wildcards;

use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use async_trait::async_trait;
use hickory_proto::rr::rdata::{NS, SOA};
use hickory_proto::rr::{Name, RData, Record};
use hickory_proto::serialize::binary::{BinDecoder, Restrict};
use hickory_server::Server;
use hickory_server::net::runtime::Time;
use hickory_server::server::{Request, RequestHandler, ResponseHandler, ResponseInfo};
use hickory_server::zone_handler::{AxfrPolicy, Catalog, ZoneType};
use starchart_dns::provider::ZoneRrset;
use starchart_dns::provider::memory::Memory;
use starchart_domain::record::RecordType;
use tokio::net::{TcpListener, UdpSocket};
use tracing::warn;

use self::wildcards::{Records, Zone};
use crate::error::Error;

/// An idle TCP connection is closed after this time.
const TCP_IDLE_TIMEOUT: Duration = Duration::from_secs(5);
const TCP_BUFFER: usize = 16;

/// A running name server, which stops on drop.
pub struct NameServer {
    address: SocketAddr,
    _server: Server<CurrentCatalog>,
    reload_task: tokio::task::JoinHandle<()>,
}

impl NameServer {
    /// Starts to serve the zone at this address over UDP and TCP. Port 0 chooses a free port.
    ///
    /// # Errors
    /// The port cannot be opened.
    pub async fn start(zone: Arc<Memory>, address: SocketAddr) -> Result<Self, Error> {
        let (udp, tcp) = bind(address).await?;
        let address = udp
            .local_addr()
            .map_err(Error::io("the name server's port"))?;
        let mut changes = zone.subscribe();
        let current = CurrentCatalog(Arc::new(RwLock::new(Arc::new(build_catalog(&zone, 1)))));
        let mut server = Server::new(current.clone());
        server.register_socket(udp);
        server.register_listener(tcp, TCP_IDLE_TIMEOUT, TCP_BUFFER);
        let reload_task = tokio::spawn(async move {
            let mut serial = 1;
            while changes.changed().await.is_ok() {
                serial += 1;
                let catalog = Arc::new(build_catalog(&zone, serial));
                *current.0.write().unwrap_or_else(PoisonError::into_inner) = catalog;
            }
        });
        Ok(Self {
            address,
            _server: server,
            reload_task,
        })
    }

    /// Returns the address of the UDP and TCP port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        self.reload_task.abort();
    }
}

/// Opens the same port for UDP and TCP. For port 0 it tries again when the chosen UDP port is in
/// use for TCP.
async fn bind(address: SocketAddr) -> Result<(UdpSocket, TcpListener), Error> {
    let what = || format!("opening {address} for the name server");
    for _ in 0..20 {
        let udp = UdpSocket::bind(address).await.map_err(Error::io(what()))?;
        let chosen = udp.local_addr().map_err(Error::io(what()))?;
        match TcpListener::bind(chosen).await {
            Ok(tcp) => return Ok((udp, tcp)),
            Err(error) if address.port() != 0 => return Err(Error::io(what())(error)),
            Err(_) => {}
        }
    }
    Err(Error::io(what())(std::io::ErrorKind::AddrInUse.into()))
}

/// The records that are served, replaced after each change of the zone.
#[derive(Clone)]
struct CurrentCatalog(Arc<RwLock<Arc<Catalog>>>);

#[async_trait]
impl RequestHandler for CurrentCatalog {
    async fn handle_request<R: ResponseHandler, T: Time>(
        &self,
        request: &Request,
        response: R,
    ) -> ResponseInfo {
        let catalog = Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner));
        catalog.handle_request::<R, T>(request, response).await
    }
}

fn build_catalog(zone: &Memory, serial: u32) -> Catalog {
    let mut catalog = Catalog::new();
    let Ok(origin) = Name::from_str(&format!("{}.", zone.root())) else {
        return catalog;
    };
    let server = Name::from_str(&format!("ns.{}.", zone.root())).unwrap_or_else(|_| origin.clone());
    let mut records = Records::empty(origin.clone(), ZoneType::Primary, AxfrPolicy::Deny);
    let soa = SOA::new(
        server.clone(),
        origin.clone(),
        serial,
        7200,
        900,
        1_209_600,
        5,
    );
    records.upsert_mut(
        Record::from_rdata(origin.clone(), 900, RData::SOA(soa)),
        serial,
    );
    records.upsert_mut(
        Record::from_rdata(origin.clone(), 172_800, RData::NS(NS(server))),
        serial,
    );
    let served = zone.rrsets().into_iter().filter_map(|set| {
        let rtype = RecordType::parse(&set.rtype)?;
        Some((set, rtype))
    });
    for (rrset, rtype) in served {
        for value in &rrset.values {
            match to_record(&rrset, rtype, value) {
                Some(record) => drop(records.upsert_mut(record, serial)),
                None => {
                    warn!(
                        fqdn = rrset.name,
                        %rtype,
                        "the name server cannot serve a value"
                    )
                }
            }
        }
    }
    catalog.upsert(origin.into(), vec![Arc::new(Zone::new(records))]);
    catalog
}

fn to_record(rrset: &ZoneRrset, rtype: RecordType, value: &str) -> Option<Record> {
    let name = Name::from_str(&format!("{}.", rrset.name)).ok()?;
    let octets = rtype.spec().to_wire(value)?;
    let length = Restrict::new(u16::try_from(octets.len()).ok()?);
    let code = rtype.spec().code.into();
    let data = RData::read(&mut BinDecoder::new(&octets), code, length).ok()?;
    Some(Record::from_rdata(name, rrset.ttl?, data))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]
    use starchart_testkit::wait::completes;

    use super::*;

    fn set(name: &str, rtype: &str, value: &str) -> ZoneRrset {
        ZoneRrset {
            name: name.to_owned(),
            rtype: rtype.to_owned(),
            ttl: Some(300),
            values: [value.to_owned()].into_iter().collect(),
            is_simple: true,
        }
    }

    /// Returns the status of the answer and its records, as `dig` prints them.
    async fn dig(server: &NameServer, name: &str, rtype: &str) -> (String, String) {
        let mut command = tokio::process::Command::new("dig");
        let port = server.address().port().to_string();
        command.args(["@127.0.0.1", "-p", &port, "+noall", "+comments", "+answer"]);
        command.args([name, rtype]);
        let output = completes("dig to answer", command.output()).await.unwrap();
        let output = String::from_utf8(output.stdout).unwrap();
        let (_, status) = output.split_once("status: ").unwrap();
        let records = output
            .lines()
            .filter(|line| !line.starts_with(';') && !line.is_empty());
        let values = records.map(|line| line.split_whitespace().nth(4).unwrap());
        (
            status.split(',').next().unwrap().to_owned(),
            values.collect::<Vec<_>>().join(" "),
        )
    }

    #[tokio::test]
    async fn a_wildcard_answers_only_for_names_that_do_not_exist() {
        let zone = Memory::new("starchart.com");
        for (name, rtype, value) in [
            ("*.u.starchart.com", "A", "192.0.2.1"),
            ("*.u.starchart.com", "TXT", "\"any\""),
            ("www.u.starchart.com", "AAAA", "2001:db8::1"),
            ("deep.in.u.starchart.com", "A", "192.0.2.2"),
            ("*.alias.starchart.com", "CNAME", "host.example."),
            ("www.alias.starchart.com", "AAAA", "2001:db8::2"),
        ] {
            zone.put(set(name, rtype, value));
        }
        let server = NameServer::start(Arc::new(zone), ([127, 0, 0, 1], 0).into())
            .await
            .unwrap();
        for (name, rtype, status, answer) in [
            ("any.u", "A", "NOERROR", "192.0.2.1"),
            ("any.u", "TXT", "NOERROR", "\"any\""),
            ("any.u", "MX", "NOERROR", ""),
            ("any.u", "NAPTR", "NOERROR", ""),
            ("any.u", "CNAME", "NOERROR", ""),
            ("*.u", "A", "NOERROR", "192.0.2.1"),
            ("below.any.u", "A", "NOERROR", "192.0.2.1"),
            ("www.u", "AAAA", "NOERROR", "2001:db8::1"),
            ("www.u", "A", "NOERROR", ""),
            ("www.u", "TXT", "NOERROR", ""),
            ("www.u", "CNAME", "NOERROR", ""),
            ("below.www.u", "A", "NXDOMAIN", ""),
            ("deep.in.u", "A", "NOERROR", "192.0.2.2"),
            ("in.u", "A", "NOERROR", ""),
            ("other.in.u", "A", "NXDOMAIN", ""),
            ("any.alias", "A", "NOERROR", "host.example."),
            ("any.alias", "CNAME", "NOERROR", "host.example."),
            ("www.alias", "AAAA", "NOERROR", "2001:db8::2"),
            ("www.alias", "A", "NOERROR", ""),
            ("www.alias", "CNAME", "NOERROR", ""),
            ("below.www.alias", "A", "NXDOMAIN", ""),
            ("nothing", "A", "NXDOMAIN", ""),
        ] {
            let full = format!("{name}.starchart.com");
            let (found, values) = dig(&server, &full, rtype).await;
            assert_eq!((&*found, &*values), (status, answer), "{name} {rtype}");
        }
    }
}
