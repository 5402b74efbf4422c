//! From a plan to the module of one instance: its NICs as statics, and below them the code that is the same everywhere.

mod chain;
mod doc;
mod names;
mod sets;
mod text;
mod values;

use palisade_ir::layout::Act;
use palisade_ir::{
    Artifact, ArtifactFile, EmitError, Family, InstanceId, InstancePlan, NicPlan, Options, Outcome,
    Placement, Plan, Style, Verdict,
};

use doc::{Doc, print, slice, word};
use sets::Sets;
pub(crate) use text::COMMENT_BYTES;

use crate::{CODE, SUFFIX};

pub(crate) fn emit(plan: &Plan, options: &Options) -> Result<Artifact, EmitError> {
    // Prelude blocks stand outside the rules, which are all that the module judges.
    let Options { placement, prelude: _, unmanaged, counters, table, chains_only, ipset, layout } = options;
    refuse(*counters, "counters")?;
    refuse(table.is_some(), "table")?;
    refuse(*chains_only, "chains-only")?;
    refuse(*ipset, "ipset")?;
    refuse(*layout != Style::Auto, "layout")?;
    let instance = match placement {
        Placement::Host(id) => instance(plan, *id)?,
        Placement::Gateway => return Err(unsupported("gateway")),
    };
    let mut sets = Sets::new(plan);
    let names = names::nics(instance.nics.iter().map(|nic| &nic.interface));
    let mut nics = String::new();
    for (name, nic) in names.iter().zip(&instance.nics) {
        self::nic(&mut nics, &mut sets, name, nic);
    }
    let mut text = header(instance, names.first());
    text.push_str(&nics);
    sets.print(&mut text);
    frame(&mut text, plan, &names, *unmanaged);
    text.push_str(CODE);
    Ok(Artifact { files: vec![ArtifactFile::text(SUFFIX, text)] })
}

fn instance(plan: &Plan, id: InstanceId) -> Result<&InstancePlan, EmitError> {
    plan.instances.get(id.0 as usize).ok_or_else(|| EmitError {
        code: "palisade::emit::unknown-instance",
        message: format!("the policy has no instance number {}", id.0),
        help: None,
    })
}

fn refuse(wanted: bool, option: &str) -> Result<(), EmitError> {
    if wanted { Err(unsupported(option)) } else { Ok(()) }
}

fn unsupported(option: &str) -> EmitError {
    EmitError {
        code: "palisade::emit::unsupported-option",
        message: format!("the target `rust` has no use for the option `{option}`"),
        help: Some(format!("leave `{option}` out, or choose a target that knows it")),
    }
}

/// Who this is for, and how to use it.
fn header(instance: &InstancePlan, nic: Option<&String>) -> String {
    let InstancePlan { name, description, nics: _ } = instance;
    let note = description.as_deref().map(text::clean).filter(|note| !note.is_empty());
    let note = note.map(|note| format!(": {}", text::cut(&note, COMMENT_BYTES))).unwrap_or_default();
    let nic = nic.map_or("ETH0", String::as_str);
    format!(
        "// {name}{note}\n\
         //\n\
         // Which first packets of sessions may pass its NICs. palisade wrote this: edit the policy, not the tables.\n\
         // It needs `core` alone, allocates nothing and has no unsafe code:\n\
         //\n\
         //     mod firewall {{\n\
         //         include!(concat!(env!(\"OUT_DIR\"), \"/{name}.rs\"));\n\
         //     }}\n\
         //     let outcome = firewall::{nic}.ingress(&firewall::Packet {{ source, destination, protocol, ports }});\n\n"
    )
}

/// The static of a NIC.
fn nic(out: &mut String, sets: &mut Sets<'_>, name: &str, nic: &NicPlan) {
    let NicPlan { interface, via: _, network: _, side: _, addresses, ingress, egress } = nic;
    let mut rules = |family: Family| {
        let own = addresses.iter().filter(|address| Family::of(address) == family);
        let own = own.map(|address| word(values::address(family, Family::number(*address)))).collect();
        let fields = vec![
            (None, "addresses", slice(own)),
            (Some("What may come in."), "ingress", chain::chain(sets, family, ingress)),
            (Some("What may go out."), "egress", chain::chain(sets, family, egress)),
        ];
        Doc::Fields("Rules {", fields)
    };
    let fields = vec![
        (None, "interface", word(format!("\"{interface}\""))),
        (None, "v4", rules(Family::V4)),
        (None, "v6", rules(Family::V6)),
    ];
    out.push_str(&format!("/// `{interface}`\n#[allow(dead_code)]\n#[rustfmt::skip]\n"));
    print(out, 0, &format!("pub static {name}: Nic = "), &Doc::Fields("Nic {", fields), ";");
    out.push('\n');
}

/// What the code below asks the tables for.
fn frame(out: &mut String, plan: &Plan, names: &[String], unmanaged: Verdict) {
    let count = names.len();
    let nics = names.iter().map(|name| word(format!("&{name}"))).collect();
    out.push_str("/// Every NIC.\n#[allow(dead_code)]\n#[rustfmt::skip]\n");
    out.push_str(&format!("pub fn nics() -> [&'static Nic; {count}] {{\n"));
    print(out, 1, "", &Doc::List("[", nics, "]"), "");
    out.push_str("}\n\n/// How long a session lives without a packet, in seconds.\n#[allow(dead_code)]\n");
    let seconds = plan.session_timeout;
    out.push_str(&format!("pub const fn session_timeout() -> u32 {{\n    {seconds}\n}}\n\n"));
    out.push_str("/// What happens to packets that are no business of any NIC's.\n");
    let act = chain::act(Act::Decide(Outcome::silent(unmanaged)));
    out.push_str(&format!("#[allow(dead_code)]\nconst fn unmanaged() -> Act {{\n    {act}\n}}\n\n"));
}
