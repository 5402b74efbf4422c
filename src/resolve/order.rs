//! An order in which everything comes after what it needs, and the circles that forbid one.
//!
//! Knows numbers only: sets, services and clones all use it. No recursion, so that a long chain of names in a
//! hostile policy cannot exhaust the stack.

/// How many nodes of a circle are worth showing.
const MOST_SHOWN: usize = 8;

/// What [`order`] finds.
pub(super) struct Order {
    /// All nodes. Each comes after those it needs, except for needs that close a circle.
    pub(super) sorted: Vec<usize>,
    /// Circles, each beginning with the node that is reached again; long ones are cut.
    pub(super) circles: Vec<Circle>,
}

/// Nodes that need each other.
pub(super) struct Circle {
    /// Each needs the next one, the last needs the first.
    pub(super) nodes: Vec<usize>,
    /// Whether nodes are left out between the last two.
    pub(super) cut: bool,
}

#[derive(Clone, Copy)]
enum Mark {
    New,
    /// On the path, at this depth.
    Open(usize),
    Done,
}

/// Orders the nodes `0..needs.len()`, where `needs` holds what each one needs.
pub(super) fn order(needs: &[Vec<usize>]) -> Order {
    let mut marks = vec![Mark::New; needs.len()];
    let mut known = vec![false; needs.len()];
    let mut found = Order { sorted: Vec::with_capacity(needs.len()), circles: Vec::new() };
    let mut path: Vec<(usize, std::slice::Iter<'_, usize>)> = Vec::new();
    let mut next_start = 0;
    loop {
        let step = match path.last_mut() {
            Some((node, rest)) => match rest.next() {
                Some(need) => *need,
                None => {
                    set(&mut marks, *node, Mark::Done);
                    found.sorted.push(*node);
                    path.pop();
                    continue;
                }
            },
            None if next_start < needs.len() => {
                next_start += 1;
                next_start - 1
            }
            None => return found,
        };
        match marks.get(step) {
            Some(Mark::New) => {
                set(&mut marks, step, Mark::Open(path.len()));
                path.push((step, needs.get(step).map_or(&[][..], Vec::as_slice).iter()));
            }
            Some(Mark::Open(depth)) => {
                let nodes = path.get(*depth..).unwrap_or_default();
                let last = nodes.last().map_or(step, |(node, _)| *node);
                if !(known.get(step) == Some(&true) && known.get(last) == Some(&true)) {
                    nodes.iter().for_each(|(node, _)| set(&mut known, *node, true));
                    found.circles.push(circle(nodes.iter().map(|(node, _)| *node)));
                }
            }
            Some(Mark::Done) | None => {}
        }
    }
}

fn set<T>(list: &mut [T], at: usize, value: T) {
    if let Some(place) = list.get_mut(at) {
        *place = value;
    }
}

fn circle(nodes: impl ExactSizeIterator<Item = usize> + DoubleEndedIterator + Clone) -> Circle {
    let cut = nodes.len() > MOST_SHOWN;
    if !cut {
        return Circle { nodes: nodes.collect(), cut };
    }
    let last = nodes.clone().next_back();
    Circle { nodes: nodes.take(MOST_SHOWN - 1).chain(last).collect(), cut }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn circles(needs: &[&[usize]]) -> Vec<Vec<usize>> {
        let needs: Vec<Vec<usize>> = needs.iter().map(|list| list.to_vec()).collect();
        order(&needs).circles.into_iter().map(|circle| circle.nodes).collect()
    }

    #[test]
    fn needs_come_first() {
        let needs = vec![vec![2], vec![], vec![1, 3], vec![1]];
        let found = order(&needs);
        assert!(found.circles.is_empty());
        assert_eq!(found.sorted, [1, 3, 2, 0]);
    }

    #[test]
    fn every_circle_is_found_once() {
        assert_eq!(circles(&[&[0]]), [[0]]);
        assert_eq!(circles(&[&[1], &[0], &[0]]), [[0, 1]]);
        assert_eq!(circles(&[&[1, 2], &[0], &[0]]), [vec![0, 1], vec![0, 2]]);
    }

    #[test]
    fn a_long_circle_is_cut_and_fits_the_stack() {
        let count = 100_000;
        let needs: Vec<Vec<usize>> = (0..count).map(|node| vec![(node + 1) % count, 0]).collect();
        let found = order(&needs);
        assert_eq!(found.sorted.len(), count);
        let [only] = found.circles.as_slice() else { panic!("{} circles", found.circles.len()) };
        assert!(only.cut);
        assert_eq!(only.nodes, [0, 1, 2, 3, 4, 5, 6, count - 1]);
    }
}
