//! A decision tree: verdict maps that lead to a chain of the few rules for some packets.
//!
//! A packet never comes back from a chain it is sent to (`goto`), so each ends in what happens to packets that no rule
//! decides, and allowing may mean to return to where the NIC's chain was called from. What a map does not hold goes on
//! behind it, with the rules of what most of its ranges would lead to. Names are the way to a chain in words; a chain
//! that several ways lead to is called by the first.

use std::collections::BTreeMap;

use palisade_ir::tree::{By, End, Item, Node, Piece, Tree, Wanted, by_ports, rest, source_rules};
use palisade_ir::{
    Addresses, Chain, EmitError, Family, Match, Origin, PortMatch, PrefixSet, Protocol, ProtocolSet, Rule,
    RuleId,
};

use super::super::dispatch::MapText;
use super::super::file::ChainText;
use super::super::names::{self, Taken};
use super::super::rule::{LINE, Writer, join, protocol_test, transport_header};
use super::super::sets::range;
use super::super::{errors, text};
use super::words::{address_kind, protocol_name, span, version};
use super::{Arranged, DEPTH, WAYS, cost};

/// Lines of a leaf to begin with.
const LEAF: usize = 6;

/// Lines of a leaf at most; with longer ones there is little gained.
const MOST_LEAF: usize = 24;

/// How many times as many lines as a list a tree may have that is wanted in any case.
const MOST: usize = 16;

/// The trees of a chain: one for each family.
pub(super) struct Trees {
    four: Tree,
    six: Tree,
}

/// A tree being written.
struct Planter<'a, 'w> {
    writer: &'w mut Writer<'a>,
    /// The name of the NIC's chain.
    base: &'w str,
    family: Family,
    tree: &'w Tree,
    chain: &'w Chain,
    /// What an allowed packet does next.
    allow: &'w str,
    taken: &'w mut Taken,
    out: &'w mut Arranged,
    /// Chains by node.
    known: BTreeMap<usize, String>,
}

/// The way to a node.
#[derive(Clone, Default)]
struct Place {
    words: String,
    protocol: Option<Protocol>,
}

impl Trees {
    /// The trees of a chain, which have no more elements and rules than its source rules written one by one; where that is
    /// `forced`, as deep as they get, and larger. `None` where there is nothing to divide.
    pub(super) fn of(writer: &Writer<'_>, chain: &Chain, forced: bool) -> Option<Self> {
        // Each rule by its place: the sources of one may be thousands, too many to copy with it.
        let by_place = |(at, rule): (usize, &Rule)| {
            let Rule { matches, outcome, rank, origin: _ } = rule;
            let origin = Origin::one(RuleId(at as u32));
            by_ports(&Rule { matches: matches.clone(), outcome: *outcome, rank: *rank, origin })
        };
        let rules: Vec<Rule> = chain.rules().iter().enumerate().flat_map(by_place).collect();
        let (most, leaf, way) = match forced {
            true => (MOST * chain.rules().len(), 1, 0),
            false => (source_rules(writer.plan, chain), LEAF, LEAF),
        };
        let tree = |family, most| {
            let own: Vec<&Rule> = rules.iter().filter(|rule| rule.matches.family() == family).collect();
            let default = Some(chain.default());
            let by = By::Maps { way };
            Tree::of(&own, Wanted { family, default, most, leaf, most_leaf: MOST_LEAF, by, lines })
        };
        let four = tree(Family::V4, most);
        let six = tree(Family::V6, most.saturating_sub(four.size()));
        let trees = Self { four, six };
        let divided = [&trees.four, &trees.six].iter().any(|tree| tree.nodes().len() > 1);
        let fits = trees.four.size().saturating_add(trees.six.size()) <= most;
        (divided && fits && trees.depth() <= DEPTH).then_some(trees)
    }

    /// What a packet pays that no rule decides before the end.
    pub(super) fn cost(&self) -> usize {
        cost::tree(&self.four).max(cost::tree(&self.six))
    }

