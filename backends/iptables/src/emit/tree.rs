//! A decision tree as chains.
//!
//! Where a verdict ends a packet's way through the table, the tree is jumped to, and what it does not decide comes
//! back to what stands behind the jump: another tree, or the default. Where a verdict may be to return, the tree stands in the NIC's chain itself
//! and all its chains are gone to, so that they return to where that chain was called from; each ends in the default.

use std::collections::BTreeMap;

use palisade_ir::tree::{End, Item, Node, Piece, Tree};
use palisade_ir::{Chain, EmitError, PrefixSet, Protocol, Rule};

use super::rule::{self, Exits};
use super::sets::Sets;
use super::table::{ChainId, Table, Target};
use super::{Context, comment, matching};

/// What stands in the names of a node's chains, field by field.
#[derive(Clone, Default)]
struct Place {
    protocol: Option<Protocol>,
    words: [String; 5],
}

struct Writer<'a, 't> {
    context: &'a Context<'a>,
    table: &'t mut Table,
    tree: &'a Tree,
    policy: &'a Chain,
    exits: Exits,
    /// Addresses stand in the rules: a part of a named set has no name.
    sets: Sets,
    /// The chain all are named after, and the word between it and their part.
    of: ChainId,
    word: &'a str,
    /// Chains of leaves, by node.
    leaves: BTreeMap<usize, ChainId>,
}

/// Writes a tree into a NIC's chain; its chains are called after a word. The default is left to the caller where
/// verdicts are final.
pub(super) fn write(
    context: &Context<'_>,
    table: &mut Table,
    at: ChainId,
    (word, tree): (&str, &Tree),
    policy: &Chain,
    exits: Exits,
) -> Result<(), EmitError> {
    let sets = Sets::new(false);
    let root = match exits {
        Exits::Final => {
            let root = table.part(at, word)?;
            table.rule::<&str>(at, &[], word, Target::Jump(root));
            root
        }
        Exits::Returning { finish: _ } => at,
    };
    let leaves = BTreeMap::new();
    let mut writer = Writer { context, table, tree, policy, exits, sets, word, of: at, leaves };
    writer.node(tree.root(), root, &Place::default())
}

impl Writer<'_, '_> {
    fn node(&mut self, node: usize, chain: ChainId, place: &Place) -> Result<(), EmitError> {
        match self.tree.node(node) {
            None => Ok(()),
            Some(Node::Leaf(items)) => {
                for item in items {
                    self.rule(chain, &item.rule)?;
                }
                if !items.last().is_some_and(Item::is_all) {
                    self.end(chain);
                }
                Ok(())
            }
            Some(Node::Inner(parts)) => self.parts(parts, chain, place),
        }
    }

    fn rule(&mut self, chain: ChainId, rule: &Rule) -> Result<(), EmitError> {
        rule::write(self.context, &mut self.sets, self.table, chain, rule, self.exits)
    }

    /// The tests for all parts but the last, which is what is left over, and then the chains they lead to.
    fn parts(&mut self, parts: &[(Piece, usize)], chain: ChainId, place: &Place) -> Result<(), EmitError> {
        let Some(((last, rest), parts)) = parts.split_last() else { return Ok(()) };
        let mut below = Vec::new();
        for (piece, child) in parts {
            let inside = place.within(piece);
            let tests = place.tests(piece);
            if self.decided(*child, chain, &tests) {
                continue;
            }
            let known = self.leaves.get(child).copied();
            let to = match known {
                Some(known) => known,
                None => {
                    let to = self.table.part(self.of, &format!("{}/{}", self.word, inside.label()))?;
                    below.push((*child, to, inside.clone()));
                    if let Some(Node::Leaf(_)) = self.tree.node(*child) {
                        self.leaves.insert(*child, to);
                    }
                    to
                }
            };
            let comment = format!("rules for {}", inside.label());
            for test in &tests {
                self.table.rule(chain, &[test], &comment, Target::Goto(to));
            }
        }
        self.node(*rest, chain, &place.within(last))?;
        below.into_iter().try_for_each(|(node, chain, place)| self.node(node, chain, &place))
    }

