//! What a random policy has to name: networks, sets and services, and the addresses that matter.

use super::Dice;

/// Which address families something has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Families {
    pub(super) v4: bool,
    pub(super) v6: bool,
}

impl Families {
    pub(super) const BOTH: Self = Self { v4: true, v6: true };

    pub(super) const fn or(self, other: Self) -> Self {
        Self { v4: self.v4 || other.v4, v6: self.v6 || other.v6 }
    }

    /// The family of an address or prefix.
    pub(super) fn of(address: &str) -> Self {
        let v6 = address.contains(':');
        Self { v4: !v6, v6 }
    }
}

/// A network.
#[derive(Clone, Debug)]
pub(super) struct Network {
    pub(super) name: String,
    pub(super) classic: bool,
    /// Whether it has nothing but a default group, which NICs join by naming the network.
    pub(super) bare: bool,
    /// The second byte of its addresses.
    pub(super) number: usize,
}

/// A set or service with the families it has, or needs.
#[derive(Clone, Debug)]
pub(super) struct Named {
    pub(super) name: String,
    pub(super) families: Families,
}

/// Everything that rules can name besides groups.
#[derive(Clone, Debug, Default)]
pub(super) struct World {
    pub(super) networks: Vec<Network>,
    /// Sets for peers.
    pub(super) sets: Vec<Named>,
    /// Sets for a rule's own end, of both families and of lengths that no peer has: both ends never have equal values.
    pub(super) local_sets: Vec<String>,
    /// Services; the families are those that a rule with the service must have.
    pub(super) services: Vec<Named>,
    /// The statements.
    pub(super) items: Vec<String>,
}

impl World {
    pub(super) fn new(dice: &mut Dice) -> Self {
        let mut world = Self::default();
        world.add_networks(dice);
        world.add_sets(dice);
        world.add_services(dice);
        world
    }

    fn add_networks(&mut self, dice: &mut Dice) {
        self.add_network("prod", false, false);
        if dice.percent(35) {
            self.add_network("lab.two", false, false);
        }
        if dice.percent(35) {
            self.add_network("old", true, false);
        }
        if dice.percent(25) {
            self.add_network("bare-1", false, true);
        }
    }

    fn add_network(&mut self, name: &str, classic: bool, bare: bool) {
        let number = self.networks.len() + 1;
        self.items.push(format!("network {name} = {}\n", if classic { "classic" } else { "vpc" }));
        self.networks.push(Network { name: name.to_owned(), classic, bare, number });
    }

    fn add_sets(&mut self, dice: &mut Dice) {
        for number in 0..dice.below(4) {
            let name = format!("set-{number}");
            let mut families = Families::default();
            let mut members = Vec::new();
            for _ in 0..dice.between(1, 5) {
                match dice.pick(&self.sets) {
                    Some(other) if dice.percent(20) => {
                        families = families.or(other.families);
                        members.push(format!("set {}", other.name));
                    }
                    _ => {
                        let address = remote(dice);
                        families = families.or(Families::of(&address));
                        members.push(address);
                    }
                }
            }
            // Holes small enough that no family goes away with them.
            let holes =
                ["203.0.113.9", "198.51.100.128/26", "10.1.0.7", "10.0.0.0/24", "2001:db8:7::9", "fd00:1::7"];
            let except = match dice.percent(40) {
                true => format!(" except {}", list(&dice.some(&holes, 3))),
                false => String::new(),
            };
            let whole = |address: &str| members.iter().any(|member| member == address);
            let except = if holes.iter().any(|hole| whole(hole)) { String::new() } else { except };
            self.items.push(format!("set {name}{} = {}{except}\n", description(dice, 30), list(&members)));
            self.sets.push(Named { name, families });
        }
        if dice.percent(20) {
            // Empty: it matches nothing, and gives a rule no family.
            self.items.push("set nothing = 192.0.2.77 except 192.0.2.0/24\n".to_owned());
            self.sets.push(Named { name: "nothing".to_owned(), families: Families::default() });
        }
        if dice.percent(30) {
            self.items.push("set core = [10.1.0.0/28, 10.2.0.0/28]\n".to_owned());
            self.items.push("set rest = [10.0.0.0/8, fd00::/8] except [set core, fd00:1::/64]\n".to_owned());
            self.sets.push(Named { name: "rest".to_owned(), families: Families::BOTH });
        }
        if dice.percent(40) {
            self.items.push(
                "set own-half = [10.1.0.0/25, 10.2.0.128/25, fd00:1::/121, fd00:2::80/121]\n".to_owned(),
            );
            self.local_sets.push("own-half".to_owned());
        }
    }