    /// How many chains may lie below one another.
    fn depth(&self) -> usize {
        1 + self.four.depth().max(self.six.depth())
    }

    /// Writes the trees under a name. `allow` is what an allowed packet does next (`accept`, `return`).
    pub(super) fn write(
        &self,
        writer: &mut Writer<'_>,
        base: &str,
        chain: &Chain,
        allow: &str,
    ) -> Result<Arranged, EmitError> {
        let mut out = Arranged::default();
        let mut taken = Taken::default();
        let Self { four, six } = self;
        let mut lines = Vec::new();
        for (family, tree) in [(Family::V6, six), (Family::V4, four)] {
            let known = BTreeMap::new();
            let (taken, out, writer) = (&mut taken, &mut out, &mut *writer);
            let mut planter = Planter { writer, base, family, tree, chain, allow, taken, out, known };
            match family {
                Family::V6 => {
                    let place = Place { words: "/v6".to_owned(), protocol: None };
                    let (action, ids) = planter.action(tree.root(), &place)?;
                    let line = format!("meta nfproto ipv6 {action}");
                    lines.push(planter.commented(line, &ids));
                }
                Family::V4 => planter.node(tree.root(), &Place::default(), &mut lines)?,
            }
        }
        Ok(Arranged { lines, ..out })
    }
}

