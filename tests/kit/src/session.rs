//! Real connections between two namespaces, and what connection tracking says of them.

use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

use crate::netns::{LabError, Namespace, Result};

/// How long to wait for what a firewall may have dropped: less than the second after which tcp sends again.
const PATIENCE: Duration = Duration::from_millis(600);
const WORD: [u8; 4] = *b"word";

/// Both ends of a tcp connection.
#[derive(Debug)]
pub struct TcpPair {
    /// The end that called.
    pub client: TcpStream,
    /// The end that was called.
    pub server: TcpStream,
}

impl TcpPair {
    /// Connects from one namespace to an address of another; `None` when the first packets are dropped on the way.
    ///
    /// # Errors
    /// Also when the connection is refused: a firewall of ours is silent.
    pub fn open(client: &Namespace, server: &Namespace, to: SocketAddr) -> Result<Option<Self>> {
        let fail = |error| LabError::new(format!("connect to {to}"), error);
        let listener = server.enter(|| TcpListener::bind(to))?.map_err(fail)?;
        let stream = match client.enter(|| TcpStream::connect_timeout(&to, PATIENCE))? {
            Ok(stream) => stream,
            Err(error) if is_silence(&error) => return Ok(None),
            Err(error) => return Err(fail(error)),
        };
        let (server, _) = listener.accept().map_err(fail)?;
        for end in [&stream, &server] {
            end.set_nodelay(true).and_then(|()| end.set_read_timeout(Some(PATIENCE))).map_err(fail)?;
        }
        Ok(Some(Self { client: stream, server }))
    }

    /// Whether what one end writes reaches the other, in both directions.
    pub fn talks(&mut self) -> Result<bool> {
        Ok(carries(&mut self.client, &mut self.server)? && carries(&mut self.server, &mut self.client)?)
    }
}

/// Two udp sockets that know each other.
#[derive(Debug)]
pub struct UdpPair {
    client: UdpSocket,
    server: UdpSocket,
}

impl UdpPair {
    /// Sockets in two namespaces, at these addresses; nothing is sent yet.
    pub fn open(client: (&Namespace, SocketAddr), server: (&Namespace, SocketAddr)) -> Result<Self> {
        let open = |(namespace, here): (&Namespace, SocketAddr), there: SocketAddr| {
            let socket = namespace.enter(|| {
                let socket = UdpSocket::bind(here)?;
                socket.connect(there)?;
                socket.set_read_timeout(Some(PATIENCE))?;
                Ok(socket)
            })?;
            socket
                .map_err(|error: std::io::Error| LabError::new(format!("open udp {here} to {there}"), error))
        };
        Ok(Self { client: open(client, server.1)?, server: open(server, client.1)? })
    }

    /// Whether a datagram from the client reaches the server.
    pub fn asks(&self) -> Result<bool> {
        delivers(&self.client, &self.server)
    }

    /// Whether a datagram from the server reaches the client.
    pub fn answers(&self) -> Result<bool> {
        delivers(&self.server, &self.client)
    }
}

/// A line of the connection tracking table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The protocol's number.
    pub protocol: u8,
    /// Seconds until it is forgotten.
    pub seconds: u32,
    /// The sender of the first packet.
    pub source: IpAddr,
    /// The receiver of the first packet.
    pub destination: IpAddr,
    /// The whole line, with ports and state.
    pub text: String,
}

/// What connection tracking holds in a namespace, both families.
pub fn entries(namespace: &Namespace) -> Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for family in ["ipv4", "ipv6"] {
        let listing = namespace.run("conntrack", &["-L", "-f", family, "-o", "extended"], "")?;
        for line in listing.lines() {
            let entry = entry(line).ok_or_else(|| LabError::new("read a conntrack entry", line))?;
            entries.push(entry);
        }
    }
    Ok(entries)
}

/// Forgets every session of a namespace.
pub fn forget(namespace: &Namespace) -> Result<()> {
    namespace.run("conntrack", &["-F"], "").map(drop)
}

/// `ipv4 2 tcp 6 431999 ESTABLISHED src=... dst=... ...`
fn entry(line: &str) -> Option<Entry> {
    let mut words = line.split_whitespace().skip(3);
    let (protocol, seconds) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    let value = |key: &str| line.split_whitespace().find_map(|word| word.strip_prefix(key))?.parse().ok();
    let (source, destination) = (value("src=")?, value("dst=")?);
    Some(Entry { protocol, seconds, source, destination, text: line.to_owned() })
}

fn carries(from: &mut TcpStream, to: &mut TcpStream) -> Result<bool> {
    from.write_all(&WORD).map_err(|error| LabError::new("write to a connection", error))?;
    let mut heard = [0; WORD.len()];
    match to.read_exact(&mut heard) {
        Ok(()) => Ok(heard == WORD),
        Err(error) if is_silence(&error) => Ok(false),
        Err(error) => Err(LabError::new("read from a connection", error)),
    }
}

fn delivers(from: &UdpSocket, to: &UdpSocket) -> Result<bool> {
    match patiently(|| from.send(&WORD)) {
        Ok(_) => {}
        Err(error) if is_silence(&error) => return Ok(false),
        Err(error) => return Err(LabError::new("send a datagram", error)),
    }
    let mut heard = [0; WORD.len()];
    match patiently(|| to.recv(&mut heard)) {
        Ok(_) => Ok(heard == WORD),
        Err(error) if is_silence(&error) => Ok(false),
        Err(error) => Err(LabError::new("receive a datagram", error)),
    }
}

/// Calls again what a stop of the process interrupts: with a timeout set, the kernel does not (signal(7)).
pub fn patiently<T>(mut call: impl FnMut() -> std::io::Result<T>) -> std::io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}

/// How a dropped packet shows: at our own output hook as EPERM (udp only), elsewhere not at all.
fn is_silence(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::WouldBlock | ErrorKind::PermissionDenied)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_line_of_conntrack() {
        let line = "ipv6     10 tcp      6 909 ESTABLISHED src=fd00::1 dst=fd00::2 sport=1 dport=2 src=fd00::2 dst=fd00::1 sport=2 dport=1 [ASSURED] mark=0 use=1";
        let read = entry(line).unwrap();
        assert_eq!((read.protocol, read.seconds), (6, 909));
        assert_eq!([read.source, read.destination].map(|it| it.to_string()), ["fd00::1", "fd00::2"]);
        assert_eq!(entry("ipv4 2 tcp 6 soon"), None);
    }
}
