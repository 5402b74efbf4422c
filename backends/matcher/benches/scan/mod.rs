//! The linear scan: which rule of a chain decides each packet, by reading the rules in order.

use palisade_ir::{Chain, Family, Match, Packet};

/// The place of the first rule that matches, by packet.
pub(crate) fn places(chain: &Chain, packets: &[Packet]) -> Vec<Option<usize>> {
    // The hulls of both addresses, side by side, to pass over most rules fast.
    let hulls: Vec<[u128; 4]> = chain.rules().iter().map(|rule| hull(&rule.matches)).collect();
    let place = |packet: &Packet| {
        let [source, destination] = [packet.source(), packet.destination()].map(Family::number);
        hulls.iter().zip(chain.rules()).position(|([a, b, c, d], rule)| {
            (*a <= source) & (source <= *b) & (*c <= destination) & (destination <= *d)
                && rule.matches.matches(packet)
        })
    };
    packets.iter().map(place).collect()
}

fn hull(matches: &Match) -> [u128; 4] {
    let [source, destination] =
        [matches.source(), matches.destination()].map(|addresses| addresses.prefixes.ranges());
    [source.first(), source.last(), destination.first(), destination.last()].map(Option::unwrap)
}
