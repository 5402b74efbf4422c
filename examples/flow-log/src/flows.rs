//! Flow logs: one JSON object a line, for the first packet of each flow. Fields that are not named here are passed over.

use std::io::BufRead;
use std::net::IpAddr;

use palisade_ir::{Packet, PacketPorts, Protocol};
use serde::Deserialize;

use crate::tally::Tally;

#[derive(Deserialize)]
struct Flow {
    src: IpAddr,
    dst: IpAddr,
    proto: Number,
    sport: Option<u16>,
    dport: Option<u16>,
}

/// Clouds log numbers, people write names.
#[derive(Deserialize)]
#[serde(untagged)]
enum Number {
    Number(u8),
    Name(String),
}

pub(crate) fn read(reader: impl BufRead, tally: &mut Tally<'_>) -> Result<(), String> {
    for (number, line) in (1..).zip(reader.lines()) {
        let line = line.map_err(|error| format!("line {number}: {error}"))?;
        if !line.trim().is_empty() {
            tally.flow(&parse(&line).map_err(|error| format!("line {number}: {error}"))?);
        }
    }
    Ok(())
}

fn parse(line: &str) -> Result<Packet, String> {
    let Flow { src, dst, proto, sport, dport } =
        serde_json::from_str(line).map_err(|error| error.to_string())?;
    let protocol = match proto {
        Number::Number(number) => Protocol(number),
        Number::Name(name) => Protocol::parse(&name).ok_or_else(|| format!("`{name}` is no protocol"))?,
    };
    // Logs have zeros for the ports of protocols that have none.
    let ports = sport.zip(dport).filter(|_| protocol.has_ports());
    let ports = ports.map(|(source, destination)| PacketPorts { source, destination });
    Packet::new(src, dst, protocol, ports).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_clouds_log() {
        let line = r#"{"src":"10.0.0.1","dst":"10.0.0.2","proto":1,"sport":0,"dport":0,"bytes":84}"#;
        let packet = parse(line).unwrap();
        assert_eq!((packet.protocol(), packet.ports()), (Protocol::ICMP, None));
        let named = r#"{"src":"fd00::1","dst":"fd00::2","proto":"tcp","sport":1,"dport":2}"#;
        assert_eq!(parse(named).unwrap().ports(), Some(PacketPorts { source: 1, destination: 2 }));
    }

    #[test]
    fn says_what_is_wrong() {
        for (line, why) in [
            ("{", "EOF"),
            (r#"{"src":"10.0.0.1","dst":"fd00::1","proto":6}"#, "different address families"),
            (r#"{"src":"10.0.0.1","dst":"10.0.0.2","proto":"http"}"#, "`http` is no protocol"),
            (r#"{"src":"10.0.0.1","dst":"10.0.0.2"}"#, "missing field `proto`"),
        ] {
            let error = parse(line).unwrap_err();
            assert!(error.contains(why), "{line}: {error}");
        }
    }
}
