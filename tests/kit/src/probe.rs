//! Real packets through a real ruleset, and what became of each.
//!
//! Every packet carries a number of its own (IPv4 identification, IPv6 flow label), and two chains around the rules
//! note the numbers that they see (`observe`). A packet that only the first saw was dropped in between. The
//! last chain drops what it has noted, so that no session is ever confirmed (connection tracking confirms behind
//! every chain of input, or at postrouting), nothing answers, and every packet is a first one however often its
//! addresses and ports repeat.
//!
//! It never knows which verdict would be right.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::atomic::Ordering;
use std::time::Duration;

use palisade_ir::{Family, Packet, PacketHook};

pub use crate::frame::Form;
use crate::frame::{Label, datagrams};
use crate::lab::Lab;
use crate::netns::Result;
use crate::observe::{self, Observer};
pub use crate::reach::deliverable;
use crate::send::Sender;

/// Packets sent before the observers are asked: well below the 16 bits of an IPv4 identification.
const BATCH: usize = 20_000;
/// How often a packet that never arrived is sent.
const TRIES: usize = 3;

/// A packet and the way it takes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Probe {
    /// Its fields.
    pub packet: Packet,
    /// How it is put on the wire.
    pub form: Form,
    /// The interface it comes in by (input, forward) or leaves by (output).
    pub interface: String,
    /// The interface it leaves a gateway by; empty elsewhere.
    pub onward: String,
}

impl Probe {
    /// A whole packet that arrives by, or leaves by, an interface.
    pub fn at(packet: Packet, interface: &str) -> Self {
        Self { packet, form: Form::Whole, interface: interface.to_owned(), onward: String::new() }
    }

    /// A whole packet from one interface of a gateway to another.
    pub fn through(packet: Packet, from: &str, to: &str) -> Self {
        Self { packet, form: Form::Whole, interface: from.to_owned(), onward: to.to_owned() }
    }

    /// The same in another form.
    #[must_use]
    pub fn form(self, form: Form) -> Self {
        Self { form, ..self }
    }
}

/// What became of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Fate {
    /// It passed every rule of the hook.
    Passed,
    /// It came to the hook and did not come out behind the rules.
    Dropped,
    /// It never came to the hook: the kernel discards such packets before, see [`deliverable`].
    Absent,
}

/// A probe under way.
struct Shot<'a> {
    probe: &'a Probe,
    marker: u32,
    fate: Fate,
}

impl Lab {
    /// Sends packets to the host or gateway itself, each from the far end of its interface.
    pub fn input(&self, probes: &[Probe]) -> Result<Vec<Fate>> {
        self.take_on("replace", probes)?;
        let fates = self.fates(PacketHook::Input, probes)?;
        self.take_on("del", probes)?;
        Ok(fates)
    }

    /// Sends packets from the host or gateway, each by its interface.
    pub fn output(&self, probes: &[Probe]) -> Result<Vec<Fate>> {
        self.fates(PacketHook::Output, probes)
    }

    /// Sends packets through the gateway, each from the far end of its interface and out by the other it names.
    pub fn forward(&self, probes: &[Probe]) -> Result<Vec<Fate>> {
        self.fates(PacketHook::Forward, probes)
    }

    /// Sends packets from the host, each by its interface, and looks at nothing: what observes drops what it has seen, so
    /// that no session would begin.
    pub fn begin(&self, probes: &[Probe]) -> Result<()> {
        let shot = |probe| Shot { probe, marker: 0, fate: Fate::Absent };
        self.shoot(PacketHook::Output, &mut probes.iter().map(shot).collect::<Vec<_>>())
    }

    fn fates(&self, hook: PacketHook, probes: &[Probe]) -> Result<Vec<Fate>> {
        probes.iter().try_for_each(|probe| self.port(&probe.interface).map(drop))?;
        let mut fates = Vec::with_capacity(probes.len());
        for batch in probes.chunks(BATCH) {
            observe::install(self, hook)?;
            let mut shots: Vec<Shot<'_>> =
                batch.iter().map(|probe| Shot { probe, marker: 0, fate: Fate::Absent }).collect();
            for _ in 0..TRIES {
                self.shoot(hook, &mut shots)?;
                self.settle(&mut shots)?;
                if shots.iter().all(|shot| shot.fate != Fate::Absent) {
                    break;
                }
            }
            fates.extend(shots.iter().map(|shot| shot.fate));
        }
        observe::remove(self)?;
        Ok(fates)
    }

