//! A whole random policy: the world, its groups, and instances whose NICs join them.

use super::Dice;
use super::group::{Group, groups};
use super::world::{Network, World, description, list};

/// The text of a policy that resolves without an error. Every feature of the language but `include` and `expect` occurs
/// in some of them.
pub fn random_policy(seed: u64) -> String {
    let mut dice = Dice::new(seed);
    let world = World::new(&mut dice);
    let (groups, group_items) = groups(&mut dice, &world);
    let mut items = world.items.clone();
    items.extend(group_items);
    let mut hosts = Hosts { last: vec![0; world.networks.len()], taps: 0 };
    for number in 0..dice.between(1, 5) {
        items.push(hosts.instance(&mut dice, &world, &groups, number));
    }
    if dice.percent(50) {
        items.push(format!("session timeout {}\n", dice.word(&["910s", "1s", "15m", "2h", "120s"])));
    }
    if dice.percent(60) {
        items.push(format!("inner scope {}\n", dice.word(&["ingress", "both"])));
    }
    // The order of statements means nothing.
    dice.shuffle(&mut items);
    items.join("\n")
}

/// Counters that keep addresses and interfaces apart.
struct Hosts {
    /// Per network the last host number given away.
    last: Vec<usize>,
    taps: usize,
}

impl Hosts {
    fn instance(&mut self, dice: &mut Dice, world: &World, groups: &[Group], number: usize) -> String {
        let mut nics = String::new();
        for interface in 0..dice.between(1, 3) {
            let Some(at) = (0..world.networks.len()).nth(dice.below(world.networks.len())) else { break };
            let Some(network) = world.networks.get(at) else { break };
            let interface = match dice.below(8) {
                0 => format!("\"en:{interface}@_X\""),
                1 => format!("ens{interface}.10"),
                _ => format!("eth{interface}"),
            };
            nics += &self.nic(dice, &interface, at, network, groups);
        }
        format!("instance vm-{number}{} {{\n{nics}}}\n", description(dice, 30))
    }

    fn nic(
        &mut self,
        dice: &mut Dice,
        interface: &str,
        at: usize,
        network: &Network,
        groups: &[Group],
    ) -> String {
        let side = if network.classic { dice.word(&["public", "internal"]) } else { "" };
        let mut line = format!("  nic {interface}");
        if !side.is_empty() {
            line += &format!(" {side}");
        }
        if dice.percent(60) {
            self.taps += 1;
            line += &format!(" via tap{}", self.taps);
        }
        line += &format!(" address {}", list(&self.addresses(dice, at, network, side)));
        if network.bare {
            return line + &format!(" network {}\n", network.name);
        }
        let enterprise = dice.percent(30);
        let of_kind = |enterprise: bool| -> Vec<&str> {
            let here =
                groups.iter().filter(|group| group.network == network.name && group.enterprise == enterprise);
            here.map(|group| group.name.as_str()).collect()
        };
        let mut candidates = of_kind(enterprise);
        if candidates.is_empty() {
            candidates = of_kind(!enterprise);
        }
        line + &format!(" groups {}\n", list(&dice.some(&candidates, 3)))
    }

    /// One to three addresses that no other NIC has, close to each other and to those that rules name.
    fn addresses(&mut self, dice: &mut Dice, at: usize, network: &Network, side: &str) -> Vec<String> {
        let mut host = || {
            let last = self.last.get_mut(at);
            let step = if dice.percent(60) { 1 } else { dice.between(2, 12) };
            last.map_or(1, |last| {
                *last += step;
                *last
            })
        };
        let hosts = [host(), host(), host()];
        let number = network.number;
        let v4 = |host: usize| match side {
            "public" => format!("47.96.{number}.{host}"),
            _ => format!("10.{number}.0.{host}"),
        };
        let v6 = |host: usize| match side {
            "public" => format!("2400:3200:{number}::{host:x}"),
            _ => format!("fd00:{number}::{host:x}"),
        };
        let [a, b, c] = hosts;
        match dice.below(10) {
            0..3 => vec![v4(a)],
            3 => vec![v6(a)],
            4 => vec![v4(a), v4(b)],
            5 => vec![v4(a), v6(b), v6(c)],
            _ => vec![v4(a), v6(a)],
        }
    }
}
