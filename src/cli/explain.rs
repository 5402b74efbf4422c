//! `palisade explain`: the deciding rule at each end, and what it beats.

use palisade_ir::{Direction, NicRef, Packet, Plan, PortSet, PrefixSet, Protocol, Ranges, Region, RuleId};

use super::args::ExplainArgs;
use super::policy::{self, LoadedPolicy};
use super::{Exit, Failure, output};
use crate::analyze::{Beaten, Case, EndCase, explain};
use crate::lower::{lower, rule_location};

/// How many values of a field are spelt out.
const SPELT_OUT: usize = 4;

pub(super) fn run(args: &ExplainArgs) -> Result<Exit, Failure> {
    let (loaded, query) = policy::load_with_traffic(&args.policy, &args.traffic)?;
    let plan = lower(&loaded.policy);
    let cases = explain(&loaded.policy, &plan, &query).map_err(|_| {
        Failure::with_help(
            "the description covers too many cases to explain",
            "name instances or addresses instead of `any`",
        )
    })?;
    let text: Vec<String> = cases.iter().map(|case| describe(&loaded, &plan, case)).collect();
    output::print(text.join("\n").as_bytes())?;
    Ok(Exit::Fine)
}

fn describe(loaded: &LoadedPolicy, plan: &Plan, case: &Case) -> String {
    let Case { sender, receiver, region, verdict, egress, ingress } = case;
    let mut text = format!("{verdict}: {}\n", region_words(region));
    for (title, direction, nic, end) in
        [("sender", Direction::Out, sender, egress), ("receiver", Direction::In, receiver, ingress)]
    {
        text.push_str(&format!("  {title:<9}"));
        match (nic, end) {
            (Some(nic), Some(end)) => describe_end(&mut text, loaded, plan, *nic, direction, end),
            _ => text.push_str("not managed by this policy, has no say\n"),
        }
    }
    text
}

fn describe_end(
    text: &mut String,
    loaded: &LoadedPolicy,
    plan: &Plan,
    nic: NicRef,
    direction: Direction,
    end: &EndCase,
) {
    let EndCase { verdict, id, beaten } = end;
    let instance = plan.instances.get(nic.instance.0 as usize).map(|it| it.name.as_str()).unwrap_or_default();
    let interface = plan.nic(nic).map(|nic| nic.interface.as_str()).unwrap_or_default();
    text.push_str(&format!("{instance} {interface}: {verdict} by {}\n", rule_words(loaded, plan, *id)));
    for Beaten { id, verdict } in beaten {
        text.push_str(&format!("           beats {verdict} by {}\n", rule_words(loaded, plan, *id)));
    }
    let default = plan.nic(nic).map(|nic| match direction {
        Direction::In => nic.ingress.default_id(),
        Direction::Out => nic.egress.default_id(),
    });
    if default == Some(*id) {
        text.push_str("           (no rule matches)\n");
    }
}

fn rule_words(loaded: &LoadedPolicy, plan: &Plan, id: RuleId) -> String {
    let Some(rule) = plan.rule(id) else { return String::new() };
    let mut words = format!("`{rule}`");
    if let Some((path, line, _)) =
        rule_location(&loaded.policy, id).and_then(|at| loaded.sources.position(at))
    {
        words.push_str(&format!(" ({path}:{line})"));
    }
    if let Some(description) = &rule.description {
        words.push_str(&format!(" \"{}\"", crate::report::visible(description)));
    }
    words
}

/// A packet in the words of the language.
pub(super) fn packet_words(packet: &Packet) -> String {
    let (from, to) = match packet.ports() {
        Some(ports) => (format!(" port {}", ports.source), format!(" port {}", ports.destination)),
        None => (String::new(), String::new()),
    };
    let fragment =
        if packet.protocol().has_ports() && packet.ports().is_none() { " (without ports)" } else { "" };
    format!("{} from {}{from} to {}{to}{fragment}", packet.protocol(), packet.source(), packet.destination())
}

/// A region in the words of the language, as far as it fits on a line.
fn region_words(region: &Region) -> String {
    let [source, destination, protocols, source_ports, destination_ports] = region.fields();
    let address = |ranges: &Ranges| {
        let set = PrefixSet::from_ranges(region.family(), ranges);
        if set.is_any() { "any".to_owned() } else { list(set.prefixes().iter().map(prefix_words).collect()) }
    };
    let protocol = if *protocols == Ranges::span(0, 255) {
        "all".to_owned()
    } else {
        let numbers = protocols.iter().flat_map(|(first, last)| first..=last);
        list(numbers.map(|number| Protocol(number as u8).to_string()).collect())
    };
    let (from, to) =
        (port_words(source_ports, destination_ports), port_words(destination_ports, source_ports));
    format!("{protocol} from {}{from} to {}{to}", address(source), address(destination))
}

fn prefix_words(prefix: &ipnet::IpNet) -> String {
    if prefix.prefix_len() == prefix.max_prefix_len() {
        prefix.addr().to_string()
    } else {
        prefix.to_string()
    }
}

/// The ports of one end; every port goes without saying where the other end's port is tested, for then there are ports.
fn port_words(numbers: &Ranges, others: &Ranges) -> String {
    let (untested, every) = (Ranges::span(0, 65_536), Ranges::span(0, 65_535));
    if *numbers == untested || (*numbers == every && *others != untested && *others != every) {
        return String::new();
    }
    let range =
        |(first, last): (u16, u16)| if first == last { first.to_string() } else { format!("{first}-{last}") };
    let mut words: Vec<String> = PortSet::from_numbers(numbers).ranges().map(range).collect();
    if numbers.contains(65_536) {
        words.push("none".to_owned());
    }
    format!(" port {}", list(words))
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