impl<'w> Planter<'_, 'w> {
    /// Where packets of a part go, and which rules say so: a verdict, or the chain of a node.
    fn action(&mut self, at: usize, place: &Place) -> Result<(String, Vec<RuleId>), EmitError> {
        let verdict = match self.tree.node(at) {
            None | Some(Node::Inner(_)) => None,
            Some(Node::Leaf(items)) => match items.as_slice() {
                [] => Some((self.chain.default(), vec![self.chain.default_id()])),
                [item] if item.is_all() && !item.rule.outcome.log => {
                    Some((item.rule.outcome.verdict, self.origin(item)?.ids().to_vec()))
                }
                _ => None,
            },
        };
        if let Some((verdict, ids)) = verdict {
            return Ok((super::leaf::word(verdict, self.allow).to_owned(), ids));
        }
        let name = match self.known.get(&at) {
            Some(name) => name.clone(),
            None => self.chain(at, place)?,
        };
        Ok((format!("goto {name}"), Vec::new()))
    }

    /// The sources of a rule, which stands in the tree by its place.
    fn origin(&self, item: &Item) -> Result<&'w Origin, EmitError> {
        let at = item.rule.origin.ids().first().map_or(0, |id| id.0 as usize);
        let rule = self.chain.rules().get(at);
        rule.map(|rule| &rule.origin).ok_or_else(|| errors::unknown_rule(at))
    }

    /// The chain of a node.
    fn chain(&mut self, at: usize, place: &Place) -> Result<String, EmitError> {
        let name = names::shorten(format!("{}{}", self.base, place.words));
        self.taken.claim(&name, &format!("node {at}"))?;
        self.known.insert(at, name.clone());
        // Chains stand in the order in which packets meet them.
        let here = self.out.chains.len();
        self.out.chains.push(ChainText { note: None, name: name.clone(), base: None, lines: Vec::new() });
        let mut lines = Vec::new();
        self.node(at, place, &mut lines)?;
        if let Some(chain) = self.out.chains.get_mut(here) {
            chain.lines = lines;
        }
        Ok(name)
    }

    /// The lines of a node. None of its packets gets behind them.
    fn node(&mut self, at: usize, place: &Place, lines: &mut Vec<String>) -> Result<(), EmitError> {
        match self.tree.node(at) {
            None => Ok(()),
            Some(Node::Leaf(items)) => self.leaf(items, place, lines),
            Some(Node::Inner(parts)) => self.parts(parts, place, lines),
        }
    }

    fn leaf(&mut self, items: &[Item], place: &Place, lines: &mut Vec<String>) -> Result<(), EmitError> {
        for item in items {
            let Rule { matches, outcome, rank: _, origin: _ } = &item.rule;
            let name = format!("{}{}", self.base, place.words);
            // The family is known.
            let tests = self.writer.tests_within(matches, true, &name)?;
            let origin = self.origin(item)?;
            self.writer.decision(&tests, *outcome, self.allow, origin, lines);
        }
        if !items.last().is_some_and(Item::is_all) {
            let comment = text::comment(self.writer.plan, &[self.chain.default_id()]);
            lines.push(self.writer.verdict("", self.chain.default(), self.allow, &comment));
        }
        Ok(())
    }

    fn parts(
        &mut self,
        parts: &[(Piece, usize)],
        place: &Place,
        lines: &mut Vec<String>,
    ) -> Result<(), EmitError> {
        let Some(rest) = rest(parts) else { return Ok(()) };
        let own = || parts.iter().filter(|(_, child)| *child != rest);
        if own().count() <= WAYS || matches!(parts.first(), Some((Piece::Protocol(_), _))) {
            for (piece, child) in own() {
                let (action, ids) = self.action(*child, &place.within(piece))?;
                let line = join(&[&self.test(piece, place), self.writer.counter(), &action]);
                lines.push(self.commented(line, &ids));
            }
        } else {
            let mut elements = Vec::new();
            for (piece, child) in own() {
                let (action, ids) = self.action(*child, &place.within(piece))?;
                if let Some((first, last, key)) = key(piece) {
                    let room = LINE.saturating_sub(key.len() + action.len() + 14);
                    let comment = text::comment_within(self.writer.plan, &ids, room);
                    let key = match comment {
                        Some(comment) => format!("{key} comment \"{comment}\""),
                        None => key,
                    };
                    elements.push((first, last, format!("{key} : {action}")));
                }
            }
            lines.push(self.map(parts, place, elements)?);
        }
        match self.known.get(&rest) {
            Some(name) => lines.push(format!("goto {name}")),
            None => self.node(rest, &place.rest(parts), lines)?,
        }
        Ok(())
    }

    /// The look-up in a map of some elements: first and last value, and what to print.
    fn map(
        &mut self,
        parts: &[(Piece, usize)],
        place: &Place,
        mut elements: Vec<(u128, u128, String)>,
    ) -> Result<String, EmitError> {
        let (field, kind, word) = match parts.first() {
            Some((Piece::Addresses(end, _) | Piece::OtherAddresses(end, _), _)) => {
                let (field, side) = self.address(*end);
                (field, address_kind(self.family), format!("{side}-{}", version(self.family)))
            }
            Some((Piece::Ports(end, ..), _)) => {
                let (field, side) = place.port(*end);
                (field, "inet_service", format!("{side}ports"))
            }
            _ => return Ok(String::new()),
        };
        let name = names::shorten(format!("{}{}/{word}", self.base, place.words));
        elements.sort_unstable();
        // The kernel takes some overlaps in silence; the first inserted wins then.
        if !elements.windows(2).all(|pair| matches!(pair, [one, two] if one.1 < two.0)) {
            return Err(errors::overlap(&name));
        }
        self.taken.claim(&name, &format!("map {}", place.words))?;
        let elements = elements.into_iter().map(|(_, _, element)| element).collect();
        self.out.maps.insert(name.clone(), MapText { kind: kind.to_owned(), interval: true, elements });
        Ok(format!("{field} vmap @{name}"))
    }

    fn address(&self, end: End) -> (String, &'static str) {
        let header = match self.family {
            Family::V4 => "ip",
            Family::V6 => "ip6",
        };
        match end {
            End::Source => (format!("{header} saddr"), "from"),
            End::Destination => (format!("{header} daddr"), "to"),
        }
    }

    fn test(&self, piece: &Piece, place: &Place) -> String {
        let key = key(piece).map_or_else(String::new, |(_, _, key)| key);
        match piece {
            Piece::Protocol(protocol) => protocol_test(&ProtocolSet::only(*protocol)),
            Piece::Ports(end, ..) => format!("{} {key}", place.port(*end).0),
            Piece::Addresses(end, _) => format!("{} {key}", self.address(*end).0),
            Piece::OtherProtocols(_) | Piece::NoPorts | Piece::OtherAddresses(..) => String::new(),
        }
    }

    fn commented(&self, line: String, ids: &[RuleId]) -> String {
        match text::comment_within(self.writer.plan, ids, LINE.saturating_sub(line.len() + 11)) {
            Some(comment) => format!("{line} comment \"{comment}\""),
            None => line,
        }
    }
}

