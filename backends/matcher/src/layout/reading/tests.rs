//! What is read of structures is what look-ups of them find.

use alloc::boxed::Box;

use palisade_ir::{
    Addresses, Chain, Family, Match, MatchParts, Origin, Outcome, Packet, PacketPorts, PortMatch, PortSet,
    PrefixSet, Protocol, ProtocolSet, Ranges, Rank, Region, Rule, RuleId, Verdict,
};

use super::super::cuts::{Cuts, Limits, spread};
use super::super::gather::Plain;
use super::super::list::List;
use super::super::near::Near;
use super::super::number::Number;
use super::super::packed::Packed;
use super::super::pages::Pages;
use super::super::rest::Rest;
use super::super::rows::{Row, Rows, Tag};
use super::super::rules::{LAST_SERVICE, Rules, UDP};
use super::super::trie::Trie;
use super::super::{LAST, Point};
use super::piece::{Piece, Values};

fn dice(seed: u64) -> impl FnMut() -> u128 {
    let mut seed = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    move || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        u128::from(seed)
    }
}

/// Cuts with the names that stand behind them, neighbours of different names.
fn cuts(last: u128, mut next: impl FnMut() -> u128) -> Vec<(u128, u32)> {
    let bits = 1 + next() % u128::from(last.count_ones());
    let mut starts: Vec<u128> = (0..next() % 80)
        .map(|_| ((next() << 64 | next()) & last) >> (u128::from(last.count_ones()) - bits))
        .collect();
    starts.extend([0, last]);
    starts.sort_unstable();
    starts.dedup();
    let mut intervals: Vec<(u128, u32)> = starts.into_iter().map(|at| (at, (next() % 9) as u32)).collect();
    intervals.dedup_by_key(|(_, name)| *name);
    intervals
}

#[test]
fn trees_give_back_the_intervals_they_are_made_of() {
    fn check<T: Number>(family: Family, seed: u64) {
        let intervals = cuts(family.last(), dice(seed));
        let Some(trie) = Trie::<T>::new(&intervals) else { return };
        assert_eq!(trie.intervals(), Some(intervals));
    }
    for seed in 0..300 {
        check::<u32>(Family::V4, seed);
        check::<u128>(Family::V6, seed);
    }
}

/// A tree that nobody built: whatever its words say, what is read is what look-ups find, or there is no reading.
#[test]
fn broken_trees_are_read_as_they_are_searched() {
    fn check<T: Number + std::fmt::LowerHex + std::fmt::Debug>(family: Family, seed: u64) -> bool {
        let mut next = dice(seed);
        let Some(mut trie) = Trie::<T>::new(&cuts(family.last(), &mut next)) else { return false };
        match next() % 4 {
            0 => trie.shift ^= 1 << (next() % 8),
            1 => trie.last = trie.last.wrapping_add((next() % 3) as u32),
            2 => trie.depth = (next() % 4) as u32,
            _ => {
                let at = (next() % trie.slots.len() as u128) as usize;
                trie.slots[at] ^= 1 << (next() % 5);
            }
        }
        let Some(read) = trie.intervals() else { return false };
        let near = read.iter().flat_map(|(at, _)| [at.saturating_sub(1), *at]);
        for number in near.chain([0, family.last(), next() & family.last()]) {
            let expected = read[read.partition_point(|(at, _)| *at <= number) - 1].1;
            assert_eq!(trie.find(T::narrow(number)), expected, "seed {seed}: {number:#x} in {trie:?}");
        }
        true
    }
    let read = (0..2000).filter(|seed| check::<u32>(Family::V4, *seed) | check::<u128>(Family::V6, *seed));
    assert!(read.count() > 500);
}

#[test]
fn pages_give_back_the_runs_they_are_made_of() {
    for seed in 0..100 {
        for last in [u32::from(u16::MAX), UDP, LAST_SERVICE] {
            let mut intervals = cuts(u16::MAX.into(), dice(seed));
            intervals.retain(|(at, _)| *at <= last.into());
            let Some(mut pages) = Pages::new(&intervals, last) else { continue };
            assert_eq!(pages.intervals(last), Some(intervals));
            pages.pages.pop();
            assert_eq!(pages.intervals(last), None, "some numbers have no page");
        }
    }
}

