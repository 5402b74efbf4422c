//! Sessions through a host and a gateway: replies pass, what nobody asked for does not, and connection tracking keeps
//! them for as long as the policy says.

use std::io::{ErrorKind, Write};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::Duration;

use palisade_ir::{InstanceId, Options, Placement};
use palisade_testkit::lab::{Interface, Lab, Variant};
use palisade_testkit::netns::Namespace;
use palisade_testkit::probe::{Fate, Form, Probe};
use palisade_testkit::require_kernel;
use palisade_testkit::session::{TcpPair, UdpPair, entries, forget, patiently};

use crate::firewall::Firewall;
use crate::packets::packet;
use crate::subject::{Subject, read};

pub const POLICY: &str = "
session timeout 20m
network prod = vpc
group server {
  kind basic
  network prod
  inner deny
  in {
    10 allow tcp from any to port 80
    10 allow udp from any to port 53
  }
  out {
    10 allow tcp to any port 443
    10 allow udp to any port 4000-4999
    100 deny all to any
  }
}
instance server {
  nic eth0 via tap1 address [10.0.1.10, fd00:1::10] groups server
}
";
pub const TIMEOUT: u32 = 1200;
pub const OWN: [&str; 2] = ["10.0.1.10", "fd00:1::10"];
pub const THEIRS: [&str; 2] = ["203.0.113.9", "2001:db8::9"];
const FIREWALLS: [Firewall; 3] =
    [Firewall::Nft, Firewall::Iptables(Variant::Nft), Firewall::Iptables(Variant::Legacy)];
/// For what may never come.
const PATIENCE: Duration = Duration::from_millis(600);
/// Connection tracking looks away from datagrams to this port.
const UNTRACKED: &str = "
table inet untracked {
  chain out { type filter hook output priority raw; udp dport 4998 notrack; }
  chain pre { type filter hook prerouting priority raw; udp dport 4998 notrack; }
}";
const MUTE: &str = "table inet mute { chain output { type filter hook output priority 0; policy drop; }; }";

/// The ends of the sessions; the rules stand in the lab's center.
struct Ends<'a> {
    lab: &'a Lab,
    inside: &'a Namespace,
    outside: &'a Namespace,
}

#[test]
fn sessions_of_a_host() {
    require_kernel!();
    let subject = read("sessions", POLICY);
    for firewall in FIREWALLS {
        let lab = host(&subject);
        firewall.load(&lab, &firewall.emit(&subject.optimized, &Options::at(Placement::Host(InstanceId(0)))));
        let ends = Ends { lab: &lab, inside: lab.center(), outside: lab.peer("eth0").unwrap() };
        all(&ends, firewall);
    }
}

#[test]
fn sessions_through_a_gateway() {
    require_kernel!();
    let subject = read("sessions", POLICY);
    for firewall in FIREWALLS {
        let lab = Lab::gateway(&["tap1", "up0"].map(|name| Interface::parse(name).unwrap())).unwrap();
        for (own, theirs) in addresses() {
            lab.add_peer("tap1", own).unwrap();
            lab.add_peer("up0", theirs).unwrap();
            lab.add_way("tap1", theirs).unwrap();
            lab.add_way("up0", own).unwrap();
        }
        firewall.load(&lab, &firewall.emit(&subject.optimized, &Options::at(Placement::Gateway)));
        let ends = Ends { lab: &lab, inside: lab.peer("tap1").unwrap(), outside: lab.peer("up0").unwrap() };
        all(&ends, firewall);
    }
}

/// Protocols without ports: connection tracking keeps their sessions by timers of their own.
const PORTLESS: &str = "
session timeout 20m
network prod = vpc
group asking {
  kind basic
  network prod
  inner deny
}
instance asking {
  nic eth0 via tap1 address [10.0.1.10, fd00:1::10] groups asking
}
";
/// Of each family: icmp, gre, and one that connection tracking knows nothing of.
const NUMBERS: [[u8; 3]; 2] = [[1, 47, 99], [58, 47, 99]];

#[test]
fn sessions_without_ports_last_as_long() {
    require_kernel!();
    let subject = read("portless", PORTLESS);
    for firewall in FIREWALLS {
        let lab = host(&subject);
        firewall.load(&lab, &firewall.emit(&subject.optimized, &Options::at(Placement::Host(InstanceId(0)))));
        for ((own, theirs), numbers) in addresses().zip(NUMBERS) {
            for number in numbers {
                let asked = packet(own, theirs, (number, 0, 0)).unwrap();
                let title = format!("{firewall:?} {own} protocol {number}");
                let answer = || lab.input(&[Probe::at(asked.reply(), "eth0").form(Form::Answer)]).unwrap();
                forget(lab.center()).unwrap();
                assert_eq!(answer(), [Fate::Dropped], "{title}: nobody asked");
                lab.begin(&[Probe::at(asked, "eth0")]).unwrap();
                lasts(&lab, number, TIMEOUT, &title);
                // An echo reply belongs to a session by its identifier too; the far end has sent the right one.
                let answered = if matches!(number, 1 | 58) { [Fate::Dropped] } else { [Fate::Passed] };
                assert_eq!(answer(), answered, "{title}: an answer");
                lasts(&lab, number, TIMEOUT, &format!("{title} answered"));
            }
        }
    }
}

