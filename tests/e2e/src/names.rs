//! A name server on loopback whose answers a test changes while the browser runs.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use anyhow::Result;
use parking_lot::Mutex;
use simple_dns::rdata::{A, RData};
use simple_dns::{CLASS, Packet, RCODE, ResourceRecord, TYPE};

/// The most bytes of a question.
const MOST_BYTES: usize = 512;

#[derive(Default)]
struct Zone {
    addresses: HashMap<String, Ipv4Addr>,
    asked: Vec<String>,
}

/// A running name server. It stops when dropped.
pub struct NameServer {
    address: SocketAddr,
    zone: Arc<Mutex<Zone>>,
    stopped: Arc<AtomicBool>,
}

impl NameServer {
    /// Starts one that has no name yet.
    ///
    /// # Errors
    /// If no port can be had.
    pub fn start() -> Result<Self> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = socket.local_addr()?;
        let zone: Arc<Mutex<Zone>> = Arc::default();
        let stopped = Arc::new(AtomicBool::new(false));
        let (shared, stop) = (Arc::clone(&zone), Arc::clone(&stopped));
        thread::spawn(move || {
            let mut bytes = [0; MOST_BYTES];
            while let Ok((length, from)) = socket.recv_from(&mut bytes) {
                if stop.load(Ordering::Acquire) {
                    break;
                }
                if let Some(answer) = bytes.get(..length).and_then(|asked| answer(asked, &shared)) {
                    // Whoever asked may be gone.
                    let _ = socket.send_to(&answer, from);
                }
            }
        });
        Ok(Self {
            address,
            zone,
            stopped,
        })
    }

    /// Its address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From here on, `name` has this address, which may be forgotten at once.
    pub fn set(&self, name: &str, address: Ipv4Addr) {
        let mut zone = self.zone.lock();
        zone.addresses.insert(name.to_owned(), address);
    }

    /// How often the IPv4 address of `name` was asked for so far.
    pub fn times_asked(&self, name: &str) -> usize {
        let zone = self.zone.lock();
        zone.asked.iter().filter(|asked| *asked == name).count()
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Release);
        // Wakes the thread, which then sees that it is over.
        if let Ok(socket) = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)) {
            let _ = socket.send_to(&[], self.address);
        }
    }
}

fn answer(asked: &[u8], zone: &Mutex<Zone>) -> Option<Vec<u8>> {
    let asked = Packet::parse(asked).ok()?;
    let question = asked.questions.first()?;
    let name = question.qname.to_string();
    let mut packet = Packet::new_reply(asked.id());
    packet.questions.push(question.clone());
    let mut zone = zone.lock();
    let address = zone.addresses.get(&name).copied();
    match address {
        None => *packet.rcode_mut() = RCODE::NameError,
        // There is no address of IPv6, which is no error.
        Some(_) if question.qtype != TYPE::A.into() => {},
        Some(address) => {
            zone.asked.push(name);
            packet.answers.push(ResourceRecord::new(
                question.qname.clone(),
                CLASS::IN,
                0,
                RData::A(A::from(address)),
            ));
        },
    }
    packet.build_bytes_vec().ok()
}
