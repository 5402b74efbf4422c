//! The filter table of one family as text: chains in order of declaration, each with its rules.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use palisade_ir::{EmitError, Verdict};

use super::name::Names;
use crate::CHAIN_NAME_BYTES;

/// An own chain of a [`Table`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ChainId(usize);

/// Where a packet that passes the tests goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target<'a> {
    /// `-j ACCEPT`
    Accept,
    /// `-j DROP`
    Drop,
    /// `-j RETURN`: back to the rule after the last jump.
    Return,
    /// `-j LOG` with a prefix, rate limited; the packet goes on to the next rule.
    Log(&'a str),
    /// `-j` to a chain, and on here where that chain does not decide.
    Jump(ChainId),
    /// `-g` to a chain: where that does not decide, on after the last jump.
    Goto(ChainId),
}

struct Chain {
    name: String,
    /// The policy of a built-in chain.
    policy: Option<Verdict>,
    rules: Vec<String>,
}

/// A filter table under construction.
pub(super) struct Table {
    names: Names,
    chains: Vec<Chain>,
    /// How many sub-chains each description has.
    parts: BTreeMap<String, usize>,
}

impl Table {
    /// A table without chains.
    pub(super) const fn new() -> Self {
        Self { names: Names::within(CHAIN_NAME_BYTES), chains: Vec::new(), parts: BTreeMap::new() }
    }

    /// Declares a built-in chain with its policy.
    pub(super) fn built_in(&mut self, name: &str, policy: Verdict) -> ChainId {
        self.push(name.to_owned(), Some(policy))
    }

    /// Declares an own chain.
    pub(super) fn chain(&mut self, full_name: &str) -> Result<ChainId, EmitError> {
        let name = self.names.claim(full_name)?;
        Ok(self.push(name, None))
    }

    /// Declares an own chain that is a part of another, for a rule described in words.
    pub(super) fn sub_chain(&mut self, of: ChainId, words: &str) -> Result<ChainId, EmitError> {
        let parent = self.chains.get(of.0).map_or("", |chain| chain.name.as_str());
        let base = format!("{parent}/{words}");
        let count = self.parts.entry(base.clone()).or_default();
        *count += 1;
        let name = self.names.claim_hashed(&format!("{base}/{count}"))?;
        Ok(self.push(name, None))
    }

    /// Declares an own chain for a part of the packets of another, called after both.
    pub(super) fn part(&mut self, of: ChainId, label: &str) -> Result<ChainId, EmitError> {
        let parent = self.chains.get(of.0).map_or("", |chain| chain.name.as_str());
        let name = self.names.claim(&format!("{parent}/{label}"))?;
        Ok(self.push(name, None))
    }

    fn push(&mut self, name: String, policy: Option<Verdict>) -> ChainId {
        self.chains.push(Chain { name, policy, rules: Vec::new() });
        ChainId(self.chains.len() - 1)
    }

    /// Appends a rule.
    pub(super) fn rule<S: AsRef<str>>(
        &mut self,
        chain: ChainId,
        tests: &[S],
        comment: &str,
        target: Target<'_>,
    ) {
        let name = |at: ChainId| self.chains.get(at.0).map_or("", |chain| chain.name.as_str());
        let mut line = format!("-A {}", name(chain));
        for test in tests.iter().map(AsRef::as_ref).filter(|test| !test.is_empty()) {
            line.push(' ');
            line.push_str(test);
        }
        if let Target::Log(_) = target {
            line.push_str(" -m limit --limit 10/sec --limit-burst 20");
        }
        line.push_str(" -m comment --comment \"");
        line.push_str(comment);
        line.push_str("\" ");
        match target {
            Target::Accept => line.push_str("-j ACCEPT"),
            Target::Drop => line.push_str("-j DROP"),
            Target::Return => line.push_str("-j RETURN"),
            Target::Log(prefix) => {
                line.push_str("-j LOG --log-prefix \"");
                line.push_str(prefix);
                line.push('"');
            }
            Target::Jump(to) => {
                line.push_str("-j ");
                line.push_str(name(to));
            }
            Target::Goto(to) => {
                line.push_str("-g ");
                line.push_str(name(to));
            }
        }
        if let Some(chain) = self.chains.get_mut(chain.0) {
            chain.rules.push(line);
        }
    }

    /// The file: the header as comment lines, the declarations, the rules, the commit.
    pub(super) fn text(&self, header: &str) -> String {
        let mut text = header.to_owned();
        text.push_str("*filter\n");
        for Chain { name, policy, rules: _ } in &self.chains {
            let policy = match policy {
                Some(Verdict::Allow) => "ACCEPT",
                Some(Verdict::Deny) => "DROP",
                None => "-",
            };
            let _ = writeln!(text, ":{name} {policy} [0:0]");
        }
        for Chain { name: _, policy: _, rules } in &self.chains {
            if !rules.is_empty() {
                text.push('\n');
            }
            for rule in rules {
                text.push_str(rule);
                text.push('\n');
            }
        }
        text.push_str("\nCOMMIT\n");
        text
    }
}