    /// Says what happens to a part right away where one silent verdict holds for all of it.
    fn decided(&mut self, node: usize, chain: ChainId, tests: &[String]) -> bool {
        match self.tree.node(node) {
            Some(Node::Leaf(items)) => match items.as_slice() {
                [] => {
                    tests.iter().for_each(|test| self.undecided(chain, test));
                    true
                }
                [item] if item.is_all() && !item.rule.outcome.log => {
                    let id = item.rule.origin.ids().first();
                    let comment = id.map_or_else(String::new, |id| comment::of(self.context.plan, *id));
                    for test in tests {
                        let target = self.exits.target(item.rule.outcome.verdict);
                        self.table.rule(chain, &[test], &comment, target);
                    }
                    true
                }
                _ => false,
            },
            Some(Node::Inner(_)) | None => false,
        }
    }

    /// Ends a chain in the default where it must not return.
    fn end(&mut self, chain: ChainId) {
        match self.exits {
            Exits::Final => {}
            Exits::Returning { finish: _ } => self.undecided(chain, ""),
        }
    }

    /// What happens to packets that no rule of the tree decides.
    fn undecided(&mut self, chain: ChainId, test: &str) {
        let (comment, target) = match self.exits {
            Exits::Final => ("no rule here".to_owned(), Target::Return),
            Exits::Returning { finish: _ } => (
                comment::of(self.context.plan, self.policy.default_id()),
                self.exits.target(self.policy.default()),
            ),
        };
        self.table.rule(chain, &[test], &comment, target);
    }
}

impl Place {
    /// The tests for a part, any of which may pass; an empty one for all the rest.
    fn tests(&self, piece: &Piece) -> Vec<String> {
        let addresses = |option: &str, here: &PrefixSet| {
            here.prefixes().iter().map(|prefix| format!("{option} {prefix}")).collect()
        };
        match piece {
            Piece::Protocol(protocol) => vec![format!("-p {}", matching::word(*protocol))],
            Piece::Ports(end, first, last) => {
                let option = match end {
                    End::Source => "--sport",
                    End::Destination => "--dport",
                };
                let name = self.protocol.map_or_else(String::new, matching::word);
                vec![match (*first, *last) {
                    (first, last) if first == last => format!("-p {name} -m {name} {option} {first}"),
                    // `--dport 0:65535` is saved as no port test at all.
                    (0, u16::MAX) => format!("-p {name} -m multiport {option}s 0:65535"),
                    (first, last) => format!("-p {name} -m {name} {option} {first}:{last}"),
                }]
            }
            Piece::Addresses(End::Source, here) => addresses("-s", here),
            Piece::Addresses(End::Destination, here) => addresses("-d", here),
            Piece::OtherProtocols(_) | Piece::NoPorts | Piece::OtherAddresses(..) => vec![String::new()],
        }
    }

    fn within(&self, piece: &Piece) -> Self {
        let mut part = self.clone();
        let [protocol, to, from, source, destination] = &mut part.words;
        let address = |end| match end {
            End::Source => (source, "/"),
            End::Destination => (destination, "/to:"),
        };
        match piece {
            Piece::Protocol(only) => {
                *protocol = matching::word(*only);
                part.protocol = Some(*only);
            }
            Piece::OtherProtocols(_) => *protocol = "other".to_owned(),
            Piece::Ports(End::Destination, first, last) => *to = format!(":{}", range(*first, *last)),
            Piece::Ports(End::Source, first, last) => *from = format!(":from:{}", range(*first, *last)),
            Piece::NoPorts => *to = ":none".to_owned(),
            Piece::Addresses(end, here) => {
                let (word, mark) = address(*end);
                let prefixes: Vec<String> = here.prefixes().iter().map(ToString::to_string).collect();
                *word = format!("{mark}{}", prefixes.join(","));
            }
            Piece::OtherAddresses(end, _) => {
                let (word, mark) = address(*end);
                *word = format!("{word}{mark}other");
            }
        }
        part
    }

    fn label(&self) -> String {
        self.words.concat()
    }
}

fn range(first: u16, last: u16) -> String {
    if first == last { first.to_string() } else { format!("{first}-{last}") }
}