/// Rules of boxes, wide in some fields and narrow in others; some of several ranges.
fn chain(family: Family, mut next: impl FnMut() -> u128) -> Chain {
    let mut rules = Vec::new();
    for number in 0..40 {
        let mut addresses = || {
            let bits = u128::from(family.last().count_ones()) - next() % 24;
            let first = (next() % 16) << (bits - 8).min(120);
            let ranges = match next() % 5 {
                0 | 1 => Ranges::span(0, family.last()),
                2 => [(first, first + 9), (first + 20, first + 29)].into_iter().collect(),
                _ => Ranges::span(first, first + (1 << (next() % (bits - 8)))),
            };
            let ranges = ranges.intersect(&Ranges::span(0, family.last()));
            Addresses::unnamed(PrefixSet::from_ranges(family, &ranges))
        };
        let (source, destination) = (addresses(), addresses());
        let mut ports = || {
            let (first, more) = (next() as u16 % 100, next() as u16 % 50);
            let parts = (0..1 + next() % 6).map(|at| (first + 60 * at as u16, first + 60 * at as u16 + more));
            if next().is_multiple_of(3) { PortMatch::Any } else { PortMatch::In(PortSet::from_ranges(parts)) }
        };
        let (source_ports, destination_ports) = (ports(), ports());
        let ported = [&source_ports, &destination_ports].iter().any(|ports| **ports != PortMatch::Any);
        let protocols = match next() % 4 {
            0 | 1 => ProtocolSet::only(Protocol::TCP),
            2 => ProtocolSet::only(Protocol::UDP),
            _ if ported => ProtocolSet::only(Protocol::TCP),
            _ => ProtocolSet::only(Protocol(next() as u8 % 20)),
        };
        let parts = MatchParts { source, destination, protocols, source_ports, destination_ports };
        let Ok(matches) = Match::new(parts) else { continue };
        let verdict = if next().is_multiple_of(2) { Verdict::Allow } else { Verdict::Deny };
        let outcome = Outcome { verdict, log: next().is_multiple_of(5) };
        rules.push(Rule { matches, outcome, rank: Rank::INNER_ACCESS, origin: Origin::one(RuleId(number)) });
    }
    Chain::from_ordered(rules, Verdict::Deny, RuleId(0))
}

/// The rules in lists as they are made, all in bitsets, and all in the lists of ports.
fn lists<T: Number>(rules: &Rules<'_>, last: u128) -> [List<T>; 3] {
    let all: Vec<u32> = (0..rules.len() as u32).collect();
    let empty =
        || List { source: None, destination: None, rest: Rest::None, near: None, rows: vec![Row::NONE] };
    let bitsets = List { rest: Rest::bitsets(rules, &all, last).unwrap(), ..empty() };
    let lasts = [last, last, LAST.0, LAST.1];
    let values = |field: usize| move |rule: u32| rules.fields[field][rule as usize].as_deref();
    let [mut service, mut source_port] = [2, 3].map(|field| Cuts::new(&rules.fields[field], lasts[field]));
    let limits = Limits { lists: 8, rules: usize::MAX };
    let wide = spread(all.into_iter(), [(&mut service, &values(2)), (&mut source_port, &values(3))], limits);
    let mut rows = Rows::new(rules, lasts);
    let near = Near::new(wide, service, source_port, &mut rows).map(Box::new);
    let rows = rows.all;
    [List::new(rules, last), bitsets, List { near, rows, ..empty() }]
}

/// Changes a list somewhere.
fn broken<T: Number>(list: &mut List<T>, mut next: impl FnMut() -> u128) {
    let mut pick = |len: usize| (next() % len.max(1) as u128) as usize;
    let (what, bit) = (pick(9), 1 << pick(7));
    let at = pick(list.rows.len());
    let entry = &mut list.rows[at].entries[pick(2)];
    match (what, &mut list.rest, list.near.as_deref_mut()) {
        (0, ..) => entry.tag ^= bit,
        (1, ..) => entry.service ^= bit,
        (2, ..) => entry.more_source_ports = entry.more_source_ports.wrapping_sub(bit),
        (3, ..) => entry.more_addresses = T::narrow(entry.more_addresses.into() >> 1),
        (_, Rest::Tables(tables), _) => match (&mut tables.cells.numbers, tables.classes.pairs.as_mut()) {
            (_, Some(Packed::Narrow(pairs))) if what > 6 => {
                let (one, other) = (pick(pairs.len()), pick(pairs.len()));
                pairs[one] = pairs[other];
            }
            (Packed::Narrow(numbers), _) => {
                let (one, other) = (pick(numbers.len()), pick(numbers.len()));
                numbers[one] = numbers[other];
            }
            (Packed::Wide(numbers), _) => {
                let at = pick(numbers.len());
                numbers[at] ^= bit;
            }
        },
        (_, Rest::Bitsets(_, tags), _) if what == 8 => tags[at] ^= bit,
        (_, Rest::Bitsets(bitsets, _), _) => {
            let rows = &mut bitsets.rows[at % 4];
            let word = pick(rows.len());
            rows[word] ^= u64::from(bit) << 4;
        }
        (_, Rest::None, Some(near)) if what == 8 => near.wide ^= bit,
        (_, Rest::None, Some(near)) => near.service.1.rotate_left(1),
        (_, Rest::None, None) => {}
    }
}

