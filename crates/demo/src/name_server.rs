//! The authoritative name server of the demo, over UDP and TCP on loopback (RFC 1035).

use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use async_trait::async_trait;
use hickory_proto::rr::rdata::{NS, SOA};
use hickory_proto::rr::{Name, RData, Record};
use hickory_proto::serialize::binary::{BinDecoder, Restrict};
use hickory_server::Server;
use hickory_server::net::runtime::{Time, TokioRuntimeProvider};
use hickory_server::server::{Request, RequestHandler, ResponseHandler, ResponseInfo};
use hickory_server::store::in_memory::InMemoryZoneHandler;
use hickory_server::zone_handler::{AxfrPolicy, Catalog, ZoneType};
use starchart_dns::provider::ZoneRrset;
use starchart_dns::provider::memory::Memory;
use starchart_domain::record::RecordType;
use tokio::net::{TcpListener, UdpSocket};
use tracing::warn;

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
    let mut records: InMemoryZoneHandler<TokioRuntimeProvider> =
        InMemoryZoneHandler::empty(origin.clone(), ZoneType::Primary, AxfrPolicy::Deny);
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
    catalog.upsert(origin.into(), vec![Arc::new(records)]);
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
