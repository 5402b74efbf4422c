//! What a module's tables say.

use std::net::IpAddr;

use palisade_ir::{Family, Outcome, Ranges, Verdict};

/// A module.
#[derive(Debug)]
pub(super) struct Module {
    /// The NICs, in the order in which interfaces are looked for.
    pub(super) nics: Vec<Nic>,
    /// What happens to packets that are no business of any NIC's.
    pub(super) unmanaged: Verdict,
}

#[derive(Debug)]
pub(super) struct Nic {
    pub(super) interface: String,
    pub(super) v4: Rules,
    pub(super) v6: Rules,
}

/// One family of a NIC.
#[derive(Debug)]
pub(super) struct Rules {
    pub(super) addresses: Vec<u128>,
    pub(super) ingress: Chain,
    pub(super) egress: Chain,
}

#[derive(Debug)]
pub(super) struct Chain {
    pub(super) steps: Vec<LookUp<Vec<LookUp<Act>>>>,
    pub(super) default: Act,
}

/// Where a packet is led to.
#[derive(Debug)]
pub(super) enum LookUp<T> {
    Always(T),
    Address(End, Vec<((u128, u128), T)>),
    Port(End, Vec<((u8, u16, u16), T)>),
    Only(Box<Among>, T),
}

/// The end of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Source,
    Destination,
}

/// What a packet must be among; `None` asks for nothing.
#[derive(Debug, Default)]
pub(super) struct Among {
    pub(super) source: Option<List>,
    pub(super) destination: Option<List>,
    pub(super) protocol: Option<Ranges>,
    pub(super) source_port: Option<Ranges>,
    pub(super) destination_port: Option<Ranges>,
}

/// Addresses, in place or by the name of a set.
#[derive(Debug)]
pub(super) enum List {
    Here(Ranges),
    Set(String, usize),
}

/// What happens, and where that is written.
#[derive(Clone, Debug)]
pub(super) struct Act {
    /// `None` goes on with the next step.
    pub(super) outcome: Option<Outcome>,
    pub(super) line: usize,
    pub(super) comment: Option<String>,
}

impl Nic {
    pub(super) const fn rules(&self, family: Family) -> &Rules {
        match family {
            Family::V4 => &self.v4,
            Family::V6 => &self.v6,
        }
    }

    pub(super) fn owns(&self, address: IpAddr) -> bool {
        self.rules(Family::of(&address)).addresses.contains(&Family::number(address))
    }
}

impl<T> LookUp<T> {
    /// The lists of addresses in it.
    pub(super) fn lists(&mut self) -> impl Iterator<Item = &mut List> {
        let among = match self {
            LookUp::Only(among, _) => Some(among),
            LookUp::Always(_) | LookUp::Address(..) | LookUp::Port(..) => None,
        };
        among.into_iter().flat_map(|among| among.source.iter_mut().chain(among.destination.iter_mut()))
    }

    /// Where it leads.
    pub(super) fn targets(&mut self) -> Box<dyn Iterator<Item = &mut T> + '_> {
        match self {
            LookUp::Always(then) | LookUp::Only(_, then) => Box::new(std::iter::once(then)),
            LookUp::Address(_, ways) => Box::new(ways.iter_mut().map(|(_, then)| then)),
            LookUp::Port(_, ways) => Box::new(ways.iter_mut().map(|(_, then)| then)),
        }
    }
}
