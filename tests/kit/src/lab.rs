//! The surroundings of a firewall: a host or gateway in a namespace of its own, and behind each of its interfaces
//! another namespace that can send it anything.
//!
//! It loads rulesets and lays out links, addresses and routes; what packets do there is the business of
//! [`crate::probe`], [`crate::session`] and [`crate::flood`].

use std::net::IpAddr;
use std::sync::atomic::AtomicU32;

use ipnet::IpNet;
use palisade_ir::NicPlan;

use crate::netns::{LabError, Namespace, Result};

/// The name of the far end of every link, in its own namespace.
pub(crate) const FAR_END: &str = "wire";
/// Nothing may speak unasked, no source may be filtered, every router decision is made by hand.
const QUIET: [(&str, &str); 13] = [
    ("net/ipv4/conf/all/rp_filter", "0"),
    ("net/ipv4/conf/default/rp_filter", "0"),
    ("net/ipv4/conf/all/accept_local", "1"),
    ("net/ipv4/conf/all/send_redirects", "0"),
    ("net/ipv4/conf/default/send_redirects", "0"),
    ("net/ipv4/igmp_max_memberships", "1000"),
    ("net/ipv6/conf/all/accept_ra", "0"),
    ("net/ipv6/conf/default/accept_ra", "0"),
    ("net/ipv6/conf/default/accept_dad", "0"),
    ("net/ipv6/conf/default/router_solicitations", "0"),
    ("net/ipv6/conf/default/addr_gen_mode", "1"),
    ("net/ipv6/conf/default/disable_ipv6", "0"),
    ("net/ipv6/auto_flowlabels", "0"),
];

/// An interface of the host or gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Its name.
    pub name: String,
    /// Its addresses; the prefix length says which broadcast address it hears.
    pub addresses: Vec<IpNet>,
}

impl Interface {
    /// An interface from its name and addresses, as in `eth0 10.0.0.1/24 fd00::1/64`.
    ///
    /// # Errors
    /// When an address is none, or the name is missing.
    pub fn parse(text: &str) -> Result<Self> {
        let task = || format!("read interface `{text}`");
        let (name, addresses) = text.split_once(' ').unwrap_or((text, ""));
        let addresses: std::result::Result<Vec<IpNet>, _> =
            addresses.split_whitespace().map(str::parse).collect();
        let addresses = addresses.map_err(|error| LabError::new(task(), error))?;
        if name.is_empty() {
            return Err(LabError::new(task(), "no name"));
        }
        Ok(Self { name: name.to_owned(), addresses })
    }

    /// The interface of a policy's NIC on its own host, without neighbours on the link.
    pub fn of_nic(nic: &NicPlan) -> Self {
        let addresses = nic.addresses.iter().map(|address| IpNet::from(*address)).collect();
        Self { name: nic.interface.to_string(), addresses }
    }
}

/// What stands in the middle of a lab.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Every packet that comes in is for it, whatever the destination.
    Host,
    /// Every packet that comes in and is not for one of its own addresses is forwarded.
    Gateway,
}

/// One link.
#[derive(Debug)]
pub(crate) struct Port {
    pub(crate) interface: Interface,
    pub(crate) peer: Namespace,
    /// The ethernet address of the interface.
    pub(crate) near: [u8; 6],
    /// The ethernet address of the far end.
    pub(crate) far: [u8; 6],
}

/// A host or gateway with its surroundings. Everything ends with the value.
#[derive(Debug)]
pub struct Lab {
    pub(crate) kind: Kind,
    pub(crate) center: Namespace,
    pub(crate) ports: Vec<Port>,
    /// The last marker given to a packet.
    pub(crate) marker: AtomicU32,
}

/// The two implementations of iptables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variant {
    /// On the nf_tables kernel interface.
    Nft,
    /// On the x_tables kernel interface.
    Legacy,
}

impl Variant {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Nft, Self::Legacy];

    /// The word in the programs' names.
    pub const fn name(self) -> &'static str {
        match self {
            Variant::Nft => "nft",
            Variant::Legacy => "legacy",
        }
    }
}

impl Lab {
    /// A host: takes every packet as its own, so that input rules see all destinations; sends by any interface.
    pub fn host(interfaces: &[Interface]) -> Result<Self> {
        Self::build(Kind::Host, interfaces)
    }

    /// A gateway: forwards every packet by the interface the probe names.
    pub fn gateway(interfaces: &[Interface]) -> Result<Self> {
        Self::build(Kind::Gateway, interfaces)
    }

    /// The namespace of the host or gateway.
    pub const fn center(&self) -> &Namespace {
        &self.center
    }

    /// The namespace behind an interface.
    pub fn peer(&self, interface: &str) -> Result<&Namespace> {
        Ok(&self.port(interface)?.1.peer)
    }

    /// Loads a file of nft commands.
    pub fn load_nft(&self, text: &str) -> Result<()> {
        self.center.run("nft", &["-f", "-"], text).map(drop)
    }

    /// Loads rules of iptables and ip6tables as `iptables-save` writes them; an empty text loads nothing.
    pub fn load_iptables(&self, variant: Variant, v4: &str, v6: &str) -> Result<()> {
        for (family, text) in [("iptables", v4), ("ip6tables", v6)] {
            if !text.is_empty() {
                // -w: the legacy programs share one lock file across all namespaces.
                self.center.run(&format!("{family}-{}-restore", variant.name()), &["-w", "60"], text)?;
            }
        }
        Ok(())
    }