/// What is read of a list is what its look-ups find. `None` where there is no reading.
fn agrees<T: Number>(
    list: &List<T>,
    rules: &Rules<'_>,
    chain: &Chain,
    family: Family,
    seed: u64,
) -> Option<()> {
    let rule = |number: u32| &chain.rules()[rules.places[number as usize] as usize].matches;
    let code = |number: u32| rules.outcomes.get(number as usize).copied();
    let pieces = list.read(family, code, |number| Some(Region::of(rule(number)))).ok()?;
    let mut next = dice(seed);
    for tried in 0..100 {
        let mut ends = |field: usize, last: u128| {
            let values = &rules.fields[field][next() as usize % rules.len()];
            let ranges: Vec<_> =
                values.as_deref().map_or_else(|| vec![(0, last)], |some| some.iter().collect());
            let (first, end) = ranges[next() as usize % ranges.len()];
            [first, end, first.saturating_sub(1), end.saturating_add(1).min(last), next() & last]
                [next() as usize % 5]
        };
        let (source, destination) = (ends(0, family.last()), ends(1, family.last()));
        let ports = PacketPorts { source: ends(3, LAST.1) as u16, destination: ends(2, LAST.0) as u16 };
        let protocol = Protocol([6, 6, 17, next() as u8 % 20][next() as usize % 4]);
        let ported = (protocol == Protocol::TCP || protocol == Protocol::UDP) && !next().is_multiple_of(8);
        let [from, to] = [source, destination].map(|number| family.address(number));
        let packet = Packet::new(from, to, protocol, ported.then_some(ports)).unwrap();
        let point = Point::<T>::of(&packet);
        let numbers = [source, destination, point.service.into(), point.source_port.into()];
        let holds = |piece: &&Piece| {
            let inside =
                |(values, number): (&Values, u128)| values.as_ref().is_none_or(|some| some.contains(number));
            piece.fields.iter().zip(numbers).all(inside)
                && piece.within.as_ref().is_none_or(|region| Region::point(&packet).is_subset(region))
        };
        let expected = list.find(Plain, &point, |number| rule(number).matches(&packet));
        let read = pieces.iter().find(holds).map(|piece| piece.code);
        assert_eq!(read, Tag::code(expected), "seed {seed}: {packet:?}");
        // Regions say the same as fields.
        if tried % 20 == 0 {
            let within = |piece: &&Piece| {
                piece.regions(family).iter().any(|region| Region::point(&packet).is_subset(region))
            };
            assert_eq!(read, pieces.iter().find(within).map(|piece| piece.code), "seed {seed}: {packet:?}");
        }
    }
    Some(())
}

/// Whatever stands in lists, in the tables or bitsets beside them, and in the lists of ports.
#[test]
fn lists_are_read_as_they_are_searched() {
    fn check<T: Number>(family: Family, seed: u64, read: &mut [usize; 3]) {
        let mut next = dice(seed);
        let chain = chain(family, &mut next);
        let rules = Rules::new(&chain, family);
        for (mut list, count) in lists::<T>(&rules, family.last()).into_iter().zip(read) {
            assert!(agrees(&list, &rules, &chain, family, seed).is_some(), "seed {seed}");
            broken(&mut list, &mut next);
            *count += usize::from(agrees(&list, &rules, &chain, family, seed).is_some());
        }
    }
    let mut read = [0; 3];
    for seed in 0..100 {
        check::<u32>(Family::V4, seed, &mut read);
        check::<u128>(Family::V6, seed, &mut read);
    }
    assert!(read.iter().all(|read| *read > 30), "{read:?}");
}
