//! Which field divides the packets of a node best.
//!
//! Where parts are tested in turn: whichever leaves the least in the heaviest part and copies the fewest rules. Where
//! they are looked up: whichever leaves the fewest lines in the part that a rule's own packets usually are in.

use alloc::vec::Vec;

use super::divide::{Asked, FAN_OUT, Part, at_an_edge, divide, divide_all, halve, hull};
use super::item::{Item, Piece};
use super::region::{End, Region, Span};
use super::{By, Wanted};
use crate::{PortMatch, PrefixSet, Protocol, ProtocolSet, Ranges};

/// The parts of a node, each with the rules that may match there where these are known (else all have to be asked).
type Division = Vec<(Piece, Option<Vec<usize>>)>;

/// The best division; `None` when none helps.
pub(super) fn best(items: &[Item], region: &Region, wanted: &Wanted, leaf: usize) -> Option<Division> {
    let all: usize = items.iter().map(|item| item.lines).sum();
    // While leaves grow parts need not be as small as can be.
    let stop = leaf - wanted.leaf;
    let candidates = [
        protocols(items, region),
        ports(items, region, End::Destination, wanted, stop),
        ports(items, region, End::Source, wanted, stop),
        addresses(items, region, End::Source, wanted, stop),
        addresses(items, region, End::Destination, wanted, stop),
    ];
    let scored = candidates.into_iter().flatten().map(|parts| match wanted.by {
        By::Tests => (in_turn(items, &parts, all), parts),
        By::Maps { way } => (usual(items, &parts) + way, parts),
    });
    let (score, parts) = scored.min_by_key(|(score, _)| *score)?;
    (score < all).then_some(parts)
}

/// Lines of the heaviest part, and lines that stand in several.
fn in_turn(items: &[Item], parts: &Division, all: usize) -> usize {
    let lines = |(piece, _): &(Piece, _)| items.iter().map(|item| item.lines_in(piece)).sum();
    let lines: Vec<usize> = parts.iter().map(lines).collect();
    let heaviest = lines.iter().copied().max().unwrap_or(all);
    heaviest + lines.iter().sum::<usize>().saturating_sub(all)
}

/// Lines of the part that a line stands in, on average.
fn usual(items: &[Item], parts: &Division) -> usize {
    let lines = |(piece, met): &(Piece, Option<Vec<usize>>)| match met {
        None => items.iter().map(|item| item.lines_in(piece)).sum::<usize>(),
        Some(met) => met.iter().filter_map(|at| items.get(*at)).map(|item| item.lines).sum(),
    };
    let lines = parts.iter().map(lines);
    let (sum, squares) = lines.fold((0, 0), |(sum, squares), lines| (sum + lines, squares + lines * lines));
    squares.div_ceil(sum.max(1))
}

/// The protocols that rules name, and the rest. `-p 0` means every protocol, so 0 is always in the rest.
fn protocols(items: &[Item], region: &Region) -> Option<Division> {
    let named = |item: &Item| Some(*item.rule.matches.protocols()).filter(|set| !set.is_all());
    let mut named: Vec<(usize, Protocol)> = region
        .protocols
        .iter()
        .filter(|protocol| protocol.0 != 0)
        .filter_map(|protocol| {
            let asks = items.iter().filter(|item| named(item).is_some_and(|set| set.contains(protocol)));
            let lines: usize = asks.map(|item| item.lines).sum();
            (lines > 0).then_some((lines, protocol))
        })
        .collect();
    if named.is_empty() || region.protocols.len() == 1 {
        return None;
    }
    named.sort_by(|one, other| other.cmp(one));
    named.truncate(FAN_OUT - 1);
    let chosen: ProtocolSet = named.iter().map(|(_, protocol)| *protocol).collect();
    let rest = region.protocols.subtract(&chosen);
    let mut parts: Division =
        named.into_iter().map(|(_, protocol)| (Piece::Protocol(protocol), None)).collect();
    if !rest.is_empty() {
        parts.push((Piece::OtherProtocols(rest), None));
    }
    Some(parts)
}

