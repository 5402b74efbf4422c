//! A live session over reloads: it goes on, and is kept as long as before.

use std::net::SocketAddr;

use palisade_ir::{Artifact, InstanceId, Options, Placement};
use palisade_testkit::lab::{Lab, Variant};
use palisade_testkit::require_kernel;
use palisade_testkit::session::{TcpPair, forget};

use crate::firewall::Firewall;
use crate::sessions::{POLICY, TIMEOUT, addresses, host, lasts};
use crate::subject::{Subject, read};

/// The session policy, as text with one change.
fn changed(old: &str, new: &str) -> Subject {
    assert!(POLICY.contains(old), "{old}");
    read("live", &POLICY.replace(old, new))
}

#[test]
fn a_live_session_goes_on() {
    require_kernel!();
    let subject = read("live", POLICY);
    let other = changed("10 allow tcp from any to port 80", "20 allow tcp from any to port [79-80, 8080]");
    let slow = changed("session timeout 20m", "session timeout 40m");
    for firewall in [
        Firewall::Nft,
        Firewall::Iptables(Variant::Nft),
        Firewall::Iptables(Variant::Legacy),
        Firewall::Chains(Variant::Nft),
        Firewall::Chains(Variant::Legacy),
    ] {
        let [first, second, third] = [&subject, &other, &slow]
            .map(|subject| firewall.emit(&subject.optimized, &Options::at(Placement::Host(InstanceId(0)))));
        let lab = host(&subject);
        firewall.load(&lab, &first);
        for (own, theirs) in addresses() {
            let ends = [
                (lab.center(), lab.peer("eth0").unwrap(), SocketAddr::new(theirs, 443)),
                (lab.peer("eth0").unwrap(), lab.center(), SocketAddr::new(own, 80)),
            ];
            for (client, server, to) in ends {
                let mut session = TcpPair::open(client, server, to).unwrap().expect("allowed");
                survives(&lab, &mut session, firewall, &[&second, &first, &first, &second], TIMEOUT);
                // nft gives a session its timeout once; the kernel's own timers are asked with each packet.
                let later = if firewall == Firewall::Nft { TIMEOUT } else { 2 * TIMEOUT };
                survives(&lab, &mut session, firewall, &[&third], later);
                survives(&lab, &mut session, firewall, &[&first], TIMEOUT);
                drop(session);
                forget(lab.center()).unwrap();
            }
        }
    }
}

fn survives(lab: &Lab, session: &mut TcpPair, firewall: Firewall, files: &[&Artifact], timeout: u32) {
    for (reload, file) in files.iter().enumerate() {
        firewall.load(lab, file);
        assert!(session.talks().unwrap(), "{firewall:?} after reload {reload}");
        lasts(lab, 6, timeout, &format!("{firewall:?} after reload {reload}"));
    }
}
