//! Looking names up at one name server that tests and demonstrations give to the browser, in the place of the system's resolver.
//! It asks for addresses and follows no referral: the server is one that knows.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;
use std::{io, net};

use simple_dns::rdata::RData;
use simple_dns::{CLASS, Name, Packet, PacketFlag, Question, RCODE, SimpleDnsError, TYPE};
use thiserror::Error;
use tokio::net::UdpSocket;
use tokio::time::timeout;

/// How long an answer may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);

/// How often a question is sent: datagrams get lost.
const TRIES: usize = 2;

/// The most bytes of an answer.
///
/// <https://www.rfc-editor.org/rfc/rfc1035#section-2.3.4>
const MOST_BYTES: usize = 512;

/// Why a name server has no answer.
#[derive(Debug, Error)]
pub(super) enum NameServerError {
    /// The system does not let a datagram through.
    #[error("the name server cannot be asked: {0}")]
    Io(#[from] io::Error),
    /// The name, or what came for it, is not as in the protocol.
    #[error("a name or an answer is malformed: {0}")]
    Malformed(#[from] SimpleDnsError),
    /// Nothing came.
    #[error("the name server does not answer")]
    Silent,
    /// It answers that it will not, or that it does not have the name.
    #[error("the name server refuses: {0:?}")]
    Refused(RCODE),
    /// The answer does not fit into a datagram.
    #[error("the name server's answer is too long")]
    Truncated,
}

/// The addresses that `server` has for `name`, IPv6 first as far as both kinds are there.
///
/// # Errors
/// If it answers neither question.
pub(super) async fn ask(server: SocketAddr, name: &str) -> Result<Vec<IpAddr>, NameServerError> {
    let (ipv6, ipv4) = tokio::join!(
        ask_for(server, name, TYPE::AAAA),
        ask_for(server, name, TYPE::A)
    );
    match (ipv6, ipv4) {
        (Ok(mut addresses), Ok(more)) => {
            addresses.extend(more);
            Ok(addresses)
        },
        (Ok(addresses), Err(_)) | (Err(_), Ok(addresses)) => Ok(addresses),
        (Err(_), Err(error)) => Err(error),
    }
}

async fn ask_for(
    server: SocketAddr,
    name: &str,
    kind: TYPE,
) -> Result<Vec<IpAddr>, NameServerError> {
    let any: IpAddr = match server {
        SocketAddr::V4(_) => net::Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => net::Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0)).await?;
    // NB: a connected socket takes datagrams of the server's only.
    socket.connect(server).await?;
    let id = rand::random();
    let question = question(id, name, kind)?;
    for _ in 0..TRIES {
        socket.send(&question).await?;
        match timeout(ANSWER_TIMEOUT, answer(&socket, id)).await {
            Ok(answer) => return answer,
            Err(_) => continue,
        }
    }
    Err(NameServerError::Silent)
}

fn question(id: u16, name: &str, kind: TYPE) -> Result<Vec<u8>, SimpleDnsError> {
    let mut packet = Packet::new_query(id);
    packet.set_flags(PacketFlag::RECURSION_DESIRED);
    let question = Question::new(Name::new(name)?, kind.into(), CLASS::IN.into(), false);
    packet.questions.push(question);
    packet.build_bytes_vec()
}

/// The answer to the question with this number; others are passed over.
async fn answer(socket: &UdpSocket, id: u16) -> Result<Vec<IpAddr>, NameServerError> {
    let mut bytes = [0; MOST_BYTES];
    loop {
        let length = socket.recv(&mut bytes).await?;
        let packet = Packet::parse(bytes.get(..length).unwrap_or_default())?;
        if packet.id() == id && packet.has_flags(PacketFlag::RESPONSE) {
            return addresses(&packet);
        }
    }
}

fn addresses(packet: &Packet<'_>) -> Result<Vec<IpAddr>, NameServerError> {
    if packet.has_flags(PacketFlag::TRUNCATION) {
        return Err(NameServerError::Truncated);
    }
    if packet.rcode() != RCODE::NoError {
        return Err(NameServerError::Refused(packet.rcode()));
    }
    Ok(packet
        .answers
        .iter()
        .filter_map(|record| match &record.rdata {
            RData::A(address) => Some(Ipv4Addr::from(address.address).into()),
            RData::AAAA(address) => Some(Ipv6Addr::from(address.address).into()),
            _ => None,
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use simple_dns::ResourceRecord;
    use simple_dns::rdata::{A, AAAA};

    use super::*;

    /// A name server that answers once for each kind of address, after a datagram that answers somebody else.
    async fn server(rcode: RCODE) -> SocketAddr {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        tokio::spawn(async move {
            let mut bytes = [0; MOST_BYTES];
            loop {
                let (length, from) = socket.recv_from(&mut bytes).await.unwrap();
                let asked = Packet::parse(&bytes[..length]).unwrap();
                let question = asked.questions[0].clone();
                let mut packet = Packet::new_reply(asked.id() ^ 1);
                socket
                    .send_to(&packet.build_bytes_vec().unwrap(), from)
                    .await
                    .unwrap();
                packet.set_id(asked.id());
                *packet.rcode_mut() = rcode;
                let rdata = if question.qtype == TYPE::A.into() {
                    RData::A(A {
                        address: u32::from(Ipv4Addr::new(192, 0, 2, 1)),
                    })
                } else {
                    RData::AAAA(AAAA {
                        address: u128::from(Ipv6Addr::LOCALHOST),
                    })
                };
                packet
                    .answers
                    .push(ResourceRecord::new(question.qname, CLASS::IN, 0, rdata));
                socket
                    .send_to(&packet.build_bytes_vec().unwrap(), from)
                    .await
                    .unwrap();
            }
        });
        address
    }

    #[tokio::test]
    async fn both_kinds_of_addresses_are_asked_for() {
        let addresses = ask(server(RCODE::NoError).await, "a.test").await.unwrap();
        assert_eq!(
            addresses,
            ["::1", "192.0.2.1"].map(|text| text.parse::<IpAddr>().unwrap())
        );
    }

    #[tokio::test]
    async fn a_name_that_is_not_there() {
        let result = ask(server(RCODE::NameError).await, "a.test").await;
        assert!(
            matches!(result, Err(NameServerError::Refused(RCODE::NameError))),
            "{result:?}"
        );
        assert!(
            ask("127.0.0.1:9".parse().unwrap(), &"a".repeat(64))
                .await
                .is_err()
        );
    }

    proptest! {
        #[test]
        fn no_answer_panics(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            if let Ok(packet) = Packet::parse(&bytes) {
                let _ = addresses(&packet);
            }
        }
    }
}
