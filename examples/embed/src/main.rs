//! Judges packets by a policy that the build script has turned into tables: nothing is read or parsed when this runs.
//!
//! ```text
//! $ cargo run -p example-embed -- 10.20.0.9 502
//! 10.20.0.9 to port 502: allow, and log it
//! ```

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::process::ExitCode;

/// The firewall of `sensor-7`.
#[allow(unreachable_pub, reason = "the module is written to stand anywhere")]
mod firewall {
    include!(concat!(env!("OUT_DIR"), "/sensor-7.rs"));
}

use firewall::{ETH0, Outcome, Packet};

/// Judges the first packet of a tcp connection to this sensor.
fn connection(client: IpAddr, port: u16) -> Outcome {
    let destination = match client {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::new(10, 20, 7, 7)),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::new(0xfd00, 0x20, 7, 0, 0, 0, 0, 7)),
    };
    ETH0.ingress(&Packet { source: client, destination, protocol: 6, ports: Some((50_000, port)) })
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let question = match arguments.as_slice() {
        [client, port] => client.parse().ok().zip(port.parse().ok()),
        _ => None,
    };
    let Some((client, port)) = question else {
        eprintln!("usage: example-embed CLIENT-ADDRESS PORT");
        return ExitCode::FAILURE;
    };
    let Outcome { allow, log } = connection(client, port);
    let verdict = if allow { "allow" } else { "deny" };
    println!("{client} to port {port}: {verdict}{}", if log { ", and log it" } else { "" });
    ExitCode::SUCCESS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_is_in_the_program() {
        for (client, port, allow, log) in [
            ("10.20.0.9", 502, true, true),
            ("10.20.0.66", 502, false, false),
            ("fd00:20::1", 502, true, true),
            ("10.20.4.31", 502, true, true),
            ("10.20.4.32", 502, false, false),
            ("10.20.0.9", 22, false, false),
        ] {
            assert_eq!(connection(client.parse().unwrap(), port), Outcome { allow, log }, "{client} {port}");
        }
    }

    #[test]
    fn sensors_only_answer() {
        let to = |protocol, destination: &str, ports| {
            let source = IpAddr::V4(Ipv4Addr::new(10, 20, 7, 7));
            let packet = Packet { source, destination: destination.parse().unwrap(), protocol, ports };
            firewall::output("eth0", &packet).allow
        };
        assert!(to(17, "10.20.0.5", Some((50_000, 514))));
        assert!(!to(17, "10.20.0.6", Some((50_000, 514))));
        assert!(!to(6, "10.20.0.9", Some((50_000, 22))));
        assert!(!to(1, "10.20.0.9", None));
        assert_eq!(firewall::nics().map(|nic| nic.interface), ["eth0"]);
        assert_eq!(firewall::session_timeout(), 910);
    }
}
