//! Packets and sets of packets in the words of the language.

use palisade_ir::{Direction, Family, Packet, PortSet, PrefixSet, Protocol, Ranges, Region};

/// How many values of a field are spelt out.
const SPELT_OUT: usize = 4;
/// The coordinate of "no port" in the port fields of a region.
const NO_PORTS: u128 = 65_536;

/// A packet.
pub fn packet(packet: &Packet) -> String {
    let (from, to) = match packet.ports() {
        Some(ports) => (format!(" port {}", ports.source), format!(" port {}", ports.destination)),
        None => (String::new(), String::new()),
    };
    let fragment =
        if packet.protocol().has_ports() && packet.ports().is_none() { " (without ports)" } else { "" };
    format!("{} from {}{from} to {}{to}{fragment}", packet.protocol(), packet.source(), packet.destination())
}

/// A region, as far as it fits on a line. Any address is `any`, be it of one family or of both.
pub fn region(region: &Region) -> String {
    let [source, destination, ..] = region.fields();
    joined(region, &addresses(region.family(), source), &addresses(region.family(), destination))
}

/// A region of one family as seen from one end, so that it cannot be taken for both families: where no address tells,
/// the other end is written as `0.0.0.0/0` or `::/0`.
pub fn region_of_family(region: &Region, direction: Direction) -> String {
    let [source, destination, ..] = region.fields();
    let everyone = Ranges::span(0, region.family().last());
    if *source != everyone || *destination != everyone {
        return self::region(region);
    }
    let family = match region.family() {
        Family::V4 => "0.0.0.0/0",
        Family::V6 => "::/0",
    };
    match direction {
        Direction::In => joined(region, family, "any"),
        Direction::Out => joined(region, "any", family),
    }
}

fn joined(region: &Region, source: &str, destination: &str) -> String {
    let [_, _, numbers, source_ports, destination_ports] = region.fields();
    let absent = Ranges::span(NO_PORTS, NO_PORTS);
    if *source_ports == absent && *destination_ports == absent {
        return format!("{} without ports from {source} to {destination}", protocols(numbers));
    }
    let (from, to) = (ports(source_ports, destination_ports), ports(destination_ports, source_ports));
    format!("{} from {source}{from} to {destination}{to}", protocols(numbers))
}

/// Addresses; those that are missing, where they are fewer to name.
fn addresses(family: Family, ranges: &Ranges) -> String {
    let prefixes = |ranges: &Ranges| -> Vec<String> {
        let set = PrefixSet::from_ranges(family, ranges);
        set.prefixes().iter().map(prefix).collect()
    };
    let missing = Ranges::span(0, family.last()).subtract(ranges);
    if missing.is_empty() {
        return "any".to_owned();
    }
    let (there, missing) = (prefixes(ranges), prefixes(&missing));
    if there.len() > SPELT_OUT && missing.len() <= SPELT_OUT {
        return format!("any except {}", list(missing));
    }
    list(there)
}

/// A prefix; a single address without its length.
pub fn prefix(prefix: &ipnet::IpNet) -> String {
    if prefix.prefix_len() == prefix.max_prefix_len() {
        prefix.addr().to_string()
    } else {
        prefix.to_string()
    }
}

fn protocols(numbers: &Ranges) -> String {
    let names = |numbers: &Ranges| -> Vec<String> {
        let numbers = numbers.iter().flat_map(|(first, last)| first..=last);
        numbers.map(|number| Protocol(number as u8).to_string()).collect()
    };
    let missing = Ranges::span(0, 255).subtract(numbers);
    if missing.is_empty() {
        return "all".to_owned();
    }
    let (there, missing) = (names(numbers), names(&missing));
    if there.len() > SPELT_OUT && missing.len() <= SPELT_OUT {
        return format!("all except {}", list(missing));
    }
    list(there)
}

/// The ports of one end; every port goes without saying where the other end's port is tested, for then there are ports.
fn ports(numbers: &Ranges, others: &Ranges) -> String {
    let (untested, every) = (Ranges::span(0, NO_PORTS), Ranges::span(0, NO_PORTS - 1));
    if *numbers == untested || (*numbers == every && *others != untested && *others != every) {
        return String::new();
    }
    format!(" port {}", list(port_ranges(numbers)))
}

/// The values of a port field, each range as it is written; `none` stands for packets without ports.
pub fn port_ranges(numbers: &Ranges) -> Vec<String> {
    let range =
        |(first, last): (u16, u16)| if first == last { first.to_string() } else { format!("{first}-{last}") };
    let mut words: Vec<String> = PortSet::from_numbers(numbers).ranges().map(range).collect();
    if numbers.contains(NO_PORTS) {
        words.push("none".to_owned());
    }
    words
}

fn list(words: Vec<String>) -> String {
    match words.as_slice() {
        [one] => one.clone(),
        few if few.len() <= SPELT_OUT => format!("[{}]", few.join(", ")),
        many => {
            let shown: Vec<&str> = many.iter().take(SPELT_OUT).map(String::as_str).collect();
            format!("[{}, ... {} more]", shown.join(", "), many.len() - SPELT_OUT)
        }
    }
}
