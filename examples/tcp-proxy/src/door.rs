//! Who may come in: a policy that is replaced while others ask it. Knows nothing of sockets but their addresses.

use std::net::{IpAddr, SocketAddr};

use palisade_ir::{Packet, PacketPorts, Protocol, Verdict};
use palisade_matcher::{Live, Matcher};
use tokio::sync::watch;

/// The policy of one NIC.
pub(crate) struct Door {
    path: String,
    instance: String,
    interface: String,
    policy: Live,
    /// Told of each new policy.
    changes: watch::Sender<()>,
}

/// A connection that was let in.
pub(crate) struct Guest<'a> {
    door: &'a Door,
    first: Packet,
    changes: watch::Receiver<()>,
}

impl Door {
    pub(crate) fn open(path: &str, instance: &str, interface: &str) -> Result<Self, String> {
        let policy = Live::new(load(path, instance, interface)?);
        let [path, instance, interface] = [path, instance, interface].map(str::to_owned);
        Ok(Self { path, instance, interface, policy, changes: watch::Sender::new(()) })
    }

    /// Puts the file's policy in place of the one before; that stays when the file is not good.
    pub(crate) fn reload(&self) -> Result<(), String> {
        self.policy.swap(load(&self.path, &self.instance, &self.interface)?);
        self.changes.send_replace(());
        Ok(())
    }

    /// Judges the first packet of a connection.
    pub(crate) fn admit(&self, from: SocketAddr, to: SocketAddr) -> Option<Guest<'_>> {
        let ports = PacketPorts { source: from.port(), destination: to.port() };
        let (from, to) = (plain(from.ip()), plain(to.ip()));
        let first = Packet::new(from, to, Protocol::TCP, Some(ports)).ok()?;
        // Before it is judged: a policy that comes in between is noticed.
        let changes = self.changes.subscribe();
        self.allows(&first).then_some(Guest { door: self, first, changes })
    }

    fn allows(&self, first: &Packet) -> bool {
        let policy = self.policy.load();
        let nic = policy.nic(&self.instance, &self.interface);
        nic.is_some_and(|nic| nic.ingress(first).verdict == Verdict::Allow)
    }
}

impl Guest<'_> {
    /// Ends when a new policy would not let the connection in any more.
    pub(crate) async fn unwelcome(mut self) {
        // The sender lives as long as the door, so that waiting never fails.
        while self.changes.changed().await.is_ok() && self.door.allows(&self.first) {}
    }
}

/// A dual-stack socket shows IPv4 clients as mapped addresses; rules know them as what they are.
fn plain(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

fn load(path: &str, instance: &str, interface: &str) -> Result<Matcher, String> {
    let bytes = std::fs::read(path).map_err(|error| format!("`{path}`: {error}"))?;
    let matcher =
        Matcher::from_bytes(&bytes).map_err(|error| format!("`{path}`: {error}\nhelp: {}", error.help()))?;
    if matcher.nic(instance, interface).is_none() {
        return Err(format!("`{path}`: there is no NIC `{interface}` of an instance `{instance}`"));
    }
    Ok(matcher)
}
