//! What tests cost a packet, in nanoseconds of the nft variant: measured with `cargo bench --bench kernel`. The legacy one
//! takes a third for a line and as much for a set; the files are for both, and nft is what distributions come with.

use std::collections::BTreeSet;

use ipnet::IpNet;

/// A line of a list, read one after the other.
const LINE: usize = 21;
/// A line of a tree that stays in the caches, and of one that does not, whose chains lie anywhere in memory.
const TREE_LINES: [usize; 2] = [25, 55];
/// Lines of a tree that stays in the caches.
const SMALL: usize = 256;
/// A line that asks a set.
const SET: usize = 90;
/// One hash table is asked for each length of prefix in a set, until one answers.
const PROBE: usize = 58;

/// Lines of a list.
pub(super) const fn list(lines: usize) -> usize {
    lines * LINE
}

/// Lines on a way through a tree of so many lines.
pub(super) const fn tree(way: usize, size: usize) -> usize {
    let [small, large] = TREE_LINES;
    way * if size <= SMALL { small } else { large }
}

/// One question to a set of these prefixes, whether it holds an address, and whatever else.
pub(super) fn set(prefixes: impl IntoIterator<Item = IpNet>) -> usize {
    let lengths: BTreeSet<u8> = prefixes.into_iter().map(|prefix| prefix.prefix_len()).collect();
    SET + PROBE * lengths.len()
}
