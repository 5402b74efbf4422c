//! One permission object: what the listing says, value by value. Whether a policy can say it is decided later.

use ipnet::IpNet;
use palisade_ir::{Direction, Family, Protocol, Side, Verdict};

use super::codes;
use super::fields::{self, Field};
use super::values::{self, Ports};
use crate::import::json::{Node, Object};
use crate::import::report::{Report, Told, error, warning};

/// A rule as listed.
#[derive(Clone, Debug)]
pub(super) struct Permission<'t> {
    pub(super) node: Node<'t>,
    pub(super) direction: Direction,
    pub(super) verdict: Verdict,
    pub(super) priority: u32,
    /// The NIC type, if it is given.
    pub(super) side: Option<Side>,
    /// `None` is every protocol.
    pub(super) protocol: Option<Protocol>,
    pub(super) source_ports: Option<Ports>,
    pub(super) destination_ports: Option<Ports>,
    /// A list of ports whose content is not in the listing.
    pub(super) port_list: Option<Field<'t>>,
    pub(super) source: End<'t>,
    pub(super) destination: End<'t>,
    pub(super) description: Option<Field<'t>>,
}

/// One end of a rule as listed.
#[derive(Clone, Debug)]
pub(super) struct End<'t> {
    /// IPv4, then IPv6.
    pub(super) prefixes: Vec<IpNet>,
    pub(super) group: Option<Field<'t>>,
    pub(super) prefix_list: Option<Field<'t>>,
}

/// The key by which a permission is recognised.
pub(super) const PROTOCOL: &str = "IpProtocol";

/// All keys that are read or mean nothing here.
const KEYS: &[&str] = &[
    "CreateTime",
    "Description",
    "DestCidrIp",
    "DestGroupId",
    "DestGroupName",
    "DestGroupOwnerAccount",
    "DestPrefixListId",
    "DestPrefixListName",
    "Direction",
    PROTOCOL,
    "Ipv6DestCidrIp",
    "Ipv6SourceCidrIp",
    "NicType",
    "Policy",
    "PortRange",
    "PortRangeListId",
    "PortRangeListName",
    "Priority",
    "SecurityGroupRuleId",
    "SourceCidrIp",
    "SourceGroupId",
    "SourceGroupName",
    "SourceGroupOwnerAccount",
    "SourcePortRange",
    "SourcePrefixListId",
    "SourcePrefixListName",
];

/// Reads a permission; all errors of its values are reported.
pub(super) fn read<'t>(node: &Node<'t>, report: &mut Report) -> Result<Permission<'t>, Told> {
    let object = fields::object(node, report)?;
    fields::unknown_keys(&object, KEYS, "a permission", report);
    let direction =
        word(&object, "Direction", &[("ingress", Direction::In), ("egress", Direction::Out)], report);
    let verdict = word(&object, "Policy", &[("accept", Verdict::Allow), ("drop", Verdict::Deny)], report);
    let side = side(&object, report);
    let priority = priority(&object, report);
    let traffic = traffic(&object, report);
    let source =
        end(&object, ["SourceCidrIp", "Ipv6SourceCidrIp", "SourceGroupId", "SourcePrefixListId"], report);
    let destination =
        end(&object, ["DestCidrIp", "Ipv6DestCidrIp", "DestGroupId", "DestPrefixListId"], report);
    let description = fields::field(&object, "Description", report)?;
    let (protocol, source_ports, destination_ports, port_list) = traffic?;
    Ok(Permission {
        node: node.clone(),
        direction: direction?,
        verdict: verdict?,
        priority: priority?,
        side: side?,
        protocol,
        source_ports,
        destination_ports,
        port_list,
        source: source?,
        destination: destination?,
        description,
    })
}

/// A word; the first known one is the cloud's default for a missing value.
fn word<T: Copy>(
    object: &Object<'_>,
    key: &'static str,
    known: &[(&str, T); 2],
    report: &mut Report,
) -> Result<T, Told> {
    match fields::field(object, key, report)? {
        Some(field) => field.word(key, known, report),
        None => {
            let [(default, meaning), _] = known;
            assumed(object, key, default, report);
            Ok(*meaning)
        }
    }
}

fn assumed(object: &Object<'_>, key: &str, default: &str, report: &mut Report) {
    let message = format!("`{key}` is missing and read as `{default}`");
    let help = "that is the cloud's default; write it into the listing if it is right";
    report.warn(warning(codes::ASSUMED_VALUE, &object.node, message).help(help));
}

fn side(object: &Object<'_>, report: &mut Report) -> Result<Option<Side>, Told> {
    let Some(field) = fields::field(object, "NicType", report)? else { return Ok(None) };
    field.word("NicType", &[("internet", Side::Public), ("intranet", Side::Internal)], report).map(Some)
}

fn priority(object: &Object<'_>, report: &mut Report) -> Result<u32, Told> {
    match fields::field(object, "Priority", report)? {
        Some(field) => values::priority(&field, report),
        None => {
            assumed(object, "Priority", "1", report);
            Ok(1)
        }
    }
}

type Traffic<'t> = (Option<Protocol>, Option<Ports>, Option<Ports>, Option<Field<'t>>);

fn traffic<'t>(object: &Object<'t>, report: &mut Report) -> Result<Traffic<'t>, Told> {
    let Some(protocol) = fields::field(object, PROTOCOL, report)? else {
        return Err(missing(object, PROTOCOL, "write the protocol, or `ALL`", report));
    };
    let protocol = values::protocol(&protocol, report)?;
    let source = match fields::field(object, "SourcePortRange", report)? {
        Some(field) => values::source_ports(protocol, &field, report),
        None => Ok(None),
    };
    let port_list = fields::field(object, "PortRangeListId", report)?;
    let destination = match fields::field(object, "PortRange", report)? {
        // What a port list holds decides; a range beside it is no answer.
        _ if port_list.is_some() => Ok(None),
        Some(field) => values::destination_ports(protocol, &field, report),
        None if values::has_ports(protocol) => {
            Err(missing(object, "PortRange", "write `first/last`, such as `22/22`", report))
        }
        None => Ok(None),
    };
    Ok((protocol, source?, destination?, port_list))
}

/// The error for a key without which the rest means nothing.
pub(super) fn missing(object: &Object<'_>, key: &str, help: &str, report: &mut Report) -> Told {
    report.refuse(error(codes::MISSING_VALUE, &object.node, format!("`{key}` is missing")).help(help))
}

fn end<'t>(object: &Object<'t>, keys: [&str; 4], report: &mut Report) -> Result<End<'t>, Told> {
    let [v4, v6, group, prefix_list] = keys;
    let mut prefixes = Vec::new();
    let mut good = Ok(());
    for (key, family) in [(v4, Family::V4), (v6, Family::V6)] {
        let prefix = match fields::field(object, key, report) {
            Ok(Some(field)) => values::prefix(&field, family, report),
            Ok(None) => continue,
            Err(told) => Err(told),
        };
        match prefix {
            Ok(prefix) => prefixes.push(prefix),
            Err(told) => good = Err(told),
        }
    }
    prefixes.sort();
    prefixes.dedup();
    let group = fields::field(object, group, report);
    let prefix_list = fields::field(object, prefix_list, report);
    good?;
    Ok(End { prefixes, group: group?, prefix_list: prefix_list? })
}
