//! The ways through a machine that programs tell apart: hook, interfaces, state of the session, and the icmp type and
//! hop limit that some steps look at. All others are like one of these.

use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec::Vec;

use super::{Asks, Condition, Program};
use crate::{ConnState, Ifname, NameError, PacketHook, Ranges, Traversal};

const STATES: [ConnState; 5] =
    [ConnState::New, ConnState::Established, ConnState::Related, ConnState::Invalid, ConnState::Untracked];

/// Values of what conditions ask for, such that no condition tells another value from all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ways {
    /// Incoming interfaces, ascending: those with names in the programs, and one without.
    pub inputs: Vec<Ifname>,
    /// Outgoing interfaces likewise.
    pub outputs: Vec<Ifname>,
    /// Icmp types: unknown, and one of each part of 0 to 255 that the programs cut out.
    pub types: Vec<Option<u8>>,
    /// Hop limits likewise.
    pub limits: Vec<Option<u8>>,
}

impl Ways {
    /// The ways that any of the programs tells apart. Fails on what is no name of an interface.
    pub fn of(programs: &[&Program]) -> Result<Self, NameError> {
        let (mut inputs, mut outputs) = (BTreeSet::new(), BTreeSet::new());
        let (mut types, mut limits) = (BTreeSet::new(), BTreeSet::new());
        for Condition { asks, negated: _ } in programs.iter().flat_map(|program| program.conditions()) {
            match asks {
                Asks::Input(names) => inputs.extend(names),
                Asks::Output(names) => outputs.extend(names),
                Asks::State(_) => {}
                Asks::IcmpType(numbers) => types.extend(cuts(numbers)),
                Asks::HopLimit(numbers) => limits.extend(cuts(numbers)),
            }
        }
        let numbers = |cuts: BTreeSet<u8>| core::iter::once(None).chain(cuts.into_iter().map(Some)).collect();
        let (inputs, outputs) = (interfaces(&inputs)?, interfaces(&outputs)?);
        Ok(Self { inputs, outputs, types: numbers(types), limits: numbers(limits) })
    }

    /// One way of each kind.
    pub fn all(&self) -> impl Iterator<Item = Traversal> + '_ {
        let some = |names: &[Ifname]| names.iter().cloned().map(Some).collect::<Vec<_>>();
        let (inputs, outputs, none) = (some(&self.inputs), some(&self.outputs), vec![None]);
        let hooks = [
            (PacketHook::Input, inputs.clone(), none.clone()),
            (PacketHook::Output, none, outputs.clone()),
            (PacketHook::Forward, inputs, outputs),
        ];
        hooks.into_iter().flat_map(move |(hook, inputs, outputs)| {
            let mut ways = Vec::new();
            for state in STATES {
                for (iif, oif) in inputs.iter().flat_map(|iif| outputs.iter().map(move |oif| (iif, oif))) {
                    for (icmp_type, hop_limit) in self.numbers() {
                        let (iif, oif) = (iif.clone(), oif.clone());
                        ways.push(Traversal { hook, iif, oif, state, icmp_type, hop_limit });
                    }
                }
            }
            ways
        })
    }

    fn numbers(&self) -> impl Iterator<Item = (Option<u8>, Option<u8>)> + '_ {
        self.types.iter().flat_map(|kind| self.limits.iter().map(move |limit| (*kind, *limit)))
    }
}

/// Every interface that is named, and one that is not.
fn interfaces(named: &BTreeSet<&String>) -> Result<Vec<Ifname>, NameError> {
    let other = (0..).map(|number| format!("other{number}")).find(|name| !named.contains(name));
    let names: BTreeSet<String> = named.iter().map(|name| (*name).clone()).chain(other).collect();
    names.into_iter().map(Ifname::new).collect()
}

/// The first number of each part of 0 to 255 that a set cuts out.
fn cuts(numbers: &Ranges) -> impl Iterator<Item = u8> + '_ {
    let ends = numbers.iter().flat_map(|(first, last)| [0, first, last + 1]);
    ends.filter_map(|cut| u8::try_from(cut).ok())
}
