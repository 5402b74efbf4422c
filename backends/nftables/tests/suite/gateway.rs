//! A gateway's ruleset, read back, decides as the plan does.

use palisade_ir::{
    Backend, ConnState, Ifname, Lifted, NicPlan, Options, Outcome, Packet, Placement, Plan, Style, Traversal,
    Verdict,
};
use palisade_nftables::{Nftables, read};

use crate::build::ifname;
use crate::packets::Edges;
use crate::plans;
use crate::random::{Random, random_plan};

/// `Err` for a packet that is dropped whatever the rules.
type Found<'a> = Result<Option<&'a NicPlan>, ()>;

fn sender<'a>(plan: &'a Plan, packet: &Packet, iif: &Ifname) -> Found<'a> {
    let owns = |nic: &&NicPlan| nic.addresses.contains(&packet.source());
    let nics = || plan.nics().map(|(_, _, nic)| nic);
    if nics().any(|nic| nic.via.as_ref() == Some(iif)) {
        return nics().filter(owns).find(|nic| nic.via.as_ref() == Some(iif)).map(Some).ok_or(());
    }
    let owners: Vec<&NicPlan> = nics().filter(owns).collect();
    match owners.iter().find(|nic| nic.via.is_none()) {
        Some(owner) => Ok(Some(owner)),
        None if owners.is_empty() => Ok(None),
        None => Err(()),
    }
}

fn receiver<'a>(plan: &'a Plan, packet: &Packet, oif: &Ifname) -> Found<'a> {
    let owns = |nic: &&NicPlan| nic.addresses.contains(&packet.destination());
    let nics = || plan.nics().map(|(_, _, nic)| nic);
    let behind: Vec<&NicPlan> = nics().filter(|nic| nic.via.as_ref() == Some(oif)).collect();
    match behind.as_slice() {
        [only] => Ok(Some(only)),
        [] => match nics().filter(owns).collect::<Vec<_>>().as_slice() {
            [owner] => Ok(Some(owner)),
            _ => Ok(None),
        },
        many => many.iter().copied().find(owns).map(Some).ok_or(()),
    }
}

fn expected(plan: &Plan, packet: &Packet, iif: &Ifname, oif: &Ifname) -> Outcome {
    let Ok(sender) = sender(plan, packet, iif) else { return Outcome::silent(Verdict::Deny) };
    let egress = sender.map(|nic| nic.egress.decide(packet).outcome);
    if let Some(outcome @ Outcome { verdict: Verdict::Deny, .. }) = egress {
        return outcome;
    }
    let log = egress.is_some_and(|outcome| outcome.log);
    match receiver(plan, packet, oif) {
        Err(()) => Outcome { verdict: Verdict::Deny, log },
        Ok(None) => Outcome { verdict: Verdict::Allow, log },
        Ok(Some(nic)) => {
            let ingress = nic.ingress.decide(packet).outcome;
            Outcome { verdict: ingress.verdict, log: log || ingress.log }
        }
    }
}

fn check(plan: &Plan, seed: u64, packets: usize) -> bool {
    let layout = Style::ALL[seed as usize % Style::ALL.len()];
    let artifact = match Nftables.emit(plan, &Options { layout, ..Options::at(Placement::Gateway) }) {
        Ok(artifact) => artifact,
        Err(error) => {
            assert_eq!(error.code, "palisade::emit::ambiguous-address");
            return false;
        }
    };
    let lifted = read(&artifact).unwrap();
    let mut random = Random::new(seed);
    let edges = Edges::of(plan);
    let mut interfaces: Vec<Ifname> = plan.nics().filter_map(|(_, _, nic)| nic.via.clone()).collect();
    interfaces.extend([ifname("uplink"), ifname("eth0")]);
    for _ in 0..packets {
        let packet = edges.packet(&mut random, plan);
        let (iif, oif) = (random.pick(&interfaces), random.pick(&interfaces));
        let got = lifted.decide(&packet, &Traversal::forward(iif.clone(), oif.clone()));
        let got = Outcome { verdict: got.verdict, log: got.logged };
        assert_eq!(got, expected(plan, &packet, &iif, &oif), "seed {seed}: {packet:?} from {iif} to {oif}");
    }
    true
}

#[test]
fn on_random_plans() {
    let emitted = (0..600).filter(|seed| check(&random_plan(*seed), *seed, 300)).count();
    assert!(emitted >= 200, "only {emitted} plans were free of ambiguous addresses");
}

#[test]
fn on_a_plan_by_hand() {
    assert!(check(&plans::fleet(), 7, 5000));
}

#[test]
fn a_spoofed_source_is_dropped_within_a_session_too() {
    let ruleset = read(&Nftables.emit(&plans::fleet(), &Options::at(Placement::Gateway)).unwrap()).unwrap();
    let packet = |from: &str| {
        Packet::new(from.parse().unwrap(), "192.0.2.1".parse().unwrap(), palisade_ir::Protocol::TCP, None)
            .unwrap()
    };
    let verdict = |from: &str, iif: &str| {
        let at =
            Traversal { state: ConnState::Established, ..Traversal::forward(ifname(iif), ifname("uplink")) };
        ruleset.decide(&packet(from), &at).verdict
    };
    assert_eq!(verdict("10.0.0.1", "tap1"), Verdict::Allow);
    assert_eq!(verdict("10.0.0.2", "tap1"), Verdict::Deny);
    assert_eq!(verdict("10.0.0.2", "uplink"), Verdict::Deny);
    assert_eq!(verdict("192.0.2.7", "uplink"), Verdict::Allow);
}
