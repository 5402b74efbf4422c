//! Restore files: tables, declarations of chains, rules, commits; and the hook commands a header gives.

use std::collections::BTreeMap;

use palisade_ir::{Family, PacketHook, Verdict};

use super::ast::{AddressSet, Chain, ChainAt, Filter, Hook, Rule, Target};
use super::options::{self, Surroundings};
use super::{BadLine, words};

/// The built-in chains of the filter table.
const BUILT_IN: [(&str, PacketHook); 3] =
    [("INPUT", PacketHook::Input), ("FORWARD", PacketHook::Forward), ("OUTPUT", PacketHook::Output)];

/// The table a line belongs to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Open {
    None,
    Filter,
    /// A table other than filter: fine as long as it does nothing.
    Other,
}

struct Reader<'a> {
    family: Family,
    sets: &'a BTreeMap<String, AddressSet>,
    filter: Filter,
    names: BTreeMap<String, ChainAt>,
    open: Open,
    seen_filter: bool,
    /// Commands of the header: line, built-in chain, own chain.
    hooks: Vec<(usize, String, String)>,
}

/// The filter table a file declares.
pub(super) fn read(
    text: &str,
    family: Family,
    sets: &BTreeMap<String, AddressSet>,
) -> Result<Filter, BadLine> {
    let mut reader = Reader {
        family,
        sets,
        filter: Filter::default(),
        names: BTreeMap::new(),
        open: Open::None,
        seen_filter: false,
        hooks: Vec::new(),
    };
    let mut lines = 0;
    for (at, line) in text.split('\n').enumerate() {
        lines = at + 1;
        reader.line(lines, line).map_err(|message| BadLine::new(lines, message))?;
    }
    if reader.open != Open::None {
        return Err(BadLine::new(lines, "the table has no COMMIT"));
    }
    reader.attach()?;
    refuse_loops(&reader.filter)?;
    Ok(reader.filter)
}

impl Reader<'_> {
    fn line(&mut self, at: usize, line: &str) -> Result<(), String> {
        if line.contains('\r') {
            return Err("a carriage return".to_owned());
        }
        match (line.chars().next(), self.open) {
            (None, _) => Ok(()),
            (Some('#'), _) => {
                self.hooks.extend(hook_command(line, self.family).map(|(hook, chain)| (at, hook, chain)));
                Ok(())
            }
            (Some('*'), Open::None) => self.table(line.trim_start_matches('*').trim_end()),
            (Some(':'), Open::Filter) => self.declaration(at, line.trim_start_matches(':')),
            (Some(':'), Open::Other) if line.contains(" ACCEPT ") => Ok(()),
            (Some('-' | '['), Open::Filter) => self.rule(at, line),
            (Some(_), Open::Filter | Open::Other) if line.trim_end() == "COMMIT" => {
                self.open = Open::None;
                Ok(())
            }
            (Some(_), Open::Other) => Err("only the filter table may do anything".to_owned()),
            (Some(_), Open::None | Open::Filter) => {
                Err(format!("a line this reader does not know: `{line}`"))
            }
        }
    }

    fn table(&mut self, name: &str) -> Result<(), String> {
        self.open = match name {
            "filter" if self.seen_filter => return Err("the filter table is there twice".to_owned()),
            "filter" => Open::Filter,
            "raw" | "mangle" | "nat" | "security" => Open::Other,
            other => return Err(format!("there is no table `{other}`")),
        };
        self.seen_filter |= name == "filter";
        Ok(())
    }

    /// `NAME POLICY [packets:bytes]`
    fn declaration(&mut self, line: usize, text: &str) -> Result<(), String> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let (name, policy) = match words.as_slice() {
            [name, policy] => (*name, *policy),
            [name, policy, counters] if is_counters(counters) => (*name, *policy),
            _ => return Err("not `:CHAIN POLICY [0:0]`".to_owned()),
        };
        let hook = BUILT_IN.iter().find(|(known, _)| *known == name).map(|(_, hook)| *hook);
        let policy = match (hook, policy) {
            (Some(_), "ACCEPT") => Some(Verdict::Allow),
            (Some(_), "DROP") => Some(Verdict::Deny),
            (None, "-") => None,
            (_, other) => return Err(format!("`{name}` cannot have the policy `{other}`")),
        };
        let at = ChainAt(self.filter.chains.len());
        if self.names.insert(name.to_owned(), at).is_some() {
            return Err(format!("chain `{name}` is declared twice"));
        }
        self.filter.hooks.extend(hook.map(|hook| Hook { hook, chain: at }));
        self.filter.chains.push(Chain { name: name.to_owned(), line, policy, rules: Vec::new() });
        Ok(())
    }

    /// `[packets:bytes] -A CHAIN tests target`
    fn rule(&mut self, line: usize, text: &str) -> Result<(), String> {
        let words = words::split(text)?;
        let mut rest = words.as_slice();
        if let [counters, after @ ..] = rest
            && is_counters(counters)
        {
            rest = after;
        }
        let [append, chain, rest @ ..] = rest else { return Err("not a rule".to_owned()) };
        if append != "-A" && append != "--append" {
            return Err(format!("a command this reader does not know: `{append}`"));
        }
        let at = *self.names.get(chain).ok_or_else(|| format!("chain `{chain}` is not declared"))?;
        let around = Surroundings { family: self.family, sets: self.sets, chains: &self.names };
        let (tests, target, comment) = options::read(rest, &around)?;
        if let Target::Jump(to) | Target::Goto(to) = target
            && self.filter.chain(to).is_some_and(|chain| chain.policy.is_some())
        {
            return Err("a jump to a built-in chain".to_owned());
        }
        if let Some(chain) = self.filter.chains.get_mut(at.0) {
            chain.rules.push(Rule { line, tests, target, comment });
        }
        Ok(())
    }

    /// Leads packets into own chains as if the header's commands were run: `-I` puts each before what is there.
    fn attach(&mut self) -> Result<(), BadLine> {
        for (line, hook, chain) in std::mem::take(&mut self.hooks) {
            let bad = |what: &str| BadLine::new(line, format!("the header's command names `{what}`"));
            let (_, packet_hook) =
                BUILT_IN.iter().find(|(known, _)| *known == hook).ok_or_else(|| bad(&hook))?;
            let entry = *self.names.get(&chain).ok_or_else(|| bad(&chain))?;
            let there = self.names.get(&hook).and_then(|at| self.filter.chain(*at)).is_some_and(|built_in| {
                built_in.rules.iter().any(|rule| rule.tests.is_empty() && rule.target == Target::Jump(entry))
            });
            if !there {
                self.filter.hooks.insert(0, Hook { hook: *packet_hook, chain: entry });
            }
        }
        Ok(())
    }
}

