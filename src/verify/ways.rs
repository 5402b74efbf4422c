//! The ways through a machine that a ruleset or a policy tells apart: hook, interfaces, state of the session, and the
//! icmp type and hop limit that prelude rules look at. All others are like one of these.

use std::collections::BTreeSet;

use palisade_ir::symbolic::{Asks, Condition, Program};
use palisade_ir::{ConnState, Ifname, PacketHook, Ranges, Traversal};

const STATES: [ConnState; 5] =
    [ConnState::New, ConnState::Established, ConnState::Related, ConnState::Invalid, ConnState::Untracked];

/// One way of each kind that either program tells apart, plain ones first.
pub(super) fn ways(policy: &Program, found: &Program) -> Result<Vec<Traversal>, String> {
    let conditions =
        || policy.conditions().chain(found.conditions()).map(|Condition { asks, negated: _ }| asks);
    let inputs = interfaces(conditions().filter_map(|asks| match asks {
        Asks::Input(names) => Some(names),
        Asks::Output(_) | Asks::State(_) | Asks::IcmpType(_) | Asks::HopLimit(_) => None,
    }))?;
    let outputs = interfaces(conditions().filter_map(|asks| match asks {
        Asks::Output(names) => Some(names),
        Asks::Input(_) | Asks::State(_) | Asks::IcmpType(_) | Asks::HopLimit(_) => None,
    }))?;
    let types = numbers(conditions().filter_map(|asks| match asks {
        Asks::IcmpType(types) => Some(types),
        Asks::Input(_) | Asks::Output(_) | Asks::State(_) | Asks::HopLimit(_) => None,
    }));
    let limits = numbers(conditions().filter_map(|asks| match asks {
        Asks::HopLimit(limits) => Some(limits),
        Asks::Input(_) | Asks::Output(_) | Asks::State(_) | Asks::IcmpType(_) => None,
    }));
    let mut all = Vec::new();
    for hook in [PacketHook::Input, PacketHook::Output, PacketHook::Forward] {
        let none = [None];
        let (inputs, outputs) = match hook {
            PacketHook::Input => (&inputs[..], &none[..]),
            PacketHook::Output => (&none[..], &outputs[..]),
            PacketHook::Forward => (&inputs[..], &outputs[..]),
        };
        for (state, iif, oif) in STATES.iter().flat_map(|state| {
            inputs.iter().flat_map(move |iif| outputs.iter().map(move |oif| (*state, iif, oif)))
        }) {
            for (icmp_type, hop_limit) in
                types.iter().flat_map(|kind| limits.iter().map(move |limit| (*kind, *limit)))
            {
                let (iif, oif) = (iif.clone(), oif.clone());
                all.push(Traversal { hook, iif, oif, state, icmp_type, hop_limit });
            }
        }
    }
    Ok(all)
}

/// Every interface that is named, and one that is not.
fn interfaces<'a>(named: impl Iterator<Item = &'a BTreeSet<String>>) -> Result<Vec<Option<Ifname>>, String> {
    let named: BTreeSet<&String> = named.flatten().collect();
    let other = (0..).map(|number| format!("other{number}")).find(|name| !named.contains(name));
    let names = named.into_iter().cloned().chain(other);
    names.map(|name| Ifname::new(name).map(Some).map_err(|error| error.to_string())).collect()
}

/// Unknown, and a number of each part of 0 to 255 that the sets cut out.
fn numbers<'a>(sets: impl Iterator<Item = &'a Ranges>) -> Vec<Option<u8>> {
    let cuts: BTreeSet<u8> = sets
        .flat_map(Ranges::iter)
        .flat_map(|(first, last)| [0, first, last + 1])
        .filter_map(|cut| u8::try_from(cut).ok())
        .collect();
    std::iter::once(None).chain(cuts.into_iter().map(Some)).collect()
}
