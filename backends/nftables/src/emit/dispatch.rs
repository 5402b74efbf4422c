//! Which chain a packet goes on in: a rule each for a few ways, a named verdict map for many.
//!
//! Never an anonymous verdict map. A reload takes the elements of one out of use a moment before its rule
//! (`nft_map_deactivate`, net/netfilter/nf_tables_api.c), and a packet in between falls through to what follows: under
//! a flood, one denied packet in 65,000 passed. The elements of a named map are old ones or new ones at any moment.

use std::collections::BTreeMap;

/// Up to so many ways, a rule each reads better and costs less than a look-up.
const RULES: usize = 4;

/// A named verdict map.
pub(super) struct MapText {
    /// The type of its keys.
    pub(super) kind: String,
    /// Whether keys may be ranges.
    pub(super) interval: bool,
    /// `key : verdict`, sorted.
    pub(super) elements: Vec<String>,
}

impl MapText {
    /// The chains that ranges lead to. nft 1.0.6 sends the elements of a map of ranges that was declared before ahead of
    /// the chains that come with them, so these have to be declared too.
    pub(super) fn chains(&self) -> impl Iterator<Item = &str> {
        let ranges = self.elements.iter().filter(|_| self.interval);
        ranges.filter_map(|element| {
            let (_, action) = element.rsplit_once(" : ")?;
            action.strip_prefix("jump ").or_else(|| action.strip_prefix("goto "))
        })
    }
}

/// A way: the value of each field, and what happens to packets that have them all.
pub(super) struct Way {
    pub(super) values: Vec<String>,
    pub(super) action: String,
}

/// The named maps needed so far.
#[derive(Default)]
pub(super) struct Dispatcher {
    pub(super) maps: BTreeMap<String, MapText>,
}

impl Dispatcher {
    /// The rules that send packets their ways by some fields. `name` is the map's, `kind` the type of the fields.
    pub(super) fn rules(&mut self, name: &str, kind: &str, fields: &[&str], ways: &[Way]) -> Vec<String> {
        if ways.len() <= RULES {
            return ways.iter().map(|way| plain(fields, way)).collect();
        }
        let elements =
            ways.iter().map(|way| format!("{} : {}", way.values.join(" . "), way.action)).collect();
        self.maps.insert(name.to_owned(), MapText { kind: kind.to_owned(), interval: false, elements });
        vec![format!("{} vmap @{name}", fields.join(" . "))]
    }
}

fn plain(fields: &[&str], Way { values, action }: &Way) -> String {
    let tests: Vec<String> =
        fields.iter().zip(values).map(|(field, value)| format!("{field} {value}")).collect();
    format!("{} {action}", tests.join(" "))
}
