//! Large policies of the shape that security groups have in practice: for benchmarks and tests of scale.

use std::fmt::Write;

use super::Dice;

/// Ports that rules of real groups are about.
const SERVICES: [u16; 12] = [22, 53, 80, 123, 443, 1433, 3306, 3389, 5432, 6379, 8080, 9092];

/// A policy of one instance and one group with so many inbound rules: mostly one remote prefix and one service, some
/// from anywhere, priorities all over, one rule in four a deny.
pub fn security_group_policy(rules: usize, seed: u64) -> String {
    let mut dice = Dice::new(seed);
    let mut text = String::from(
        "network prod = vpc\n\ngroup web {\n  kind basic\n  network prod\n  inner allow\n\n  in {\n",
    );
    for _ in 0..rules {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "    {}", rule_line(&mut dice));
    }
    text.push_str("  }\n}\n\ninstance web-1 {\n  nic eth0 address 10.0.0.1 groups web\n}\n");
    text
}

/// One rule of such a policy.
pub(super) fn rule_line(dice: &mut Dice) -> String {
    let verdict = if dice.percent(25) { "deny" } else { "allow" };
    let priority = dice.between(1, 100);
    let protocol = if dice.percent(80) { "tcp" } else { "udp" };
    let from = if dice.percent(5) { "any".to_owned() } else { prefix(dice) };
    let port = match dice.below(10) {
        0 => {
            let first = dice.between(1024, 60_000);
            format!("{first}-{}", first + dice.between(1, 1000))
        }
        1 | 2 => dice.between(1024, 65_535).to_string(),
        _ => dice.pick(&SERVICES).copied().unwrap_or(443).to_string(),
    };
    format!("{priority} {verdict} {protocol} from {from} to port {port}")
}

/// A policy of one instance and one group with so many inbound rules, all of one shape: allow tcp or udp from a /24
/// anywhere to at most ten ports anywhere. Hardly any two of them meet.
pub fn uniform_policy(rules: usize, seed: u64) -> String {
    let mut dice = Dice::new(seed);
    let mut text = String::from(
        "network prod = vpc\n\ngroup web {\n  kind basic\n  network prod\n  inner allow\n\n  in {\n",
    );
    for _ in 0..rules {
        let protocol = if dice.percent(50) { "tcp" } else { "udp" };
        let [a, b, c] = [dice.between(1, 223), dice.below(256), dice.below(256)];
        let first = dice.between(1, 65_000);
        let port = match dice.between(0, 9) {
            0 => first.to_string(),
            more => format!("{first}-{}", first + more),
        };
        // Writing to a String cannot fail.
        let _ = writeln!(text, "    1 allow {protocol} from {a}.{b}.{c}.0/24 to port {port}");
    }
    text.push_str("  }\n}\n\ninstance web-1 {\n  nic eth0 address 10.0.0.1 groups web\n}\n");
    text
}

fn prefix(dice: &mut Dice) -> String {
    let length = [16, 20, 22, 24, 24, 24, 26, 28, 32, 32].get(dice.below(10)).copied().unwrap_or(24);
    let address = (dice.roll() as u32 | 0x0100_0000) & (u32::MAX << (32 - length));
    let [a, b, c, d] = address.to_be_bytes();
    format!("{}.{b}.{c}.{d}/{length}", if a >= 224 { a - 100 } else { a })
}
