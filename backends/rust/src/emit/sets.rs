//! Named sets of the policy: a static each, so that a rule reads like its author wrote it.

use std::collections::BTreeMap;

use palisade_ir::{Addresses, Family, NamedSet, Plan};

use super::doc::{Doc, print, slice};
use super::{chain, names, text, values};

/// The sets that the tables of a module use.
pub(super) struct Sets<'a> {
    pub(super) plan: &'a Plan,
    used: BTreeMap<String, (Family, &'a NamedSet)>,
}

impl<'a> Sets<'a> {
    pub(super) const fn new(plan: &'a Plan) -> Self {
        Self { plan, used: BTreeMap::new() }
    }

    /// The path of the static that has exactly these addresses.
    pub(super) fn named(&mut self, addresses: &Addresses) -> Option<String> {
        let Addresses { prefixes, set } = addresses;
        let family = prefixes.family();
        // A reference is a hint; the addresses are the meaning. Where they differ, the addresses win.
        let set = self.plan.sets.get((*set)?.0 as usize).filter(|set| set.family(family) == prefixes)?;
        let name = names::set(set, values::version(family));
        let (_, known) = self.used.entry(name.clone()).or_insert((family, set));
        // Two networks may have groups of one name.
        (known.family(family) == prefixes).then(|| format!("sets::{name}"))
    }

    /// The module of those used.
    pub(super) fn print(&self, out: &mut String) {
        if self.used.is_empty() {
            return;
        }
        out.push_str("/// Sets and groups that rules name.\n#[rustfmt::skip]\nmod sets {\n");
        out.push_str("    #[allow(unused_imports)]\n    use super::{ip, ip6, net, net6};\n");
        for (name, (family, set)) in &self.used {
            out.push('\n');
            let note = set.description.as_deref().map(text::clean).filter(|note| !note.is_empty());
            let note = note.map(|note| format!("    // {}\n", text::cut(&note, text::COMMENT_BYTES)));
            out.push_str(&note.unwrap_or_default());
            let kind = values::kind(*family);
            let before = format!("pub(super) static {name}: &[({kind}, {kind})] = ");
            let ranges: Vec<Doc> = chain::ranges(*family, set.family(*family).ranges());
            print(out, 1, &before, &slice(ranges), ";");
        }
        out.push_str("}\n\n");
    }
}
