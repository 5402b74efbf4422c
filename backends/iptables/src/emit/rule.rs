//! One policy rule as iptables rules: written out where that is short, through sub-chains where it is not.

use palisade_ir::{EmitError, Outcome, Protocol, Rule, Verdict};

use super::matching::{self, Alternatives, INLINE};
use super::sets::Sets;
use super::table::{ChainId, Table, Target};
use super::{Context, comment, error};

/// More than this is refused where no sub-chain is possible.
const REFUSE: usize = 20_000;

/// What a verdict is in a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exits {
    /// Allow accepts, deny drops: both end the packet's way through the table.
    Final,
    /// Allow returns to where the chain was called from, deny drops.
    Returning {
        /// A chain that finishes the way of what a sub-chain allows, which could return no further than to the
        /// chain that asked. It decides every packet.
        finish: Option<ChainId>,
    },
}

impl Exits {
    /// The target of a verdict.
    pub(super) const fn target(self, verdict: Verdict) -> Target<'static> {
        match (self, verdict) {
            (_, Verdict::Deny) => Target::Drop,
            (Exits::Final, Verdict::Allow) => Target::Accept,
            (Exits::Returning { finish: _ }, Verdict::Allow) => Target::Return,
        }
    }
}

/// A rule about to be written into a chain.
struct Writer<'t> {
    table: &'t mut Table,
    comment: String,
    /// What sub-chains are called after.
    origin: String,
    /// Set when the rule logs.
    log_prefix: Option<String>,
    verdict: Target<'static>,
}

/// Writes a rule into a chain.
pub(super) fn write(
    context: &Context<'_>,
    sets: &mut Sets,
    table: &mut Table,
    chain: ChainId,
    rule: &Rule,
    exits: Exits,
) -> Result<(), EmitError> {
    let Rule { matches, outcome, rank: _, origin } = rule;
    if matches.family() != context.family {
        return Ok(());
    }
    let alternatives = matching::alternatives(matches, context, sets)?;
    let words = comment::origin(context.plan, origin);
    let Outcome { verdict, log } = *outcome;
    let mut writer = Writer {
        table,
        comment: origin.ids().first().map_or_else(String::new, |id| comment::of(context.plan, *id)),
        log_prefix: log.then(|| comment::log_prefix(*outcome, &words)),
        origin: words,
        verdict: exits.target(verdict),
    };
    // A RETURN inside a sub-chain would only come back to the next rule of this chain.
    match (exits, verdict) {
        (Exits::Final, _) | (_, Verdict::Deny) => writer.nested(chain, alternatives),
        (Exits::Returning { finish }, Verdict::Allow) => writer.flat(chain, alternatives, finish),
    }
}

impl Writer<'_> {
    /// Every combination as a rule of its own.
    fn flat(
        &mut self,
        chain: ChainId,
        alternatives: Alternatives,
        finish: Option<ChainId>,
    ) -> Result<(), EmitError> {
        let Alternatives { sources, destinations, transports, except } = alternatives;
        let fields = [sources, destinations, transports];
        let count = product(&fields);
        if count > REFUSE {
            return Err(error::too_many_rules(&self.origin, count));
        }
        if except.is_empty() {
            combinations(&fields).for_each(|tests| self.verdict(chain, &tests));
            return Ok(());
        }
        let finish = finish.ok_or_else(|| error::protocol_zero(&self.origin))?;
        self.verdict = Target::Goto(finish);
        let last = self.verdict_chain(chain, &except)?;
        combinations(&fields).for_each(|tests| self.jump(chain, &tests, last));
        Ok(())
    }

    /// A sub-chain per field with many alternatives, and one for the verdict where that takes several rules.
    ///
    /// Sub-chains are entered by one jump and then by gotos, so whatever no alternative matches comes back to the
    /// rule after the jump.
    fn nested(&mut self, chain: ChainId, alternatives: Alternatives) -> Result<(), EmitError> {
        let Alternatives { sources, destinations, transports, except } = alternatives;
        let fields = [sources, destinations, transports];
        let count = product(&fields);
        let several = !except.is_empty() || (self.log_prefix.is_some() && count > 1);
        let last = if several { Some(self.verdict_chain(chain, &except)?) } else { None };
        if count > INLINE {
            return self.levels(chain, fields, last);
        }
        for tests in combinations(&fields) {
            match last {
                Some(last) => self.jump(chain, &tests, last),
                None => self.verdict(chain, &tests),
            }
        }
        Ok(())
    }

    /// The chain that has the verdict: what it excepts returns, the rest is logged and decided.
    fn verdict_chain(&mut self, of: ChainId, except: &[Protocol]) -> Result<ChainId, EmitError> {
        let last = self.table.sub_chain(of, &self.origin)?;
        for protocol in except {
            let test = format!("-p {}", matching::word(*protocol));
            self.table.rule(last, &[test], &self.comment, Target::Return);
        }
        self.verdict::<&str>(last, &[]);
        Ok(last)
    }

    /// One sub-chain per field that has several alternatives, the shortest first.
    fn levels(
        &mut self,
        chain: ChainId,
        fields: [Vec<String>; 3],
        last: Option<ChainId>,
    ) -> Result<(), EmitError> {
        let (head, mut many): (Vec<_>, Vec<_>) = fields.into_iter().partition(|field| field.len() == 1);
        many.sort_by_key(Vec::len);
        let first = self.table.sub_chain(chain, &self.origin)?;
        self.table.rule(chain, &head.concat(), &self.comment, Target::Jump(first));
        let mut at = first;
        let depth = many.len();
        for (level, field) in many.into_iter().enumerate() {
            let next = match last {
                _ if level + 1 < depth => Some(self.table.sub_chain(chain, &self.origin)?),
                last => last,
            };
            for test in field {
                match next {
                    Some(next) => self.table.rule(at, &[test], &self.comment, Target::Goto(next)),
                    None => self.verdict(at, &[test]),
                }
            }
            at = next.unwrap_or(at);
        }
        Ok(())
    }

    fn jump(&mut self, chain: ChainId, tests: &[&str], to: ChainId) {
        self.table.rule(chain, tests, &self.comment, Target::Jump(to));
    }

    /// The log rule where one is wanted, then the verdict, which no rate limit touches.
    fn verdict<S: AsRef<str>>(&mut self, chain: ChainId, tests: &[S]) {
        if let Some(prefix) = &self.log_prefix {
            self.table.rule(chain, tests, &self.comment, Target::Log(prefix));
        }
        self.table.rule(chain, tests, &self.comment, self.verdict);
    }
}

fn product(fields: &[Vec<String>; 3]) -> usize {
    fields.iter().fold(1, |count, field| count.saturating_mul(field.len()))
}

fn combinations(fields: &[Vec<String>; 3]) -> impl Iterator<Item = [&str; 3]> {
    let [sources, destinations, transports] = fields;
    sources.iter().flat_map(move |source| {
        destinations.iter().flat_map(move |destination| {
            transports
                .iter()
                .map(move |transport| [source.as_str(), destination.as_str(), transport.as_str()])
        })
    })
}