    /// Loads sets as `ipset save` writes them.
    pub fn load_ipset(&self, text: &str) -> Result<()> {
        self.center.run("ipset", &["restore"], text).map(drop)
    }

    /// Gives the far end of an interface an address, and tells both ends how to reach each other.
    ///
    /// Neighbours are entered by hand: a rule under test may not let neighbour discovery pass.
    pub fn add_peer(&self, interface: &str, address: IpAddr) -> Result<()> {
        let (_, port) = self.port(interface)?;
        let family = if address.is_ipv4() { "-4" } else { "-6" };
        let (name, near, far) = (&port.interface.name, mac(port.near), mac(port.far));
        let host = IpNet::from(address);
        let nodad = if address.is_ipv4() { "" } else { " nodad" };
        let center = format!(
            "neigh replace {address} lladdr {far} dev {name} nud permanent\nroute replace {host} dev {name}\n"
        );
        self.center.run("ip", &[family, "-batch", "-"], &center)?;
        let mut peer = format!("addr add {host} dev {FAR_END}{nodad}\nroute replace default dev {FAR_END}\n");
        for near_address in self.addresses().filter(|it| it.is_ipv4() == address.is_ipv4()) {
            peer += &format!("neigh replace {near_address} lladdr {near} dev {FAR_END} nud permanent\n");
        }
        port.peer.run("ip", &[family, "-batch", "-"], &peer).map(drop)
    }

    /// Tells the far end of an interface that an address is to be reached through the gateway.
    pub fn add_way(&self, interface: &str, address: IpAddr) -> Result<()> {
        let (_, port) = self.port(interface)?;
        let family = if address.is_ipv4() { "-4" } else { "-6" };
        let line = format!("neigh replace {address} lladdr {} dev {FAR_END} nud permanent\n", mac(port.near));
        port.peer.run("ip", &[family, "-batch", "-"], &line).map(drop)
    }

    /// The port of an interface and its number.
    pub(crate) fn port(&self, interface: &str) -> Result<(usize, &Port)> {
        let found = self.ports.iter().enumerate().find(|(_, port)| port.interface.name == interface);
        found.ok_or_else(|| {
            LabError::new(format!("find interface `{interface}`"), "the lab has none of that name")
        })
    }

    /// The addresses of the host or gateway.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        self.ports.iter().flat_map(|port| port.interface.addresses.iter().map(IpNet::addr))
    }

    fn build(kind: Kind, interfaces: &[Interface]) -> Result<Self> {
        let center = Namespace::new()?;
        center.sysctl(&QUIET)?;
        if kind == Kind::Gateway {
            center.sysctl(&[("net/ipv4/ip_forward", "1"), ("net/ipv6/conf/all/forwarding", "1")])?;
        }
        let mut ports = Vec::new();
        for (interface, number) in interfaces.iter().zip(1_u8..) {
            let peer = Namespace::new()?;
            peer.sysctl(&QUIET)?;
            let interface = interface.clone();
            ports.push(Port { interface, peer, near: [2, 0, 0, 0, 1, number], far: [2, 0, 0, 0, 2, number] });
        }
        let links: String = ports.iter().map(link).collect();
        center.run("ip", &["-batch", "-"], &format!("link set lo up\n{links}"))?;
        for family in ["-4", "-6"] {
            let routes: String = (1..).zip(&ports).map(|(number, port)| routes(kind, number, port)).collect();
            center.run("ip", &[family, "-batch", "-"], &routes)?;
        }
        for port in &ports {
            port.peer.run("ip", &["-batch", "-"], &format!("link set lo up\nlink set {FAR_END} up\n"))?;
        }
        Ok(Self { kind, center, ports, marker: AtomicU32::new(0) })
    }
}

/// The commands that make a link and its near end's addresses.
fn link(port: &Port) -> String {
    let Port { interface: Interface { name, addresses }, peer, near, far } = port;
    let mut lines = format!(
        "link add {name} address {} type veth peer name {FAR_END} address {} netns {}\n",
        mac(*near),
        mac(*far),
        peer.name()
    );
    for address in addresses {
        let nodad = if address.addr().is_ipv4() { " broadcast +" } else { " nodad" };
        lines += &format!("addr add {address} dev {name}{nodad}\n");
    }
    lines + &format!("link set {name} up\n")
}

/// The commands that route every destination, of the family the program is told.
fn routes(kind: Kind, number: usize, port: &Port) -> String {
    let name = &port.interface.name;
    let default = format!("route add default dev {name} metric {}\n", 100 + number);
    let special = match kind {
        // ip-route(8): a local route makes the host accept a whole prefix as its own addresses.
        Kind::Host => format!(
            "rule add pref 10 iif {name} table {table}\nroute add local default dev lo table {table}\n",
            table = 1000 + number
        ),
        Kind::Gateway => format!(
            "rule add pref 10 fwmark {number} table {table}\nroute add default dev {name} table {table}\n",
            table = 1000 + number
        ),
    };
    default + &special
}

fn mac(address: [u8; 6]) -> String {
    address.map(|byte| format!("{byte:02x}")).join(":")
}
