//! What must happen to packets at a placement, as a program: the prelude that was asked for, sessions, and which NIC's
//! chain has the say. Written from the meaning of placements, not from any backend.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use palisade_ir::decide::Budget;
use palisade_ir::symbolic::{Act, Asks, Block, Condition, Program, Step, run};
use palisade_ir::{
    Chain, ConnState, Direction, Family, Ifname, InstanceId, NicPlan, NicRef, Options, Outcome, Packet,
    PacketHook, Placement, Plan, Prelude, Protocol, Ranges, Region, Rule, RuleId, Traversal, Verdict,
};

/// The policy at a placement, for packets of one family.
pub(super) struct Policy<'a> {
    /// The program; its first blocks are the chains of the NICs.
    pub(super) program: Program,
    /// The chains behind those blocks.
    chains: Vec<&'a Chain>,
    options: &'a Options,
}

impl<'a> Policy<'a> {
    pub(super) fn new(plan: &'a Plan, options: &'a Options, family: Family) -> Self {
        let program = Program { family, blocks: Vec::new(), entries: Vec::new() };
        let mut policy = Self { program, chains: Vec::new(), options };
        match options.placement {
            Placement::Host(instance) => policy.host(plan, instance),
            Placement::Gateway => policy.gateway(plan),
        }
        policy
    }

    const fn family(&self) -> Family {
        self.program.family
    }

    fn full(&self) -> Region {
        Region::full(self.family())
    }

    /// How many chains of NICs there are.
    pub(super) fn chains(&self) -> usize {
        self.chains.len()
    }

    /// Per block whether it is the chain of a NIC.
    pub(super) fn closed(&self) -> Vec<bool> {
        (0..self.program.blocks.len()).map(|block| block < self.chains.len()).collect()
    }

    /// The chain of a NIC behind a block, without the rules of the other family.
    pub(super) fn chain(&self, block: usize) -> Option<Chain> {
        let chain = self.chains.get(block)?;
        let own = |rule: &&Rule| rule.matches.family() == self.family();
        let rules = chain.rules().iter().filter(own).cloned().collect();
        Some(Chain::from_ordered(rules, chain.default(), chain.default_id()))
    }

    /// By hook, steps for the packets of which the policy does not say what happens to them.
    ///
    /// It does not say what is forwarded on a host that closes what it does not manage, and which family's icmp errors
    /// the other family may carry (there are none).
    pub(super) fn unasked(&self) -> Vec<(PacketHook, Vec<Step>)> {
        let host = matches!(self.options.placement, Placement::Host(_));
        let foreign = match self.family() {
            Family::V4 => Protocol::ICMPV6,
            Family::V6 => Protocol::ICMP,
        };
        let on = |states: &[ConnState]| Condition::new(Asks::State(states.to_vec()));
        let skip = |guard: Region, conditions| Step { guard, conditions, act: Act::Return };
        let errors = self.full().with_protocols(&one(foreign.0));
        let errors = errors.map(|guard| skip(guard, vec![on(&[ConnState::Related])]));
        let mut unasked: Vec<(PacketHook, Vec<Step>)> =
            [PacketHook::Input, PacketHook::Output, PacketHook::Forward]
                .map(|hook| (hook, errors.iter().cloned().collect()))
                .into();
        if host
            && self.options.unmanaged == Verdict::Deny
            && let Some((_, forward)) = unasked.last_mut()
        {
            forward.push(skip(self.full(), Vec::new()));
        }
        unasked
    }

    /// The rules that decide a packet on a way, as far as a NIC has a say.
    pub(super) fn deciders(&self, at: &Traversal, packet: &Packet) -> Vec<RuleId> {
        let point = Region::point(packet);
        let leaves =
            run(&self.program, at, &point, &self.closed(), &mut Budget::default()).unwrap_or_default();
        let mut ids = Vec::new();
        for chain in leaves.iter().flat_map(|leaf| &leaf.calls).filter_map(|block| self.chains.get(*block)) {
            let decision = chain.decide(packet);
            ids.push(decision.id);
            if decision.outcome.verdict == Verdict::Deny {
                break;
            }
        }
        ids
    }

    /// Adds the chain of a NIC; what it allows goes on as `allow` says.
    fn nic_block(&mut self, chain: &'a Chain, allow: Act) -> usize {
        let act = |verdict| match verdict {
            Verdict::Allow => allow,
            Verdict::Deny => Act::Decide(Verdict::Deny),
        };
        let mut steps = Vec::new();
        for rule in chain.rules().iter().filter(|rule| rule.matches.family() == self.family()) {
            let Outcome { verdict, log } = rule.outcome;
            let guard = Region::of(&rule.matches);
            steps.extend(log.then(|| Step::new(guard.clone(), Act::Log)));
            steps.push(Step::new(guard, act(verdict)));
        }
        steps.push(Step::new(self.full(), act(chain.default())));
        self.chains.push(chain);
        self.program.blocks.push(Block { steps });
        self.program.blocks.len() - 1
    }