    /// Sends every packet that has not arrived yet, under a new number.
    fn shoot(&self, hook: PacketHook, shots: &mut [Shot<'_>]) -> Result<()> {
        for port in &self.ports {
            let name = &port.interface.name;
            let mine = |shot: &&mut Shot<'_>| shot.fate == Fate::Absent && shot.probe.interface == *name;
            let mut waiting = shots.iter_mut().filter(mine).peekable();
            if waiting.peek().is_none() {
                continue;
            }
            let sender = Sender::new(self, hook, name)?;
            for shot in waiting {
                shot.marker = self.next_marker();
                let label = Label { marker: shot.marker, way: self.way(hook, shot.probe)? };
                let to = shot.probe.packet.destination();
                for datagram in datagrams(&shot.probe.packet, label, shot.probe.form)? {
                    sender.send(to, &datagram)?;
                }
            }
        }
        Ok(())
    }

    /// Waits until no more packets arrive, and notes what became of those under way.
    fn settle(&self, shots: &mut [Shot<'_>]) -> Result<()> {
        let mut before = observe::noted(self, Observer::Before)?;
        loop {
            std::thread::sleep(Duration::from_millis(5));
            let later = observe::noted(self, Observer::Before)?;
            if later == before {
                break;
            }
            before = later;
        }
        let behind = observe::noted(self, Observer::Behind)?;
        for shot in shots.iter_mut().filter(|shot| shot.fate == Fate::Absent) {
            let key = (shot.probe.packet.family(), shot.marker);
            shot.fate = match (before.contains(&key), behind.contains(&key)) {
                (_, true) => Fate::Passed,
                (true, false) => Fate::Dropped,
                (false, false) => Fate::Absent,
            };
        }
        Ok(())
    }

    /// The number that leads a packet out by the interface it names.
    pub(crate) fn way(&self, hook: PacketHook, probe: &Probe) -> Result<u8> {
        match hook {
            PacketHook::Forward => Ok(self.port(&probe.onward)?.0 as u8 + 1),
            PacketHook::Input | PacketHook::Output => Ok(0),
        }
    }

    /// A number that no packet under way has: 16 bits, never 0, which asks the kernel to choose one (raw(7)).
    fn next_marker(&self) -> u32 {
        self.marker.fetch_add(1, Ordering::Relaxed) % 65_535 + 1
    }

    /// Takes on, or gives up, those destinations that no route can make the host's own: multicast groups, and link-local
    /// addresses, which the kernel looks up on the link alone (ip6_route_input_lookup in net/ipv6/route.c).
    fn take_on(&self, action: &str, probes: &[Probe]) -> Result<()> {
        let wanted: BTreeSet<(&str, IpAddr)> = probes
            .iter()
            .filter(|probe| deliverable(&probe.packet, PacketHook::Input))
            .map(|probe| (probe.interface.as_str(), probe.packet.destination()))
            .filter(|(_, address)| match address {
                IpAddr::V4(address) => address.is_multicast(),
                IpAddr::V6(address) => address.is_multicast() || address.is_unicast_link_local(),
            })
            .filter(|(_, address)| self.addresses().all(|own| own != *address))
            .collect();
        for (option, family) in [("-4", Family::V4), ("-6", Family::V6)] {
            let lines: String = wanted
                .iter()
                .filter(|(_, address)| Family::of(address) == family)
                .map(|(name, address)| match address.is_multicast() {
                    true => format!("addr {action} {address} dev {name} autojoin\n"),
                    false => format!("addr {action} {address} dev {name} nodad\n"),
                })
                .collect();
            if !lines.is_empty() {
                self.center.run("ip", &[option, "-batch", "-"], &lines)?;
            }
        }
        Ok(())
    }
}
