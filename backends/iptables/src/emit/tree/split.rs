//! Where to divide the packets of a node: by protocol, by ports, or by prefixes, whichever leaves the least in the
//! heaviest part and copies the fewest rules.

use ipnet::IpNet;
use palisade_ir::{Family, PortMatch, PrefixSet, Protocol, ProtocolSet, Ranges};

use super::item::{Item, Piece};
use super::{End, Region, Span};

/// Parts of a node at most. A test costs less than a jump; more parts mean more tests, fewer more jumps.
const FAN_OUT: usize = 8;

/// A range of numbers that some rule asks for, and the lines of that rule.
#[derive(Clone, Copy)]
struct Asked {
    first: u128,
    last: u128,
    lines: usize,
}

/// A part to be: its numbers, and what is asked there.
struct Part {
    first: u128,
    last: u128,
    asked: Vec<Asked>,
}

/// The best division; `None` when none helps.
pub(super) fn best(items: &[Item], region: &Region) -> Option<Vec<Piece>> {
    let all: usize = items.iter().map(|item| item.lines).sum();
    let candidates = [
        protocols(items, region),
        ports(items, region, End::Destination),
        ports(items, region, End::Source),
        addresses(items, region, End::Source),
        addresses(items, region, End::Destination),
    ];
    let scored = candidates.into_iter().flatten().map(|pieces| (score(items, &pieces, all), pieces));
    let (score, pieces) = scored.min_by_key(|(score, _)| *score)?;
    (score < all).then_some(pieces)
}

/// Lines of the heaviest part, and lines that stand in several.
fn score(items: &[Item], pieces: &[Piece], all: usize) -> usize {
    let lines = |piece| items.iter().map(|item| item.lines_in(piece)).sum();
    let lines: Vec<usize> = pieces.iter().map(lines).collect();
    let heaviest = lines.iter().copied().max().unwrap_or(all);
    heaviest + lines.iter().sum::<usize>().saturating_sub(all)
}

/// The protocols that rules name, and the rest. `-p 0` means every protocol, so 0 is always in the rest.
fn protocols(items: &[Item], region: &Region) -> Option<Vec<Piece>> {
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
    let mut pieces: Vec<Piece> = named.into_iter().map(|(_, protocol)| Piece::Protocol(protocol)).collect();
    if !rest.is_empty() {
        pieces.push(Piece::OtherProtocols(rest));
    }
    Some(pieces)
}

/// Ranges of ports that cover all there are, and packets without ports where there may be any.
fn ports(items: &[Item], region: &Region, end: End) -> Option<Vec<Piece>> {
    let one = region.protocols.len() == 1 && region.protocols.iter().all(Protocol::has_ports);
    let (first, last) = match region.ports(end) {
        Span::All => (0, u16::MAX),
        Span::In(first, last) => (first, last),
        Span::Missing => return None,
    };
    if !one {
        return None;
    }
    let mut asked = Vec::new();
    for item in items {
        if let PortMatch::In(set) = end.ports(&item.rule.matches) {
            let ranges = set.numbers().iter();
            asked.extend(ranges.map(|(first, last)| Asked { first, last, lines: item.lines }));
        }
    }
    let parts = divide(Part { first: first.into(), last: last.into(), asked }, at_an_edge)?;
    let mut pieces: Vec<Piece> =
        parts.iter().map(|part| Piece::Ports(end, part.first as u16, part.last as u16)).collect();
    if !region.has_ports() {
        pieces.push(Piece::NoPorts);
    }
    Some(pieces)
}

/// Disjoint prefixes, and all other addresses.
fn addresses(items: &[Item], region: &Region, end: End) -> Option<Vec<Piece>> {
    let whole = region.addresses(end);
    let family = whole.family();
    let mut asked = Vec::new();
    for item in items {
        let prefixes = &end.addresses(&item.rule.matches).prefixes;
        if !prefixes.is_any() {
            // One rule may name thousands of prefixes: each is its own line.
            let lines = (item.lines / prefixes.ranges().len().max(1)).max(1);
            asked.extend(prefixes.ranges().iter().map(|(first, last)| Asked { first, last, lines }));
        }
    }
    let (first, last) = (whole.ranges().first()?, whole.ranges().last()?);
    let parts = divide(hull(family, Part { first, last, asked })?, |part| halve(family, part))?;
    let mut covered = Vec::new();
    let mut pieces = Vec::new();
    for part in parts {
        covered.push((part.first, part.last));
        pieces.push(Piece::Prefix(end, prefix(family, part.first, part.last)?));
    }
    let rest = whole.subtract(&PrefixSet::from_ranges(family, &Ranges::from_unsorted(covered)));
    if !rest.is_empty() {
        pieces.push(Piece::OtherAddresses(end, rest));
    }
    Some(pieces)
}

