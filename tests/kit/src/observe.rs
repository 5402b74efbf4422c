//! The chains around the rules that note which packets come to a hook and which leave it.
//!
//! They stand in an nft table of their own, at priorities before and behind every rule of nft and of both iptables.

use std::collections::BTreeSet;

use palisade_ir::{Family, PacketHook};

use crate::lab::{Kind, Lab};
use crate::netns::{LabError, Result};

/// The table of the chains.
const TABLE: &str = "palisade_observer";

/// The chain before the rules and the one behind them.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Observer {
    /// Notes what comes to the hook.
    Before,
    /// Notes what all rules let pass, then drops it.
    Behind,
}

impl Observer {
    const ALL: [Self; 2] = [Self::Before, Self::Behind];

    const fn name(self) -> &'static str {
        match self {
            Observer::Before => "before",
            Observer::Behind => "behind",
        }
    }

    fn set(self, family: Family) -> String {
        let suffix = match family {
            Family::V4 => 4,
            Family::V6 => 6,
        };
        format!("{}{suffix}", self.name())
    }
}

/// Puts both observers at a hook, with nothing noted.
pub(crate) fn install(lab: &Lab, hook: PacketHook) -> Result<()> {
    let hook = hook_name(hook);
    let mut text = format!("table inet {TABLE}\ndelete table inet {TABLE}\ntable inet {TABLE} {{\n");
    for observer in Observer::ALL {
        let (priority, end) = match observer {
            Observer::Before => (-500, "accept"),
            Observer::Behind => (1000, "drop"),
        };
        let (chain, v4, v6) = (observer.name(), observer.set(Family::V4), observer.set(Family::V6));
        // The hop limit tells our packets from the kernel's own multicast and neighbour messages (1 and 255).
        text += &format!(
            "set {v4} {{ typeof ip id; size 65535; flags dynamic; }}
            set {v6} {{ typeof ip6 flowlabel; size 65535; flags dynamic; }}
            chain {chain} {{
              type filter hook {hook} priority {priority};
              ip ttl 63-64 add @{v4} {{ ip id }}
              ip6 hoplimit 63-64 add @{v6} {{ ip6 flowlabel }}
              {end}
            }}\n"
        );
    }
    text += &ways(lab);
    lab.load_nft(&(text + "}\n"))
}

/// Takes the observers away: the lab lets packets through again.
pub(crate) fn remove(lab: &Lab) -> Result<()> {
    lab.load_nft(&format!("delete table inet {TABLE}\n"))
}

/// The packets an observer has noted, by family and number.
pub(crate) fn noted(lab: &Lab, observer: Observer) -> Result<BTreeSet<(Family, u32)>> {
    let mut noted = BTreeSet::new();
    for family in Family::ALL {
        let set = observer.set(family);
        let listing = lab.center.run("nft", &["-j", "list", "set", "inet", TABLE, &set], "")?;
        let task = || format!("read set {set}");
        let listing: serde_json::Value =
            serde_json::from_str(&listing).map_err(|error| LabError::new(task(), error))?;
        let elements = listing.pointer("/nftables/1/set/elem").and_then(|it| it.as_array());
        for element in elements.into_iter().flatten() {
            let number = element.as_u64().ok_or_else(|| LabError::new(task(), element))?;
            noted.insert((family, number as u32));
        }
    }
    Ok(noted)
}

/// The word for a hook in nft.
pub(crate) const fn hook_name(hook: PacketHook) -> &'static str {
    match hook {
        PacketHook::Input => "input",
        PacketHook::Output => "output",
        PacketHook::Forward => "forward",
    }
}

/// On a gateway, the chain that sends each packet out by the interface that its DSCP field counts.
pub(crate) fn ways(lab: &Lab) -> String {
    if lab.kind == Kind::Host {
        return String::new();
    }
    let ways: Vec<String> = (1..=lab.ports.len()).map(|way| format!("{way} : {way}")).collect();
    let ways = ways.join(", ");
    format!(
        "chain ways {{
          type filter hook prerouting priority -500;
          meta mark set ip dscp map {{ {ways} }}
          meta mark set ip6 dscp map {{ {ways} }}
        }}\n"
    )
}
