//! Keys of sets and maps: one span of values per field. Which one a packet falls into, and whether two overlap.

/// First and last value of each field.
pub(super) type Key = Vec<(u128, u128)>;

/// Whether the values lie in the spans.
pub(super) fn holds(key: &[(u128, u128)], values: &[u128]) -> bool {
    key.len() == values.len()
        && key.iter().zip(values).all(|((first, last), value)| first <= value && value <= last)
}

/// The one of several sorted and disjoint things whose key the values lie in.
pub(super) fn find<'a, T>(
    sorted: &'a [T],
    key: impl Fn(&T) -> &[(u128, u128)],
    values: &[u128],
) -> Option<&'a T> {
    let after = sorted.partition_point(|one| key(one).iter().map(|(first, _)| first).le(values));
    let candidate = sorted.get(after.checked_sub(1)?)?;
    if holds(key(candidate), values) {
        return Some(candidate);
    }
    // Only with spans in several fields can another one hold them.
    sorted.get(..after)?.iter().find(|one| holds(key(one), values))
}

/// The larger of two numbers whose keys overlap, if any two do. Sweeps over the field that tells most keys apart.
pub(super) fn overlap(keys: &[&Key]) -> Option<usize> {
    let fields = keys.iter().map(|key| key.len()).max()?;
    let span = |at: usize, field: usize| keys.get(at).and_then(|key| key.get(field)).copied();
    let spread = |field: &usize| {
        let mut starts: Vec<u128> =
            (0..keys.len()).filter_map(|at| span(at, *field)).map(|(first, _)| first).collect();
        starts.sort_unstable();
        starts.dedup();
        starts.len()
    };
    let field = (0..fields).max_by_key(spread)?;
    let mut order: Vec<usize> = (0..keys.len()).collect();
    order.sort_by_key(|at| span(*at, field));
    let mut open: Vec<usize> = Vec::new();
    for at in order {
        let (first, _) = span(at, field)?;
        open.retain(|before| span(*before, field).is_some_and(|(_, last)| last >= first));
        for before in &open {
            if (0..fields).all(|field| meet(span(*before, field), span(at, field))) {
                return Some(at.max(*before));
            }
        }
        open.push(at);
    }
    None
}

fn meet(one: Option<(u128, u128)>, other: Option<(u128, u128)>) -> bool {
    one.zip(other).is_some_and(|((a, b), (c, d))| a <= d && c <= b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlaps_are_found_wherever_they_are() {
        let keys: Vec<Key> = vec![
            vec![(6, 6), (80, 90)],
            vec![(17, 17), (80, 90)],
            vec![(6, 6), (91, 91)],
            vec![(0, 5), (0, 65_535)],
        ];
        assert_eq!(overlap(&keys.iter().collect::<Vec<_>>()), None);
        for (one, at) in
            [(vec![(6, 6), (90, 91)], 4), (vec![(5, 6), (3, 3)], 4), (vec![(0, 255), (85, 85)], 4)]
        {
            let mut keys = keys.clone();
            keys.push(one);
            assert_eq!(overlap(&keys.iter().collect::<Vec<_>>()), Some(at));
        }
    }

    #[test]
    fn values_are_found_in_boxes() {
        let mut keys: Vec<Key> =
            vec![vec![(0, 9), (5, 5)], vec![(0, 9), (7, 8)], vec![(3, 3), (6, 6)], vec![(20, 30), (0, 100)]];
        keys.sort();
        for values in [[0, 5], [9, 7], [3, 6], [4, 6], [25, 100], [31, 0], [3, 8]] {
            let plain = keys.iter().find(|key| holds(key, &values));
            assert_eq!(find(&keys, |key| key, &values), plain, "{values:?}");
        }
    }
}
