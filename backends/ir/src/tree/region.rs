//! What the packets of a node have in common, and where a field stands in a match.

use crate::{Addresses, Family, Match, MatchParts, PortMatch, PrefixSet, ProtocolSet};

use super::Piece;

/// An end of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Where it comes from.
    Source,
    /// Where it goes.
    Destination,
}

/// What is known of a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Span {
    /// Nothing, not even whether there is one.
    All,
    /// It is in this range.
    In(u16, u16),
    /// There is none.
    Missing,
}

/// What the packets of a node have in common.
#[derive(Clone, Debug)]
pub(super) struct Region {
    pub(super) protocols: ProtocolSet,
    source: PrefixSet,
    destination: PrefixSet,
    source_port: Span,
    destination_port: Span,
}

/// Which fields are known, wherever the packets are: what nodes of look-ups depend on besides their rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Known {
    protocols: ProtocolSet,
    addresses: [bool; 2],
    /// Whether each port is in some range; or that there are none.
    ports: [bool; 2],
    no_ports: bool,
}

impl End {
    /// What a match asks of the port of this end.
    pub const fn ports(self, matches: &Match) -> &PortMatch {
        match self {
            End::Source => matches.source_ports(),
            End::Destination => matches.destination_ports(),
        }
    }

    /// What a match asks of the address of this end.
    pub const fn addresses(self, matches: &Match) -> &Addresses {
        match self {
            End::Source => matches.source(),
            End::Destination => matches.destination(),
        }
    }

    pub(super) const fn ports_mut(self, parts: &mut MatchParts) -> &mut PortMatch {
        match self {
            End::Source => &mut parts.source_ports,
            End::Destination => &mut parts.destination_ports,
        }
    }

    pub(super) const fn addresses_mut(self, parts: &mut MatchParts) -> &mut Addresses {
        match self {
            End::Source => &mut parts.source,
            End::Destination => &mut parts.destination,
        }
    }
}

impl Region {
    pub(super) fn all(family: Family) -> Self {
        Self {
            protocols: ProtocolSet::all(),
            source: PrefixSet::any(family),
            destination: PrefixSet::any(family),
            source_port: Span::All,
            destination_port: Span::All,
        }
    }

    pub(super) const fn addresses(&self, end: End) -> &PrefixSet {
        match end {
            End::Source => &self.source,
            End::Destination => &self.destination,
        }
    }

    pub(super) const fn ports(&self, end: End) -> Span {
        match end {
            End::Source => self.source_port,
            End::Destination => self.destination_port,
        }
    }

    /// Whether every packet has ports.
    pub(super) const fn has_ports(&self) -> bool {
        matches!(self.source_port, Span::In(..)) || matches!(self.destination_port, Span::In(..))
    }

    pub(super) fn known(&self) -> Known {
        Known {
            protocols: self.protocols,
            addresses: [!self.source.is_any(), !self.destination.is_any()],
            ports: [self.source_port, self.destination_port].map(|span| matches!(span, Span::In(..))),
            no_ports: self.source_port == Span::Missing,
        }
    }

    pub(super) fn within(&self, piece: &Piece) -> Self {
        let mut part = self.clone();
        match piece {
            Piece::Protocol(protocol) => part.protocols = ProtocolSet::only(*protocol),
            Piece::OtherProtocols(others) => part.protocols = *others,
            Piece::Ports(End::Source, first, last) => part.source_port = Span::In(*first, *last),
            Piece::Ports(End::Destination, first, last) => part.destination_port = Span::In(*first, *last),
            Piece::NoPorts => (part.source_port, part.destination_port) = (Span::Missing, Span::Missing),
            Piece::Addresses(end, here) | Piece::OtherAddresses(end, here) => {
                *part.addresses_mut(*end) = here.clone();
            }
        }
        part
    }

    const fn addresses_mut(&mut self, end: End) -> &mut PrefixSet {
        match end {
            End::Source => &mut self.source,
            End::Destination => &mut self.destination,
        }
    }
}
