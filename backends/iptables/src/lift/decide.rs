//! The interpreter: a packet's way through the chains.

use palisade_ir::{LiftedDecision, Packet, Traversal, Verdict};

use super::ast::{Asks, ChainAt, End, Filter, Rule, Ruleset, Target, Test};

/// A verdict and the rule that gave it.
struct Decided<'a> {
    verdict: Verdict,
    rule: &'a Rule,
}

/// A packet on its way.
struct Walk<'a> {
    filter: &'a Filter,
    packet: &'a Packet,
    at: &'a Traversal,
    logged: bool,
}

/// What the ruleset does to a packet. Where nothing is attached to the hook, or nothing decides and there is no
/// policy, the packet passes.
pub(super) fn decide(ruleset: &Ruleset, packet: &Packet, at: &Traversal) -> LiftedDecision {
    let filter = ruleset.filter(packet.family());
    let mut walk = Walk { filter, packet, at, logged: false };
    let mut policy = None;
    for hook in filter.hooks.iter().filter(|hook| hook.hook == at.hook) {
        if let Some(Decided { verdict, rule }) = walk.chain(hook.chain) {
            let (logged, line, comment) = (walk.logged, Some(rule.line), rule.comment.clone());
            return LiftedDecision { verdict, logged, line, comment };
        }
        let chain = filter.chain(hook.chain);
        policy = policy.or(chain.and_then(|chain| Some((chain.policy?, chain.line))));
    }
    let (verdict, line) = policy.map_or((Verdict::Allow, None), |(verdict, line)| (verdict, Some(line)));
    LiftedDecision { verdict, logged: walk.logged, line, comment: None }
}

impl<'a> Walk<'a> {
    /// `None` when the chain ends, or returns, without a verdict. Chains never reach themselves, so this ends.
    fn chain(&mut self, at: ChainAt) -> Option<Decided<'a>> {
        let filter = self.filter;
        for rule in &filter.chain(at)?.rules {
            if !rule.tests.iter().all(|test| self.holds(test)) {
                continue;
            }
            match rule.target {
                Target::Accept => return Some(Decided { verdict: Verdict::Allow, rule }),
                Target::Drop => return Some(Decided { verdict: Verdict::Deny, rule }),
                Target::Return => return None,
                Target::Log => self.logged = true,
                Target::Jump(to) => {
                    if let Some(decided) = self.chain(to) {
                        return Some(decided);
                    }
                }
                Target::Goto(to) => return self.chain(to),
                Target::Continue => {}
            }
        }
        None
    }

    fn holds(&self, test: &Test) -> bool {
        let Test { negated, asks } = test;
        match self.answer(asks) {
            Some(answer) => answer != *negated,
            None => false,
        }
    }

    /// `None` where the packet lacks what is asked for: then neither the test nor its negation holds (the kernel's
    /// match functions give up on a packet without the header before they look at the inversion).
    fn answer(&self, asks: &Asks) -> Option<bool> {
        let (packet, at) = (self.packet, self.at);
        let address = |end: &End| match end {
            End::Source => packet.source(),
            End::Destination => packet.destination(),
        };
        let port = |end: &End| match end {
            End::Source => packet.source_port(),
            End::Destination => packet.destination_port(),
        };
        match asks {
            Asks::Protocol(protocol) => Some(packet.protocol() == *protocol),
            Asks::Address(end, net) => Some(net.contains(&address(end))),
            Asks::InSet(end, _, addresses) => Some(addresses.contains(address(end))),
            // Without ports the set's look-up fails, and a negated test of it holds (`match_set` in xt_set.c).
            Asks::InServices(end, port_end, _, services) => {
                let found = |port| services.contains(address(end), packet.protocol(), port);
                Some(port(port_end).is_some_and(found))
            }
            Asks::InInterface(pattern) => Some(interface(at.iif.as_ref().map(|name| name.as_str()), pattern)),
            Asks::OutInterface(pattern) => {
                Some(interface(at.oif.as_ref().map(|name| name.as_str()), pattern))
            }
            Asks::Port(end, ports) => port(end).map(|port| ports.contains(port)),
            Asks::HasPorts => Some(packet.ports().is_some()),
            Asks::State(states) => Some(states.contains(&at.state)),
            Asks::IcmpType(wanted) => at.icmp_type.map(|there| there == *wanted),
            Asks::HopLimit(wanted) => at.hop_limit.map(|there| there == *wanted),
            Asks::RateLimit => Some(true),
        }
    }
}

/// A pattern that ends in `+` matches every name that begins with the rest.
fn interface(name: Option<&str>, pattern: &str) -> bool {
    match (name, pattern.strip_suffix('+')) {
        (None, _) => false,
        (Some(name), Some(head)) => name.starts_with(head),
        (Some(name), None) => name == pattern,
    }
}
