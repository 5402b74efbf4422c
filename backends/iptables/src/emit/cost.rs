//! What tests cost a packet, in nanoseconds: measured with `cargo bench --bench kernel`, between what the legacy and the
//! nft variant take.

use std::collections::BTreeSet;

use ipnet::IpNet;

/// A line of a list, read one after the other (legacy 4, nft 21).
const LINE: usize = 13;
/// A line of a tree, whose chains lie anywhere in memory (legacy 27, nft 55).
const TREE_LINE: usize = 40;
/// A line that asks a set.
const SET: usize = 90;
/// One hash table is asked for each length of prefix in a set, until one answers.
const PROBE: usize = 58;

/// Lines of a list.
pub(super) const fn list(lines: usize) -> usize {
    lines * LINE
}

/// Lines on a way through a tree.
pub(super) const fn tree(lines: usize) -> usize {
    lines * TREE_LINE
}

/// One question to a set of these prefixes, whether it holds an address, and whatever else.
pub(super) fn set(prefixes: impl IntoIterator<Item = IpNet>) -> usize {
    let lengths: BTreeSet<u8> = prefixes.into_iter().map(|prefix| prefix.prefix_len()).collect();
    SET + PROBE * lengths.len()
}
