//! What the reference evaluator says of a packet where it meets the rules.
//!
//! Whose packet it is on a host or gateway is said here once more, from the language's definition, so that the
//! emitters' dispatch has something to be compared with.

use std::net::IpAddr;

use palisade::policy::Nic;
use palisade::reference::{decide, decide_end};
use palisade_ir::{Direction, InstanceId, NicRef, Verdict};
use palisade_testkit::probe::Probe;

use crate::subject::Subject;

/// At the input or output hook of an instance. A packet belongs to the NIC that owns its local address, else to the
/// NIC whose interface it uses, else to nobody.
pub fn host(
    subject: &Subject,
    at: InstanceId,
    direction: Direction,
    probe: &Probe,
    unmanaged: Verdict,
) -> Verdict {
    let nics = &subject.policy.instance(at).unwrap().nics;
    let local = match direction {
        Direction::In => probe.packet.destination(),
        Direction::Out => probe.packet.source(),
    };
    let owners: Vec<&Nic> = nics.iter().filter(|nic| nic.addresses.contains(&local)).collect();
    let nic = match owners.as_slice() {
        [owner] => Some(*owner),
        _ => nics.iter().find(|nic| nic.interface.as_str() == probe.interface),
    };
    nic.map_or(unmanaged, |nic| decide_end(&subject.policy, nic, direction, &probe.packet).outcome.verdict)
}

/// At the forward hook of a gateway: the sender's out rules, then the receiver's in rules.
pub fn gateway(subject: &Subject, probe: &Probe) -> Verdict {
    let (from, to) = (probe.packet.source(), probe.packet.destination());
    let owns = |address: IpAddr| move |nic: &Nic| nic.addresses.contains(&address);
    let via = |name: &str| -> Vec<(NicRef, &Nic)> {
        let leads = |nic: &Nic| nic.via.as_ref().is_some_and(|via| via.as_str() == name);
        subject.policy.nics().filter(|(_, nic)| leads(nic)).collect()
    };
    let sources: Vec<(NicRef, &Nic)> = subject.policy.nics().filter(|(_, nic)| owns(from)(nic)).collect();
    let behind = via(&probe.interface);
    let sender = if behind.is_empty() {
        let free = sources.iter().find(|(_, nic)| nic.via.is_none());
        match free {
            Some((at, _)) => Some(*at),
            // An address that lives behind other interfaces only.
            None if !sources.is_empty() => return Verdict::Deny,
            None => None,
        }
    } else {
        match behind.iter().find(|(_, nic)| owns(from)(nic)) {
            Some((at, _)) => Some(*at),
            None => return Verdict::Deny,
        }
    };
    let receiver = match via(&probe.onward).as_slice() {
        [] => {
            let owners: Vec<NicRef> =
                subject.policy.nics().filter(|(_, nic)| owns(to)(nic)).map(|(at, _)| at).collect();
            // What several networks own is somebody else's elsewhere.
            if let [only] = owners.as_slice() { Some(*only) } else { None }
        }
        [(only, _)] => Some(*only),
        several => match several.iter().find(|(_, nic)| owns(to)(nic)) {
            Some((at, _)) => Some(*at),
            None => return Verdict::Deny,
        },
    };
    decide(&subject.policy, &probe.packet, sender, receiver).verdict
}