/// The only instance of a policy, with somebody to talk to.
pub fn host(subject: &Subject) -> Lab {
    let lab = subject.host_lab(InstanceId(0));
    for (_, theirs) in addresses() {
        lab.add_peer("eth0", theirs).unwrap();
    }
    lab
}

pub fn addresses() -> impl Iterator<Item = (IpAddr, IpAddr)> {
    OWN.into_iter().zip(THEIRS).map(|(own, theirs)| (own.parse().unwrap(), theirs.parse().unwrap()))
}

fn all(ends: &Ends<'_>, firewall: Firewall) {
    for (own, theirs) in addresses() {
        tcp(ends, own, theirs, firewall);
        udp(ends, own, theirs, firewall);
        errors(ends, own, theirs, firewall);
    }
}

fn tcp(ends: &Ends<'_>, own: IpAddr, theirs: IpAddr, firewall: Firewall) {
    let Ends { lab, inside, outside } = ends;
    let open = |from, to, port_of, port| {
        TcpPair::open(from, to, SocketAddr::new(port_of, port))
            .unwrap_or_else(|error| panic!("{firewall:?}: {error}"))
    };
    let mut outward = open(inside, outside, theirs, 443).expect("allowed out");
    assert!(outward.talks().unwrap());
    lasts(lab, 6, TIMEOUT, &format!("{firewall:?} established"));
    outside.run("nft", &["-f", "-"], MUTE).unwrap();
    outward.client.write_all(b"more").unwrap();
    lasts(lab, 6, TIMEOUT, &format!("{firewall:?} unacknowledged"));
    outside.run("nft", &["delete", "table", "inet", "mute"], "").unwrap();
    drop(outward);
    forget(lab.center()).unwrap();
    assert!(open(inside, outside, theirs, 444).is_none(), "{firewall:?}");
    assert!(open(outside, inside, own, 443).is_none(), "{firewall:?}");
    let mut inward = open(outside, inside, own, 80).expect("allowed in");
    assert!(inward.talks().unwrap());
    forget(lab.center()).unwrap();
}

fn udp(ends: &Ends<'_>, own: IpAddr, theirs: IpAddr, firewall: Firewall) {
    let Ends { lab, inside, outside } = ends;
    let (near, far) = (SocketAddr::new(own, 3000), SocketAddr::new(theirs, 4000));
    let pair = UdpPair::open((inside, near), (outside, far)).unwrap();
    assert!(!pair.answers().unwrap(), "{firewall:?}: nobody asked");
    assert!(pair.asks().unwrap(), "{firewall:?}");
    lasts(lab, 17, TIMEOUT, &format!("{firewall:?} unreplied"));
    assert!(pair.answers().unwrap(), "{firewall:?}");
    lasts(lab, 17, TIMEOUT, &format!("{firewall:?} replied"));
    forget(lab.center()).unwrap();
    assert!(!pair.answers().unwrap(), "{firewall:?}: forgotten");
    let inward =
        UdpPair::open((outside, SocketAddr::new(theirs, 5000)), (inside, SocketAddr::new(own, 53))).unwrap();
    assert!(!inward.answers().unwrap(), "{firewall:?}: nobody asked, and out is denied");
    assert!(inward.asks().unwrap() && inward.answers().unwrap(), "{firewall:?}");
    forget(lab.center()).unwrap();
}

/// `Port unreachable`, which no rule allows in either direction.
fn errors(ends: &Ends<'_>, own: IpAddr, theirs: IpAddr, firewall: Firewall) {
    let Ends { lab, inside, outside } = ends;
    let (near, far) = (SocketAddr::new(own, 3001), SocketAddr::new(theirs, 5001));
    assert!(is_refused(inside, near, SocketAddr::new(theirs, 4997)), "{firewall:?}: of a session outwards");
    assert!(is_refused(outside, far, SocketAddr::new(own, 53)), "{firewall:?}: of a session inwards");
    lab.load_nft(UNTRACKED).unwrap();
    assert!(!is_refused(inside, near, SocketAddr::new(theirs, 4998)), "{firewall:?}: of no session");
    lab.load_nft("delete table inet untracked\n").unwrap();
    forget(lab.center()).unwrap();
}

/// Whether a datagram to a closed port brings back word of it.
fn is_refused(from: &Namespace, here: SocketAddr, there: SocketAddr) -> bool {
    let answer = from.enter(|| {
        let socket = UdpSocket::bind(here)?;
        socket.connect(there)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.send(b"anybody there?")?;
        patiently(|| socket.recv(&mut [0; 8]))
    });
    match answer.unwrap().map_err(|error| error.kind()) {
        Err(ErrorKind::ConnectionRefused) => true,
        Err(ErrorKind::WouldBlock | ErrorKind::TimedOut) => false,
        other => panic!("{other:?}"),
    }
}

/// The only session of a protocol has been given `timeout`, less than a minute ago.
pub fn lasts(lab: &Lab, protocol: u8, timeout: u32, what: &str) {
    let sessions = entries(lab.center()).unwrap();
    let mut of_protocol = sessions.iter().filter(|session| session.protocol == protocol);
    let (Some(session), None) = (of_protocol.next(), of_protocol.next()) else {
        panic!("{what}: {sessions:?}")
    };
    assert!(session.seconds <= timeout && session.seconds > timeout - 60, "{what}: {session:?}");
}
