//! Leaves: the rules of one service or prefix, and the maps within.

use palisade_ir::layout::{Act, Entry, Field, Item, Key, Leaf, Lookup, MapItem, RuleItem, Service};
use palisade_ir::{EmitError, Outcome, RuleId, Verdict};

use super::super::dispatch::MapText;
use super::super::file::ChainText;
use super::super::rule::{LINE, join};
use super::super::sets::Room;
use super::super::{errors, names, text};
use super::words::{dedup, field_words, is_open, key, service_tests, word_of};
use super::{Arranger, ENTRIES, Step};

impl Arranger<'_, '_> {
    /// A leaf without a look-up that no packet leaves by an exception, as lines of the chain itself.
    pub(super) fn in_line(&mut self, step: &Step<'_>, leaf: &Leaf) -> Result<Option<Vec<String>>, EmitError> {
        let service = match (&leaf.key, step.lookup) {
            (Key::All, _) => Service::all(),
            (Key::Service(service), Lookup::Service) => service.clone(),
            _ => return Ok(None),
        };
        let leaves = |item: &Item| match item {
            Item::Rule(rule) => rule.act == Act::Leave,
            Item::Map(map) => map.entries.iter().any(|entry| entry.act == Act::Leave),
        };
        let short = leaf.items.len() <= 2 || service.is_all();
        if !short || leaf.items.iter().any(leaves) {
            return Ok(None);
        }
        // A map of ports says its protocol itself.
        let by_port = |item: &Item| matches!(item, Item::Map(map) if matches!(map.field, Field::Port(_)));
        let tests = if leaf.items.iter().all(by_port) { String::new() } else { service_tests(&service) };
        let name = self.name(step, leaf);
        self.items(&leaf.items, &tests, &name, None).map(Some)
    }

    /// The chain of a leaf, and how to get there; a verdict where that is all the leaf says.
    pub(super) fn leaf(
        &mut self,
        leaf: &Leaf,
        name: &str,
        after: Option<&str>,
        by_goto: bool,
    ) -> Result<String, EmitError> {
        if let [Item::Rule(RuleItem { matches, both: true, act: Act::Decide(outcome), origin: _ })] =
            leaf.items.as_slice()
            && !outcome.log
            && is_open(matches)
        {
            return Ok(self.word(outcome.verdict).to_owned());
        }
        let mut lines = self.items(&leaf.items, "", name, after)?;
        if let Some(after) = after {
            lines.push(format!("goto {after}"));
        }
        self.taken.claim(name, "leaf")?;
        self.out.chains.push(ChainText { note: None, name: name.to_owned(), base: None, lines });
        Ok([if by_goto { "goto " } else { "jump " }, name].concat())
    }

    fn word(&self, verdict: Verdict) -> &str {
        word(verdict, self.allow)
    }

    pub(super) fn act(&self, act: Act, after: Option<&str>) -> String {
        match (act, after) {
            (Act::Decide(Outcome { verdict, log: _ }), _) => self.word(verdict).to_owned(),
            (Act::Leave, None) => "return".to_owned(),
            (Act::Leave, Some(after)) => format!("goto {after}"),
        }
    }

    /// The rules of a leaf, each behind the same tests.
    fn items(
        &mut self,
        items: &[Item],
        tests: &str,
        name: &str,
        after: Option<&str>,
    ) -> Result<Vec<String>, EmitError> {
        let mut lines = Vec::new();
        for item in items {
            match item {
                Item::Rule(rule) => self.rule(rule, tests, name, after, &mut lines)?,
                Item::Map(map) => self.map(map, tests, name, after, &mut lines)?,
            }
        }
        Ok(lines)
    }

    fn rule(
        &mut self,
        rule: &RuleItem,
        tests: &str,
        name: &str,
        after: Option<&str>,
        lines: &mut Vec<String>,
    ) -> Result<(), EmitError> {
        let RuleItem { matches, both, act, origin } = rule;
        let own = self.writer.tests_within(matches, *both, name)?;
        let tests = join(&[tests, &own]);
        match act {
            Act::Decide(outcome) => self.writer.decision(&tests, *outcome, self.allow, origin, lines),
            Act::Leave => {
                let action = self.act(*act, after);
                let line = join(&[&tests, &action]);
                lines.push(self.commented(line, origin.ids()));
            }
        }
        Ok(())
    }

    fn commented(&self, line: String, ids: &[RuleId]) -> String {
        match text::comment_within(self.writer.plan, ids, LINE.saturating_sub(line.len() + 11)) {
            Some(comment) => format!("{line} comment \"{comment}\""),
            None => line,
        }
    }

    fn map(
        &mut self,
        map: &MapItem,
        tests: &str,
        name: &str,
        after: Option<&str>,
        lines: &mut Vec<String>,
    ) -> Result<(), EmitError> {
        // The kernel takes some overlaps in silence; the first inserted wins then.
        if !map.is_disjoint() {
            return Err(errors::overlap(name));
        }
        let MapItem { field, family, entries } = map;
        let (header, kind, suffix) = field_words(*field, *family);
        let tests = join(&[tests, &header]);
        let mut acts: Vec<Act> = Vec::new();
        for entry in entries {
            if !acts.contains(&entry.act) {
                acts.push(entry.act);
            }
        }
        // A longer list is a map even where all its entries say the same: one that says otherwise is one more line then.
        if entries.len() <= ENTRIES {
            for act in acts {
                let own: Vec<&Entry> = entries.iter().filter(|entry| entry.act == act).collect();
                let keys: Vec<String> = own.iter().map(|entry| key(*field, *family, entry)).collect();
                let action = self.act(act, after);
                let ids: Vec<_> = own.iter().flat_map(|entry| entry.origin.ids()).copied().collect();
                let set = format!("{name}-{suffix}-{}", word_of(act));
                let elements = own
                    .iter()
                    .zip(&keys)
                    .map(|(entry, key)| self.commented(key.clone(), entry.origin.ids()))
                    .collect();
                let list = self.writer.sets.list(&set, kind, &keys, elements, Room::SOME);
                let single = list.starts_with('@');
                let line = join(&[&tests, &list, self.writer.counter(), &action]);
                lines.push(if single { line } else { self.commented(line, &dedup(ids)) });
            }
            return Ok(());
        }
        let full = self.claim_map(&format!("{name}-{suffix}"))?;
        let elements = entries
            .iter()
            .map(|entry| {
                let action = self.act(entry.act, after);
                let key = key(*field, *family, entry);
                let room = LINE.saturating_sub(key.len() + action.len() + 14);
                match text::comment_within(self.writer.plan, entry.origin.ids(), room) {
                    Some(comment) => format!("{key} comment \"{comment}\" : {action}"),
                    None => format!("{key} : {action}"),
                }
            })
            .collect();
        self.out.maps.insert(full.clone(), MapText { kind: kind.to_owned(), interval: true, elements });
        lines.push(format!("{tests} vmap @{full}"));
        Ok(())
    }

    /// A name for a map that no other has: a leaf may need several of one field.
    fn claim_map(&mut self, name: &str) -> Result<String, EmitError> {
        let mut full = names::shorten(name.to_owned());
        let mut number = 1_u32;
        while self.out.maps.contains_key(&full) {
            number += 1;
            full = names::shorten(format!("{name}-{number}"));
        }
        self.taken.claim(&full, "map")?;
        Ok(full)
    }
}

/// What happens at a verdict.
pub(super) const fn word(verdict: Verdict, allow: &str) -> &str {
    match verdict {
        Verdict::Allow => allow,
        Verdict::Deny => "drop",
    }
}
