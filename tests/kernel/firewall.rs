//! Emitting and loading: the files of a placement go into a lab as their headers say.

use palisade::targets::Target;
use palisade_ir::{Artifact, ArtifactFile, Backend, Options, Placement, Plan, Style};
use palisade_testkit::lab::{Lab, Variant};
use palisade_testkit::netns::Result;

/// A filter table without rules.
const EMPTY: &str = "*filter\n:INPUT ACCEPT\n:FORWARD ACCEPT\n:OUTPUT ACCEPT\nCOMMIT\n";

/// The default, and every chain as look-ups, however short.
pub const LAYOUTS: [Style; 3] = [Style::Auto, Style::Maps, Style::Tree];

/// Who enforces the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Firewall {
    Nft,
    Iptables(Variant),
    Ipset(Variant),
    /// Own chains only, beside the rules of others.
    Chains(Variant),
}

impl Firewall {
    /// Those whose rules replace all that stood there.
    pub const WHOLE: [Self; 5] = [
        Self::Nft,
        Self::Iptables(Variant::Nft),
        Self::Iptables(Variant::Legacy),
        Self::Ipset(Variant::Nft),
        Self::Ipset(Variant::Legacy),
    ];

    pub fn emit(self, plan: &Plan, options: &Options) -> Artifact {
        let target = match self {
            Firewall::Nft => Target::Nftables,
            Firewall::Iptables(_) | Firewall::Ipset(_) | Firewall::Chains(_) => Target::Iptables,
        };
        let backend: &dyn Backend = target.backend();
        let options = Options {
            ipset: matches!(self, Firewall::Ipset(_)),
            chains_only: matches!(self, Firewall::Chains(_)),
            ..options.clone()
        };
        backend.emit(plan, &options).unwrap_or_else(|error| panic!("{error}: {:?}", error.help))
    }

    pub fn load(self, lab: &Lab, artifact: &Artifact) {
        for ArtifactFile { suffix, contents } in &artifact.files {
            let text = std::str::from_utf8(contents).unwrap();
            let loaded = match (*suffix, self) {
                ("nft", Firewall::Nft) => lab.load_nft(text),
                ("ipset", Firewall::Ipset(_)) => lab.load_ipset(text),
                ("rules.v4", Firewall::Iptables(variant) | Firewall::Ipset(variant)) => {
                    lab.load_iptables(variant, text, "")
                }
                ("rules.v6", Firewall::Iptables(variant) | Firewall::Ipset(variant)) => {
                    lab.load_iptables(variant, "", text)
                }
                ("rules.v4", Firewall::Chains(variant)) => load_beside(lab, "iptables", variant, text),
                ("rules.v6", Firewall::Chains(variant)) => load_beside(lab, "ip6tables", variant, text),
                ("sysctl", _) => {
                    lab.center().run("sysctl", &["-q", "-e", "-p", "/dev/stdin"], text).map(drop)
                }
                (suffix, firewall) => panic!("{firewall:?} has no {suffix} file"),
            };
            loaded.unwrap_or_else(|error| panic!("{error}\n{text}"));
        }
    }

    /// Takes away what was loaded, so that another ruleset can be tried in the same lab.
    pub fn unload(self, lab: &Lab) {
        match self {
            Firewall::Nft => lab.load_nft("flush ruleset\n").unwrap(),
            Firewall::Iptables(variant) | Firewall::Chains(variant) => {
                lab.load_iptables(variant, EMPTY, EMPTY).unwrap();
            }
            Firewall::Ipset(variant) => {
                lab.load_iptables(variant, EMPTY, EMPTY).unwrap();
                lab.center().run("ipset", &["destroy"], "").unwrap();
            }
        }
    }
}

/// Loads chains and runs the commands of their header that lead packets into them.
fn load_beside(lab: &Lab, tool: &str, variant: Variant, text: &str) -> Result<()> {
    let program = format!("{tool}-{}", variant.name());
    lab.center().run(&format!("{program}-restore"), &["-w", "60", "--noflush"], text)?;
    let hooks =
        text.lines().filter_map(|line| line.strip_prefix("#   ")).filter(|line| line.contains(" || "));
    for hook in hooks {
        let command = format!("{tool}() {{ {program} -w 60 \"$@\"; }}\n{hook}");
        lab.center().run("sh", &["-c", &command], "")?;
    }
    Ok(())
}

/// The rules alone: nothing that the cloud does outside them.
pub fn bare(placement: Placement) -> Options {
    let mut options = Options::at(placement);
    options.prelude.clear();
    options
}