fn is_counters(word: &str) -> bool {
    let number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let inner = word.strip_prefix('[').and_then(|word| word.strip_suffix(']'));
    inner.and_then(|inner| inner.split_once(':')).is_some_and(|(one, two)| number(one) && number(two))
}

/// The chains of `iptables -C HOOK -j CHAIN 2>/dev/null || iptables -I HOOK -j CHAIN` in a comment.
fn hook_command(line: &str, family: Family) -> Option<(String, String)> {
    let own = match family {
        Family::V4 => "iptables",
        Family::V6 => "ip6tables",
    };
    let words: Vec<&str> = line.split_whitespace().collect();
    match words.as_slice() {
        [
            "#",
            check,
            "-C",
            hook,
            "-j",
            chain,
            "2>/dev/null",
            "||",
            insert,
            "-I",
            hook_again,
            "-j",
            chain_again,
        ] if [check, insert] == [&own, &own] && hook == hook_again && chain == chain_again => {
            Some(((*hook).to_owned(), (*chain).to_owned()))
        }
        _ => None,
    }
}

/// The kernel refuses a table in which a chain reaches itself.
fn refuse_loops(filter: &Filter) -> Result<(), BadLine> {
    // Chains that reach no loop, found by taking away what leads to such chains only.
    let mut fine = vec![false; filter.chains.len()];
    let is_fine = |fine: &[bool], at: &ChainAt| fine.get(at.0).copied().unwrap_or(false);
    loop {
        let mut changed = false;
        for (at, chain) in filter.chains.iter().enumerate() {
            let leads = chain.rules.iter().all(|rule| match rule.target {
                Target::Jump(to) | Target::Goto(to) => is_fine(&fine, &to),
                Target::Accept | Target::Drop | Target::Return | Target::Log | Target::Continue => true,
            });
            if let Some(mark) = fine.get_mut(at)
                && !*mark
                && leads
            {
                *mark = true;
                changed = true;
            }
        }
        if !changed {
            break;
        }
    }
    match filter.chains.iter().zip(&fine).find(|(_, fine)| !**fine) {
        Some((chain, _)) => {
            Err(BadLine::new(chain.line, format!("chain `{}` leads into a loop", chain.name)))
        }
        None => Ok(()),
    }
}
