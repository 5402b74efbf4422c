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
    /// Incoming interfaces, ascending: those that programs name, one that begins as each pattern does, and one beside
    /// all those.
    pub inputs: Vec<Ifname>,
    /// Outgoing interfaces likewise.
    pub outputs: Vec<Ifname>,
    /// Icmp types: unknown, and one of each part of 0 to 255 that the programs cut out.
    pub types: Vec<Option<u8>>,
    /// Hop limits likewise.
    pub limits: Vec<Option<u8>>,
}

impl Ways {
    /// The ways that any of the programs tells apart. Fails on what is no name of an interface, and on patterns that
    /// leave no room for a name beside those they are told apart from.
    pub fn of(programs: &[&Program]) -> Result<Self, NameError> {
        let (mut inputs, mut outputs) = (Named::default(), Named::default());
        let (mut types, mut limits) = (BTreeSet::new(), BTreeSet::new());
        for Condition { asks, negated: _ } in programs.iter().flat_map(|program| program.conditions()) {
            match asks {
                Asks::Input(names) => inputs.names.extend(names.iter().map(String::as_str)),
                Asks::Output(names) => outputs.names.extend(names.iter().map(String::as_str)),
                Asks::InputLike(start) => _ = inputs.starts.insert(start),
                Asks::OutputLike(start) => _ = outputs.starts.insert(start),
                Asks::State(_) => {}
                Asks::IcmpType(numbers) => types.extend(cuts(numbers)),
                Asks::HopLimit(numbers) => limits.extend(cuts(numbers)),
            }
        }
        let numbers = |cuts: BTreeSet<u8>| core::iter::once(None).chain(cuts.into_iter().map(Some)).collect();
        let (inputs, outputs) = (inputs.interfaces()?, outputs.interfaces()?);
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

/// What conditions say of interfaces.
#[derive(Default)]
struct Named<'a> {
    names: BTreeSet<&'a str>,
    /// How names begin.
    starts: BTreeSet<&'a str>,
}

impl Named<'_> {
    /// Every interface that is named, one of no name for each beginning, and one that begins otherwise.
    fn interfaces(&self) -> Result<Vec<Ifname>, NameError> {
        let names = self.names.iter().map(|name| Ifname::new(*name));
        let starts: BTreeSet<&str> = self.starts.iter().copied().chain([""]).collect();
        let all: BTreeSet<Ifname> =
            names.chain(starts.into_iter().map(|start| self.like(start))).collect::<Result<_, _>>()?;
        Ok(all.into_iter().collect())
    }

    /// A name that begins so and that conditions tell from no other such: they neither name it nor ask for a longer
    /// beginning that it has.
    fn like(&self, start: &str) -> Result<Ifname, NameError> {
        let ends = || CHARACTERS.chars().map(String::from).chain([String::new()]);
        let short = ends().flat_map(|first| ends().map(move |second| format!("{start}{first}{second}")));
        let all = core::iter::once(format!("{start}other0")).chain(short);
        let asked = |name: &str| {
            self.names.contains(name)
                || self.starts.iter().any(|other| other.len() > start.len() && name.starts_with(other))
        };
        let mut free = all.filter_map(|name| Ifname::new(name).ok()).filter(|name| !asked(name.as_str()));
        free.next().ok_or_else(|| NameError::Ifname(format!("{start}+")))
    }
}

/// What names of interfaces are made of.
const CHARACTERS: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.:@";

/// The first number of each part of 0 to 255 that a set cuts out.
fn cuts(numbers: &Ranges) -> impl Iterator<Item = u8> + '_ {
    let ends = numbers.iter().flat_map(|(first, last)| [0, first, last + 1]);
    ends.filter_map(|cut| u8::try_from(cut).ok())
}
