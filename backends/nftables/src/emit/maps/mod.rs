//! A long chain as look-ups: verdict maps that lead to the few rules of a service or prefix.
//!
//! What a leaf does not decide comes back behind the look-up that led there: by itself where an allowed packet is
//! accepted (`jump` and the end of the chain), and by a named chain where allowing means to return (the out rules on a
//! gateway), since a chain cannot tell two kinds of coming back apart.

mod cost;
mod leaf;
mod look_up;
mod shared;
mod tree;
mod words;

use std::borrow::Cow;
use std::collections::BTreeMap;

use palisade_ir::layout::{Block, Layout, Leaf, Lookup, PeerEnd, plan};
use palisade_ir::{Chain, EmitError, Style};

use super::dispatch::MapText;
use super::file::ChainText;
use super::names::{self, Taken};
use super::rule::Writer;
use super::{session, text};

use self::tree::Trees;

/// Up to so many ways, a rule each reads better and costs no more than a look-up.
const WAYS: usize = 3;
/// Up to so many entries, a rule for each outcome reads better and costs no more than a look-up.
const ENTRIES: usize = 3;
/// The most chains below one another. The kernel refuses 16, `goto` counting like `jump` (NFT_JUMP_STACK_SIZE,
/// nf_tables.h), and some of them lead to this one.
const DEPTH: usize = 10;
/// Up to so many rules cost less one by one, whatever they are.
const FEW: usize = 16;

/// What a chain became.
#[derive(Default)]
pub(super) struct Arranged {
    pub(super) lines: Vec<String>,
    pub(super) chains: Vec<ChainText>,
    pub(super) maps: BTreeMap<String, MapText>,
}

/// The chain of a NIC with the chains it leads to, in the style wanted; maps go to `maps`. `allow` is what an allowed
/// packet does next.
pub(super) fn chains(
    writer: &mut Writer<'_>,
    maps: &mut BTreeMap<String, MapText>,
    style: Style,
    note: String,
    name: String,
    chain: &Chain,
    allow: &str,
) -> Result<Vec<ChainText>, EmitError> {
    let mut lines = session::rules(writer.plan.session_timeout);
    let mut chains = Vec::new();
    if style == Style::Rules {
        writer.sets.name_services();
    }
    let arranged = match choose(writer, style, chain, allow) {
        Way::List(chain) => {
            let lines = writer.chain(&chain, allow)?;
            Arranged { lines, ..Arranged::default() }
        }
        Way::Blocks(arranged) => write(writer, &name, chain, &arranged, allow)?,
        Way::Tree(chain, trees) => trees.write(writer, &name, &chain, allow)?,
    };
    let Arranged { lines: own, chains: leaves, maps: own_maps } = arranged;
    lines.extend(own);
    chains.extend(leaves);
    maps.extend(own_maps);
    chains.insert(0, ChainText { note: Some(note), name, base: None, lines });
    Ok(chains)
}

/// How a chain is written, with the chain whose rules are wanted.
enum Way<'a> {
    List(Cow<'a, Chain>),
    Blocks((Layout, PeerEnd)),
    Tree(Cow<'a, Chain>, Trees),
}

fn choose<'a>(writer: &Writer<'_>, style: Style, chain: &'a Chain, allow: &str) -> Way<'a> {
    let blocks = || Some(plan(chain.apart())).filter(|(layout, _)| depth(layout, allow) <= DEPTH);
    match style {
        // Who asks for rules wants each of them where a change of it shows; else joined ones read better.
        Style::Rules => Way::List(Cow::Borrowed(chain.apart())),
        Style::Maps => blocks().map_or_else(|| Way::List(chain.joined()), Way::Blocks),
        Style::Tree => {
            let joined = chain.joined();
            match Trees::of(writer, &joined, true) {
                Some(trees) => Way::Tree(joined, trees),
                None => Way::List(joined),
            }
        }
        // Who counts rule by rule wants to see the rules.
        Style::Auto if writer.counters || chain.rules().len() <= FEW => Way::List(chain.joined()),
        Style::Auto => cheapest(writer, chain, blocks()),
    }
}

fn cheapest<'a>(writer: &Writer<'_>, chain: &'a Chain, blocks: Option<(Layout, PeerEnd)>) -> Way<'a> {
    let blocks = blocks.map(|blocks| (cost::arranged(&blocks.0), blocks));
    let blocks = match blocks {
        // Rules that stay many are dear as a list, so nobody needs to know how many they are.
        Some((cost, blocks)) if cost <= cost::CHEAP && chain.joins_later() => return Way::Blocks(blocks),
        blocks => blocks,
    };
    let joined = chain.joined();
    let list = cost::list(&joined);
    let blocks = blocks.filter(|(cost, _)| cost::pays(*cost, list));
    let cost = blocks.as_ref().map_or(list, |(cost, _)| *cost);
    // Blocks copy no rule, and an edit of one stays small; a tree copies rules, and is for chains that it makes cheap.
    let cheap = |trees: &Trees| trees.cost() <= cost::CHEAP && cost::pays(trees.cost(), cost);
    let trees = if cost > cost::CHEAP { Trees::of(writer, &joined, false).filter(cheap) } else { None };
    match (trees, blocks) {
        (Some(trees), _) => Way::Tree(joined, trees),
        (None, Some((_, blocks))) => Way::Blocks(blocks),
        (None, None) => Way::List(joined),
    }
}

/// A chain being written.
struct Arranger<'a, 'b> {
    writer: &'b mut Writer<'a>,
    /// The name of the chain.
    base: &'b str,
    end: PeerEnd,
    /// What an allowed packet does next.
    allow: &'b str,
    taken: Taken,
    out: Arranged,
}

/// One look-up with its leaves; leaves that are tested in turn are a step each.
struct Step<'a> {
    front: bool,
    lookup: Lookup,
    layer: usize,
    leaves: &'a [Leaf],
}