/// Divides the heaviest part again and again; `None` when nothing could be divided or left out.
fn divide(whole: Part, cut: impl Fn(&Part) -> Option<Vec<Part>>) -> Option<Vec<Part>> {
    if whole.asked.is_empty() {
        return None;
    }
    let mut parts = vec![whole];
    let mut whole_ones = Vec::new();
    while parts.len() + whole_ones.len() < FAN_OUT {
        let heaviest = (0..parts.len()).max_by_key(|at| parts.get(*at).map_or(0, Part::lines));
        let Some(heaviest) = heaviest else { break };
        let part = parts.swap_remove(heaviest);
        match cut(&part) {
            Some(cut) => parts.extend(cut),
            None => whole_ones.push(part),
        }
    }
    parts.append(&mut whole_ones);
    parts.sort_by_key(|part| part.first);
    Some(parts)
}

impl Part {
    fn lines(&self) -> usize {
        self.asked.iter().map(|asked| asked.lines).sum()
    }

    fn between(&self, first: u128, last: u128) -> Self {
        let here = |asked: &&Asked| asked.first <= last && first <= asked.last;
        let clip =
            |asked: &Asked| Asked { first: asked.first.max(first), last: asked.last.min(last), ..*asked };
        Self { first, last, asked: self.asked.iter().filter(here).map(clip).collect() }
    }
}

/// Divides at the edge of some range, such that the heavier side is as light as can be.
fn at_an_edge(part: &Part) -> Option<Vec<Part>> {
    let mut starts: Vec<(u128, usize)> = part.asked.iter().map(|it| (it.first, it.lines)).collect();
    let mut ends: Vec<(u128, usize)> = part.asked.iter().map(|it| (it.last, it.lines)).collect();
    starts.sort_unstable();
    ends.sort_unstable();
    let sums = |list: &[(u128, usize)]| {
        let mut sum = 0;
        let add = |(at, lines): &(u128, usize)| {
            sum += lines;
            (*at, sum)
        };
        list.iter().map(add).collect::<Vec<_>>()
    };
    let (starts, ends) = (sums(&starts), sums(&ends));
    let below = |sums: &[(u128, usize)], at: u128| {
        let count = sums.partition_point(|(number, _)| *number < at);
        count.checked_sub(1).and_then(|last| sums.get(last)).map_or(0, |(_, sum)| *sum)
    };
    let all = part.lines();
    let edges = starts.iter().map(|(at, _)| *at).chain(ends.iter().map(|(at, _)| at + 1));
    let inside = edges.filter(|at| part.first < *at && *at <= part.last);
    // What begins before the edge is left of it, what does not end before it is right of it.
    let heavier = |at: &u128| below(&starts, *at).max(all - below(&ends, *at));
    let at = inside.min_by_key(|at| (heavier(at), *at))?;
    Some(vec![part.between(part.first, at - 1), part.between(at, part.last)])
}

/// Divides a prefix into its halves, each cut down to what is asked there.
fn halve(family: Family, part: &Part) -> Option<Vec<Part>> {
    let divides = |asked: &Asked| part.first < asked.first || asked.last < part.last;
    if part.first == part.last || !part.asked.iter().any(divides) {
        return None;
    }
    let middle = part.first + (part.last - part.first) / 2;
    let halves = [part.between(part.first, middle), part.between(middle + 1, part.last)];
    // What is asked nowhere goes with the rest.
    let halves = halves.into_iter().filter_map(|half| hull(family, half));
    Some(halves.collect())
}

/// The smallest prefix that holds all that is asked in a part.
fn hull(family: Family, part: Part) -> Option<Part> {
    let first = part.asked.iter().map(|asked| asked.first).min()?;
    let last = part.asked.iter().map(|asked| asked.last).max()?;
    let (mut low, mut high) = (0, family.last());
    while low < high {
        let middle = low + (high - low) / 2;
        if last <= middle {
            high = middle;
        } else if first > middle {
            low = middle + 1;
        } else {
            break;
        }
    }
    Some(Part { first: low.max(part.first), last: high.min(part.last), ..part })
}

fn prefix(family: Family, first: u128, last: u128) -> Option<IpNet> {
    let set = PrefixSet::from_ranges(family, &Ranges::span(first, last));
    match set.prefixes().as_slice() {
        [one] => Some(*one),
        _ => None,
    }
}