/// Ranges of ports that cover all there are, and packets without ports where there may be any.
fn ports(items: &[Item], region: &Region, end: End, wanted: &Wanted, stop: usize) -> Option<Division> {
    let one = region.protocols.len() == 1 && region.protocols.iter().all(Protocol::has_ports);
    let (first, last) = match (region.ports(end), wanted.by) {
        (Span::All, _) => (0, u16::MAX),
        (Span::In(first, last), By::Tests) => (first, last),
        (Span::In(..), By::Maps { way: _ }) | (Span::Missing, _) => return None,
    };
    if !one {
        return None;
    }
    let mut asked = Vec::new();
    let mut open = Vec::new();
    for (at, item) in items.iter().enumerate() {
        match end.ports(&item.rule.matches) {
            PortMatch::Any => open.push(at),
            PortMatch::In(set) => {
                let one = |(first, last)| Asked { first, last, lines: item.lines, item: at };
                asked.extend(set.numbers().iter().map(one));
            }
        }
    }
    let whole = Part { first: first.into(), last: last.into(), asked };
    let parts = match wanted.by {
        By::Tests => divide(whole, at_an_edge)?,
        By::Maps { way: _ } => divide_all(whole, stop)?,
    };
    let piece = |part: &Part| Piece::Ports(end, part.first as u16, part.last as u16);
    let mut parts: Division = parts.iter().map(|part| (piece(part), met(part, &open, wanted.by))).collect();
    if !region.has_ports() {
        parts.push((Piece::NoPorts, None));
    }
    Some(parts)
}

/// The rules that meet a part of a map; parts that are tested in turn are few.
fn met(part: &Part, open: &[usize], by: By) -> Option<Vec<usize>> {
    match by {
        By::Tests => None,
        By::Maps { way: _ } => {
            let mut met: Vec<usize> =
                part.asked.iter().map(|asked| asked.item).chain(open.iter().copied()).collect();
            met.sort_unstable();
            met.dedup();
            Some(met)
        }
    }
}

/// Disjoint prefixes and all other addresses, or ranges that cover all there are.
fn addresses(items: &[Item], region: &Region, end: End, wanted: &Wanted, stop: usize) -> Option<Division> {
    let whole = region.addresses(end);
    let family = whole.family();
    if wanted.by.is_maps() && !whole.is_any() {
        return None;
    }
    let mut asked = Vec::new();
    let mut open = Vec::new();
    for (at, item) in items.iter().enumerate() {
        let addresses = end.addresses(&item.rule.matches);
        let prefixes = &addresses.prefixes;
        if prefixes.is_any() || wanted.by.is_maps() && addresses.set.is_some() {
            open.push(at);
        } else {
            // One rule may name thousands of prefixes: each is its own line.
            let lines = (item.lines / prefixes.ranges().len().max(1)).max(1);
            let one = |(first, last)| Asked { first, last, lines, item: at };
            asked.extend(prefixes.ranges().iter().map(one));
        }
    }
    let (first, last) = (whole.ranges().first()?, whole.ranges().last()?);
    let part = Part { first, last, asked };
    let parts = match wanted.by {
        By::Tests => divide(hull(family, part)?, |part| halve(family, part))?,
        By::Maps { way: _ } => divide_all(part, stop)?,
    };
    let addresses = |part: &Part| PrefixSet::from_ranges(family, &Ranges::span(part.first, part.last));
    // Every part is to be one test.
    if wanted.by == By::Tests && parts.iter().any(|part| addresses(part).prefixes().len() != 1) {
        return None;
    }
    let covered: Ranges = parts.iter().map(|part| (part.first, part.last)).collect();
    let piece = |part: &Part| Piece::Addresses(end, addresses(part));
    let mut parts: Division = parts.iter().map(|part| (piece(part), met(part, &open, wanted.by))).collect();
    let rest = whole.subtract(&PrefixSet::from_ranges(family, &covered));
    if !rest.is_empty() {
        parts.push((Piece::OtherAddresses(end, rest), None));
    }
    Some(parts)
}
