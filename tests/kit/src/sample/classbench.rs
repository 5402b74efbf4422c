//! ClassBench filter sets (`@src/len dst/len sport : sport dport : dport protocol/mask flags/mask`) as policies of one
//! instance: the destination becomes the instance's address, verdict and priority are rolled.

use std::fmt::Write;

use super::Dice;

/// A policy of one instance and one group with a rule per filter; `None` when a line is no filter.
///
/// Seven rules in ten allow; priorities go from 1 to 100. Ports of protocols without ports are dropped, and so are the
/// flags.
pub fn classbench_policy(filters: &str, seed: u64) -> Option<String> {
    let mut dice = Dice::new(seed);
    let mut text = String::from(
        "network prod = vpc\n\ngroup web {\n  kind basic\n  network prod\n  inner allow\n\n  in {\n",
    );
    for line in filters.lines().filter(|line| !line.trim().is_empty()) {
        let verdict = if dice.percent(70) { "allow" } else { "deny" };
        let priority = dice.between(1, 100);
        let Filter { protocol, source, source_port, port } = Filter::read(line)?;
        // Writing to a String cannot fail.
        let _ = writeln!(text, "    {priority} {verdict} {protocol} from {source}{source_port}{port}");
    }
    text.push_str("  }\n}\n\ninstance web-1 {\n  nic eth0 address 10.0.0.1 groups web\n}\n");
    Some(text)
}

/// A filter in the words of the policy language.
#[derive(Debug, PartialEq, Eq)]
struct Filter {
    protocol: String,
    source: String,
    source_port: String,
    port: String,
}

impl Filter {
    fn read(line: &str) -> Option<Self> {
        let words: Vec<&str> = line.strip_prefix('@')?.split_whitespace().collect();
        let [source, _, first, ":", last, to_first, ":", to_last, protocol, ..] = words.as_slice() else {
            return None;
        };
        let (protocol, has_ports) = match *protocol {
            "0x06/0xFF" => ("tcp".to_owned(), true),
            "0x11/0xFF" => ("udp".to_owned(), true),
            "0x01/0xFF" => ("icmp".to_owned(), false),
            word if word.ends_with("/0x00") => ("all".to_owned(), false),
            word => {
                let number = word.strip_suffix("/0xFF")?.strip_prefix("0x")?;
                (format!("proto {}", u8::from_str_radix(number, 16).ok()?), false)
            }
        };
        let source = if source.ends_with("/0") { "any".to_owned() } else { masked(source)? };
        let (source_port, port) = match has_ports {
            true => (ports(first, last, ""), ports(to_first, to_last, "to ")),
            false => (String::new(), String::new()),
        };
        Some(Self { protocol, source, source_port, port })
    }
}

/// The prefix without host bits, which the language refuses.
fn masked(prefix: &str) -> Option<String> {
    let prefix: ipnet::Ipv4Net = prefix.parse().ok()?;
    Some(prefix.trunc().to_string())
}

/// Port 0 is no port to the language: a range that begins there begins at 1.
fn ports(first: &str, last: &str, to: &str) -> String {
    match (first, last) {
        ("0", "65535") => String::new(),
        ("0", last) => format!(" {to}port 1-{last}"),
        (first, last) if first == last => format!(" {to}port {first}"),
        (first, last) => format!(" {to}port {first}-{last}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_filters() {
        let read = |line| {
            Filter::read(line).map(|it| format!("{} {}{}{}", it.protocol, it.source, it.source_port, it.port))
        };
        let cases = [
            (
                "@143.85.4.8/29\t1.2.3.4/28\t162 : 162\t25 : 25\t0x11/0xFF\t0x0000/0x0000",
                "udp 143.85.4.8/29 port 162 to port 25",
            ),
            ("@0.0.0.0/0 1.2.3.4/28 0 : 65535 1024 : 65535 0x06/0xFF 0/0", "tcp any to port 1024-65535"),
            ("@9.9.9.9/24 1.2.3.4/28 0 : 65535 0 : 100 0x00/0x00 0/0", "all 9.9.9.0/24"),
            ("@9.9.9.9/32 1.2.3.4/28 0 : 65535 0 : 65535 0x2F/0xFF 0/0", "proto 47 9.9.9.9/32"),
        ];
        for (line, wanted) in cases {
            assert_eq!(read(line).as_deref(), Some(wanted));
        }
        assert_eq!(read("9.9.9.9/32 1.2.3.4/28 0 : 65535 0 : 65535 0x2F/0xFF"), None);
        assert_eq!(classbench_policy("no filter\n", 1), None);
    }
}
