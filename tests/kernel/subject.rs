//! The policies of this suite: texts, resolved and lowered.

use ipnet::IpNet;
use palisade::lower::lower;
use palisade::optimize::optimize_plan;
use palisade::policy::Policy;
use palisade_ir::{Family, InstanceId, NicPlan, Plan};
use palisade_testkit::lab::{Interface, Lab};

/// An interface that no policy names.
pub const UNNAMED: &str = "eth9";

macro_rules! texts {
    ($($name:literal)*) => { [$(($name, include_str!(concat!("policies/", $name, ".sg")))),*] };
}

const TEXTS: [(&str, &str); 11] = texts![
    "classic" "default" "dual" "enterprise" "gateway" "groupcast" "nics" "protocols" "scope" "ties" "tuple"
];

/// A policy and what compiling makes of it.
pub struct Subject {
    pub name: &'static str,
    pub policy: Policy,
    /// As lowered: every rule's edges are worth packets, those too that optimising takes away.
    pub plan: Plan,
    /// What is emitted.
    pub optimized: Plan,
}

pub fn all() -> Vec<Subject> {
    TEXTS.iter().map(|(name, text)| read(name, text)).collect()
}

pub fn named(name: &str) -> Subject {
    let (name, text) = TEXTS.iter().find(|(known, _)| *known == name).unwrap_or_else(|| panic!("{name}"));
    read(name, text)
}

pub fn read(name: &'static str, text: &str) -> Subject {
    let front = palisade::front::read_text(name, text);
    let policy = front.policy.unwrap_or_else(|| panic!("{name}: {:?}", front.diagnostics));
    let plan = lower(&policy);
    let optimized = optimize_plan(&plan).0;
    Subject { name, policy, plan, optimized }
}

impl Subject {
    pub fn instances(&self) -> impl Iterator<Item = InstanceId> {
        (0..self.plan.instances.len()).map(|at| InstanceId(at as u32))
    }

    /// The instance and its interfaces in a lab, beside one that the policy does not name.
    pub fn host_lab(&self, at: InstanceId) -> Lab {
        let nics = &self.plan.instances[at.0 as usize].nics;
        let unnamed = Interface::parse(&format!("{UNNAMED} 192.168.77.1/24 fd77::1/64")).unwrap();
        let interfaces: Vec<Interface> = nics.iter().map(interface).chain([unnamed]).collect();
        Lab::host(&interfaces).unwrap()
    }
}

/// With neighbours on the link, so that it hears a broadcast address of its own.
fn interface(nic: &NicPlan) -> Interface {
    let net = |address: &std::net::IpAddr| {
        let length = match Family::of(address) {
            Family::V4 => 24,
            Family::V6 => 64,
        };
        IpNet::new(*address, length).unwrap()
    };
    Interface { name: nic.interface.to_string(), addresses: nic.addresses.iter().map(net).collect() }
}