    fn enter(&mut self, hook: PacketHook, steps: Vec<Step>) {
        self.program.entries.push((hook, self.program.blocks.len()));
        self.program.blocks.push(Block { steps });
    }

    fn host(&mut self, plan: &'a Plan, instance: InstanceId) {
        let nics = plan.instances.get(instance.0 as usize).map_or(&[][..], |instance| &instance.nics);
        let allow = Act::Decide(Verdict::Allow);
        let chains: Vec<[usize; 2]> = nics
            .iter()
            .map(|nic| [self.nic_block(&nic.ingress, allow), self.nic_block(&nic.egress, allow)])
            .collect();
        for (direction, hook) in [(Direction::In, PacketHook::Input), (Direction::Out, PacketHook::Output)] {
            let mut steps = self.prelude(direction);
            let targets = chains.iter().map(|[ingress, egress]| match direction {
                Direction::In => *ingress,
                Direction::Out => *egress,
            });
            let targets: Vec<(&NicPlan, usize)> = nics.iter().zip(targets).collect();
            for (nic, chain) in &targets {
                let shared = |address: &IpAddr| {
                    nics.iter().filter(|other| other.addresses.contains(address)).count() > 1
                };
                let own = addresses(self.family(), nic.addresses.iter().filter(|address| !shared(address)));
                let guard = match direction {
                    Direction::In => self.full().with_destination(&own),
                    Direction::Out => self.full().with_source(&own),
                };
                steps.extend(guard.map(|guard| Step::new(guard, Act::Goto(*chain))));
            }
            for (nic, chain) in targets {
                steps.push(self.by(direction, [&nic.interface], false, self.full(), Act::Goto(chain)));
            }
            steps.push(Step::new(self.full(), Act::Decide(self.options.unmanaged)));
            self.enter(hook, steps);
        }
    }