    fn add_services(&mut self, dice: &mut Dice) {
        for number in 0..dice.below(4) {
            let name = format!("svc{number}");
            let mut families = Families::default();
            let mut traffic = Vec::new();
            for _ in 0..dice.between(1, 4) {
                match (dice.below(12), dice.pick(&self.services)) {
                    (0 | 1, Some(other)) => {
                        families = families.or(other.families);
                        traffic.push(format!("service {}", other.name));
                    }
                    (2, _) => {
                        families.v4 = true;
                        traffic.push("icmp".to_owned());
                    }
                    (3, _) => {
                        families.v6 = true;
                        traffic.push("icmpv6".to_owned());
                    }
                    (4, _) => traffic.push("gre".to_owned()),
                    (5, _) => traffic.push(format!("proto {}", dice.word(&["132", "253", "50", "2"]))),
                    (6 | 7, _) => traffic.push(format!("udp {}", ports(dice))),
                    (8, _) => traffic.push(dice.word(&["tcp", "udp"]).to_owned()),
                    _ => traffic.push(format!("tcp {}", ports(dice))),
                }
            }
            self.items.push(format!("service {name}{} = {}\n", description(dice, 20), list(&traffic)));
            self.services.push(Named { name, families });
        }
    }
}

/// An address or prefix that a peer may be.
pub(super) fn remote(dice: &mut Dice) -> String {
    let network = dice.between(1, 3);
    let host = dice.between(1, 40);
    match dice.below(16) {
        0 => format!("10.{network}.0.{host}"),
        1 => format!("10.{network}.0.0/24"),
        2 => format!("10.{network}.0.{}/30", host / 4 * 4),
        3 => "10.0.0.0/8".to_owned(),
        4 => "0.0.0.0/0".to_owned(),
        5 => "203.0.113.0/24".to_owned(),
        6 => "198.51.100.0/24".to_owned(),
        7 => "203.0.113.8/31".to_owned(),
        8 => dice.word(&["255.255.255.255", "224.0.0.0/4", "128.0.0.0/1"]).to_owned(),
        9 => format!("fd00:{network}::{host:x}"),
        10 => format!("fd00:{network}::/64"),
        11 => "fd00::/8".to_owned(),
        12 => "::/0".to_owned(),
        13 => "2001:db8::/32".to_owned(),
        14 => "2001:db8:7::/48".to_owned(),
        _ => dice.word(&["ff00::/8", "2000::/3", "fe80::/10"]).to_owned(),
    }
}

/// Ports after the word `port` or a protocol.
pub(super) fn ports(dice: &mut Dice) -> String {
    let port = |dice: &mut Dice| match dice.below(8) {
        0 => "1-65535".to_owned(),
        1 => "1024-65535".to_owned(),
        2 => format!("{}-{}", dice.between(70, 80), dice.between(80, 90)),
        3 => "20-21".to_owned(),
        _ => dice.word(&["22", "53", "80", "443", "3306", "8080", "1", "65535"]).to_owned(),
    };
    let some: Vec<String> = (0..dice.between(1, 3)).map(|_| port(dice)).collect();
    list(&some)
}

/// One element, or several in brackets.
pub(super) fn list<T: std::fmt::Display>(elements: &[T]) -> String {
    match elements {
        [one] => one.to_string(),
        _ => format!("[{}]", elements.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")),
    }
}

/// A trailing description with this probability, some of them of the kind that breaks careless printers.
pub(super) fn description(dice: &mut Dice, probability: usize) -> String {
    if !dice.percent(probability) {
        return String::new();
    }
    let long = "zu lang, naïve Rechnung: ".repeat(12);
    let texts = [
        "plain words",
        r#"said \"hello\" \\ and left"#,
        "drop; # accept } table inet x {",
        "$(reboot) `id` %s 'quoted' --jump ACCEPT",
        "naïve Grüße, 北京, 🦀",
        long.trim_end(),
    ];
    format!(" \"{}\"", dice.word(&texts))
}