/// A range of values, first and last and as a key; `None` for parts that are none.
fn key(piece: &Piece) -> Option<(u128, u128, String)> {
    match piece {
        Piece::Ports(_, first, last) => Some((u128::from(*first), u128::from(*last), range(*first, *last))),
        Piece::Addresses(_, here) => {
            let (first, last) = (here.ranges().first()?, here.ranges().last()?);
            Some((first, last, span(here.family(), first, last)))
        }
        Piece::Protocol(_) | Piece::OtherProtocols(_) | Piece::NoPorts | Piece::OtherAddresses(..) => None,
    }
}

impl Place {
    /// The field of a port, and the word for its end.
    fn port(&self, end: End) -> (String, &'static str) {
        let header = self.protocol.and_then(transport_header).unwrap_or("th");
        match end {
            End::Source => (format!("{header} sport"), "source-"),
            End::Destination => (format!("{header} dport"), ""),
        }
    }

    fn within(&self, piece: &Piece) -> Self {
        let word = match piece {
            Piece::Protocol(protocol) => protocol_name(*protocol),
            Piece::Ports(End::Source, first, last) => format!("source-{}", range(*first, *last)),
            Piece::Ports(End::Destination, first, last) => range(*first, *last),
            Piece::Addresses(End::Source, here) => format!("from-{}", addresses(here)),
            Piece::Addresses(End::Destination, here) => format!("to-{}", addresses(here)),
            Piece::OtherProtocols(_) => "other".to_owned(),
            Piece::NoPorts => "no-ports".to_owned(),
            Piece::OtherAddresses(..) => "elsewhere".to_owned(),
        };
        let protocol = match piece {
            Piece::Protocol(protocol) => Some(*protocol),
            _ => self.protocol,
        };
        Self { words: format!("{}/{word}", self.words), protocol }
    }

    /// Packets that go on behind a look-up.
    fn rest(&self, parts: &[(Piece, usize)]) -> Self {
        match parts.last() {
            Some((piece @ (Piece::OtherProtocols(_) | Piece::NoPorts | Piece::OtherAddresses(..)), _)) => {
                self.within(piece)
            }
            Some((Piece::Addresses(..), _)) => Self { words: format!("{}/elsewhere", self.words), ..*self },
            _ => Self { words: format!("{}/other-ports", self.words), ..*self },
        }
    }
}

/// Addresses in a name, where a colon cannot stand. Two long ones would be too much; the first tells parts apart.
fn addresses(here: &PrefixSet) -> String {
    let key = |(first, last)| span(here.family(), first, last);
    let text = here.ranges().iter().next().map(key).unwrap_or_default();
    let short = match text.split_once('-') {
        Some((first, _)) if here.family() == Family::V6 => format!("{first}-up"),
        _ => text,
    };
    short.replace(':', "_")
}

/// How many lines a match takes: one, and the elements of its lists. A named set is there anyway.
fn lines(matches: &Match) -> usize {
    let list = |count: usize| if count > 1 { count } else { 0 };
    let addresses = |addresses: &Addresses| match addresses.set {
        Some(_) => 0,
        None => list(addresses.prefixes.ranges().len()),
    };
    let ports = |ports: &PortMatch| match ports {
        PortMatch::Any => 0,
        PortMatch::In(set) => list(set.ranges().len()),
    };
    1 + addresses(matches.source())
        + addresses(matches.destination())
        + ports(matches.source_ports())
        + ports(matches.destination_ports())
}