    /// A step for packets that come in by (`In`) or leave by (`Out`) some interfaces, or by others.
    fn by<'n>(
        &self,
        direction: Direction,
        names: impl IntoIterator<Item = &'n Ifname>,
        negated: bool,
        guard: Region,
        act: Act,
    ) -> Step {
        let names = names.into_iter().map(ToString::to_string).collect();
        let asks = match direction {
            Direction::In => Asks::Input(names),
            Direction::Out => Asks::Output(names),
        };
        Step { guard, conditions: vec![Condition { asks, negated }], act }
    }

    /// Sessions and the blocks that were asked for.
    fn prelude(&self, direction: Direction) -> Vec<Step> {
        let mut steps = Vec::new();
        let wanted = |block| self.options.prelude.contains(&block);
        if wanted(Prelude::Loopback) {
            let names = BTreeSet::from(["lo".to_owned()]);
            let asks = match direction {
                Direction::In => Asks::Input(names),
                Direction::Out => Asks::Output(names),
            };
            steps.extend(self.allow(Some(self.full()), vec![asks]));
        }
        steps.extend(self.sessions());
        if wanted(Prelude::Invalid) {
            let asks = Asks::State(vec![ConnState::Invalid]);
            let conditions = vec![Condition::new(asks)];
            steps.push(Step { guard: self.full(), conditions, act: Act::Decide(Verdict::Deny) });
        }
        if wanted(Prelude::Ndp) && self.family() == Family::V6 {
            let icmp = || self.full().with_protocols(&one(Protocol::ICMPV6.0));
            // RFC 4861: solicitations and advertisements, proof of the same link; RFC 2710 and 3810: listeners.
            let neighbours = Asks::IcmpType(Ranges::span(133, 136));
            steps.extend(self.allow(icmp(), vec![neighbours, Asks::HopLimit(one(255))]));
            let listeners = [(130, 132), (143, 143)].into_iter().collect();
            steps.extend(self.allow(icmp(), vec![Asks::IcmpType(listeners)]));
        }
        if wanted(Prelude::Dhcp) {
            let (client, server) = match self.family() {
                Family::V4 => (68, 67),
                Family::V6 => (546, 547),
            };
            let (from, to) = match direction {
                Direction::In => (server, client),
                Direction::Out => (client, server),
            };
            let udp = self.full().with_protocols(&one(Protocol::UDP.0));
            let from = udp.and_then(|udp| udp.with_source_ports(&Ranges::span(from, from)));
            let guard = from.and_then(|udp| udp.with_destination_ports(&Ranges::span(to, to)));
            steps.extend(self.allow(guard, Vec::new()));
        }
        if wanted(Prelude::Igmp) && self.family() == Family::V4 {
            steps.extend(self.allow(self.full().with_protocols(&one(2)), Vec::new()));
        }
        steps
    }

    /// Packets of live sessions and icmp errors about one.
    fn sessions(&self) -> Vec<Step> {
        let icmp = match self.family() {
            Family::V4 => Protocol::ICMP,
            Family::V6 => Protocol::ICMPV6,
        };
        let errors = self.full().with_protocols(&one(icmp.0));
        [(Some(self.full()), ConnState::Established), (errors, ConnState::Related)]
            .into_iter()
            .filter_map(|(guard, state)| self.allow(guard, vec![Asks::State(vec![state])]))
            .collect()
    }

    fn allow(&self, guard: Option<Region>, asks: Vec<Asks>) -> Option<Step> {
        let conditions = asks.into_iter().map(Condition::new).collect();
        Some(Step { guard: guard?, conditions, act: Act::Decide(Verdict::Allow) })
    }

    fn gateway(&mut self, plan: &'a Plan) {
        let family = self.family();
        let nics: Vec<(NicRef, &NicPlan)> = plan.nics().map(|(at, _, nic)| (at, nic)).collect();
        let owners = plan.owners();
        let mut behind: BTreeMap<&Ifname, Ranges> = BTreeMap::new();
        for (_, nic) in &nics {
            if let Some(via) = &nic.via {
                let own = addresses(family, &nic.addresses);
                let behind = behind.entry(via).or_insert_with(Ranges::empty);
                *behind = behind.union(&own);
            }
        }
        let has_via = |at: &NicRef| plan.nic(*at).is_some_and(|nic| nic.via.is_some());
        let far = owners.iter().filter(|(_, owners)| owners.iter().all(has_via));
        let far = addresses(family, far.map(|(address, _)| address));
        let alone = |nic: &NicPlan| {
            let only = |address: &&IpAddr| owners.get(*address).is_some_and(|owners| owners.len() == 1);
            addresses(family, nic.addresses.iter().filter(only))
        };
        let mut steps = self.spoofed(&behind, &far);
        steps.extend(self.sessions());
        let vias: Vec<&Ifname> = behind.keys().copied().collect();
        for (_, nic) in &nics {
            let chain = self.nic_block(&nic.egress, Act::Return);
            let Some(guard) = self.full().with_source(&addresses(family, &nic.addresses)) else { continue };
            steps.push(match &nic.via {
                Some(via) => self.by(Direction::In, [via], false, guard, Act::Call(chain)),
                None => self.by(Direction::In, vias.iter().copied(), true, guard, Act::Call(chain)),
            });
        }
        let mut elsewhere = Vec::new();
        for (_, nic) in &nics {
            let chain = self.nic_block(&nic.ingress, Act::Decide(Verdict::Allow));
            let guard = |own: &Ranges| self.full().with_destination(own);
            let shares = |via| nics.iter().filter(|(_, nic)| nic.via.as_ref() == Some(via)).count() > 1;
            if let Some(via) = &nic.via {
                let own =
                    if shares(via) { guard(&addresses(family, &nic.addresses)) } else { Some(self.full()) };
                let to = |guard| self.by(Direction::Out, [via], false, guard, Act::Goto(chain));
                steps.extend(own.map(to));
            }
            let to = |guard| self.by(Direction::Out, vias.iter().copied(), true, guard, Act::Goto(chain));
            elsewhere.extend(guard(&alone(nic)).map(to));
        }
        // Behind an interface of several NICs, what none of them owns.
        steps.push(self.by(
            Direction::Out,
            vias.iter().copied(),
            false,
            self.full(),
            Act::Decide(Verdict::Deny),
        ));
        steps.extend(elsewhere);
        self.enter(PacketHook::Forward, steps);
    }

    /// An interface that leads to NICs carries the addresses `behind` it only, and what lives behind such only, `far`,
    /// comes from nowhere else.
    fn spoofed(&self, behind: &BTreeMap<&Ifname, Ranges>, far: &Ranges) -> Vec<Step> {
        let act = Act::Decide(Verdict::Deny);
        let all = Ranges::span(0, self.family().last());
        let mut steps = Vec::new();
        for (via, own) in behind {
            let foreign = self.full().with_source(&all.subtract(own));
            steps.extend(foreign.map(|guard| self.by(Direction::In, [*via], false, guard, act)));
        }
        let far = self.full().with_source(far);
        let vias = behind.keys().copied();
        steps.extend(far.map(|guard| self.by(Direction::In, vias, true, guard, act)));
        steps
    }
}

fn one(number: u8) -> Ranges {
    Ranges::span(number.into(), number.into())
}

fn addresses<'a>(family: Family, all: impl IntoIterator<Item = &'a IpAddr>) -> Ranges {
    let own = all.into_iter().filter(|address| Family::of(address) == family);
    own.map(|address| (Family::number(*address), Family::number(*address))).collect()
}