/// Writes an arranged chain under a name. `allow` is what an allowed packet does next (`accept`, `return`).
pub(super) fn write(
    writer: &mut Writer<'_>,
    base: &str,
    chain: &Chain,
    (layout, end): &(Layout, PeerEnd),
    allow: &str,
) -> Result<Arranged, EmitError> {
    let comment = text::comment(writer.plan, &[chain.default_id()]);
    let last = writer.verdict("", chain.default(), allow, &comment);
    let mut arranger =
        Arranger { writer, base, end: *end, allow, taken: Taken::default(), out: Arranged::default() };
    let steps = steps(layout);
    let lines = if allow == "return" {
        // From the last on: each step names the chain of what follows.
        let mut rest = vec![last];
        for step in steps.iter().rev() {
            rest = arranger.before(step, rest)?;
        }
        rest
    } else {
        let mut lines = Vec::new();
        for step in &steps {
            lines.extend(arranger.step(step, None)?);
        }
        lines.push(last);
        lines
    };
    let Arranged { chains, maps, lines: _ } = arranger.out;
    Ok(Arranged { lines, chains, maps })
}

/// How many chains may lie below one another: leaves of prefixes within prefixes, and where packets cannot come back, each
/// step below the one before it.
fn depth(layout: &Layout, allow: &str) -> usize {
    let within = |leaves: &[Leaf], leaf: &Leaf| {
        let outer = |leaf: &&Leaf| leaf.parent.and_then(|parent| leaves.get(parent));
        std::iter::successors(Some(leaf), outer).count()
    };
    let deepest = |block: &Block| block.leaves.iter().map(|leaf| within(&block.leaves, leaf)).max();
    let nested = layout.blocks.iter().filter_map(deepest).max().unwrap_or(0);
    if allow == "return" { steps(layout).len() + nested } else { nested }
}

fn steps(layout: &Layout) -> Vec<Step<'_>> {
    let mut steps = Vec::new();
    let mut layers: BTreeMap<Lookup, usize> = BTreeMap::new();
    for Block { front, lookup, leaves } in &layout.blocks {
        let layer = layers.entry(*lookup).or_default();
        *layer += 1;
        let (front, lookup, layer) = (*front, *lookup, *layer);
        match lookup {
            Lookup::Service => {
                steps.extend(leaves.chunks(1).map(|leaves| Step { front, lookup, layer, leaves }));
            }
            _ => steps.push(Step { front, lookup, layer, leaves }),
        }
    }
    steps
}

impl Arranger<'_, '_> {
    /// A step in front of what follows, which becomes a chain of its own when packets come back to it.
    fn before(&mut self, step: &Step<'_>, rest: Vec<String>) -> Result<Vec<String>, EmitError> {
        if let [leaf] = step.leaves
            && let Some(mut lines) = self.in_line(step, leaf)?
        {
            lines.extend(rest);
            return Ok(lines);
        }
        let name = names::shorten(format!("{}/after-{}", self.base, self.label(step)));
        self.taken.claim(&name, "after")?;
        let mut lines = self.step(step, Some(&name))?;
        lines.push(format!("goto {name}"));
        self.out.chains.push(ChainText { note: None, name, base: None, lines: rest });
        Ok(lines)
    }

    /// The lines of a step; what its leaves do not decide goes to the chain `next`, or comes back.
    fn step(&mut self, step: &Step<'_>, next: Option<&str>) -> Result<Vec<String>, EmitError> {
        let Step { front: _, lookup, layer: _, leaves } = step;
        if let [leaf] = *leaves
            && let Some(lines) = self.in_line(step, leaf)?
        {
            return Ok(lines);
        }
        let services = shared::names(self.writer.plan, *lookup, leaves);
        let name = |leaf: &Leaf| match services.get(leaf.items.as_slice()) {
            Some(service) => names::shorten(format!("{}/{service}", self.base)),
            None => self.name(step, leaf),
        };
        let names: Vec<String> = leaves.iter().map(name).collect();
        let mut written: BTreeMap<&str, String> = BTreeMap::new();
        let mut ways = Vec::new();
        for (leaf, name) in leaves.iter().zip(&names) {
            let parent = leaf.parent.and_then(|parent| names.get(parent));
            let after = parent.map(String::as_str).or(next);
            let action = match written.get(name.as_str()) {
                Some(action) => action.clone(),
                None => self.leaf(leaf, name, after, next.is_some())?,
            };
            written.insert(name, action.clone());
            ways.push((leaf, action));
        }
        self.look_up(step, *lookup, ways)
    }
}
