//! The comment lines at the top of each file: what it is, how to load it, what it leaves to others.

use palisade_ir::{Family, Options, Placement, Plan, Verdict};

use super::{Context, gateway, host};

/// Lines as comments, then one empty line. All words in them are names or fixed text: nothing here can end a comment.
fn comments(lines: &[String]) -> String {
    let mut text = String::new();
    for line in lines {
        text.push_str(if line.is_empty() { "#" } else { "# " });
        text.push_str(line);
        text.push('\n');
    }
    text.push('\n');
    text
}

/// ``host `web1` `` or `gateway`: what the rules stand on.
fn place(plan: &Plan, options: &Options) -> String {
    match options.placement {
        Placement::Host(at) => {
            let name = plan.instances.get(at.0 as usize).map(|instance| instance.name.as_str());
            format!("host `{}`", name.unwrap_or_default())
        }
        Placement::Gateway => "gateway".to_owned(),
    }
}

fn loading(options: &Options) -> Vec<String> {
    let restore = if options.chains_only { "restore --noflush" } else { "restore" };
    let mut lines = vec!["Load the files in this order; loading twice is loading once:".to_owned()];
    if options.ipset {
        lines.push("  ipset restore < NAME.ipset".to_owned());
    }
    lines.push(format!("  iptables-{restore} < NAME.rules.v4"));
    lines.push(format!("  ip6tables-{restore} < NAME.rules.v6"));
    lines.push("  sysctl -e -p NAME.sysctl".to_owned());
    lines
}

/// The header of a rules file.
pub(super) fn rules(context: &Context<'_>) -> String {
    let Context { plan, options, family } = context;
    let (tool, other) = match family {
        Family::V4 => ("iptables", "rules.v6"),
        Family::V6 => ("ip6tables", "rules.v4"),
    };
    let mut lines = vec![
        format!("palisade: {family} rules of the {}, for {tool}-restore.", place(plan, options)),
        format!("The other address family stands in NAME.{other}: load both, or one stays open."),
        String::new(),
    ];
    lines.extend(loading(options));
    lines.push(String::new());
    if options.chains_only {
        lines.extend(hooks(options, tool));
    } else {
        lines.push(
            "The restore replaces the whole filter table, rules of other tools too. Beside other tools, emit"
                .into(),
        );
        lines.push("own chains only.".into());
    }
    lines.push(String::new());
    lines.extend(scope(options));
    lines.push(format!(
        "Sessions end after {} idle seconds; NAME.sysctl sets that. Without that step the rules decide",
        plan.session_timeout
    ));
    lines.push(
        "new sessions alike, but idle ones stay open as long as the kernel's own timers say (tcp: 5 days)."
            .into(),
    );
    lines.push(format!("Every rule counts packets and bytes: {tool} -vnL"));
    comments(&lines)
}

/// The commands that lead packets into own chains. The reader of these files takes them from here.
fn hooks(options: &Options, tool: &str) -> Vec<String> {
    let entries: Vec<(&str, &str)> = match options.placement {
        Placement::Host(_) => host::ENTRIES.to_vec(),
        Placement::Gateway => vec![("FORWARD", gateway::ENTRY)],
    };
    let mut lines =
        vec!["This file holds own chains only. After the first load, lead packets into them:".to_owned()];
    for (hook, entry) in &entries {
        lines.push(format!("  {tool} -C {hook} -j {entry} 2>/dev/null || {tool} -I {hook} -j {entry}"));
    }
    lines.push(
        "What palisade accepts is accepted for the whole filter table; what it leaves alone goes on to the"
            .into(),
    );
    lines.push("rules of others. To unload:".into());
    for (hook, entry) in &entries {
        lines.push(format!("  {tool} -D {hook} -j {entry}"));
    }
    lines.push(
        "then flush (-F) and delete (-X) the chains below. Chains of a NIC or rule that left the policy stay"
            .into(),
    );
    lines.push("behind, unused, until they are deleted so.".into());
    lines
}

fn scope(options: &Options) -> Vec<String> {
    match options.placement {
        Placement::Host(_) => {
            let blocks: Vec<&str> = options.prelude.iter().map(|block| block.name()).collect();
            let blocks = if blocks.is_empty() { "none".to_owned() } else { blocks.join(", ") };
            let rest = match options.unmanaged {
                Verdict::Allow => "left alone",
                Verdict::Deny => "denied",
            };
            vec![
                format!("Interfaces the policy does not name, and forwarded packets: {rest}."),
                format!("Prelude: {blocks}."),
                "Fragments are put together by connection tracking before any rule sees them.".to_owned(),
            ]
        }
        Placement::Gateway => vec![
            "Judges what is forwarded: the sender's rules, then the receiver's. Traffic between two unmanaged ends is".to_owned(),
            "left alone. Traffic to the gateway itself meets INPUT, and bridged frames skip these rules unless".to_owned(),
            "net.bridge.bridge-nf-call-iptables is set. There is no prelude here.".to_owned(),
        ],
    }
}

/// The header of the ipset file.
pub(super) fn ipset(plan: &Plan, options: &Options) -> String {
    let mut lines = vec![
        format!("palisade: address sets of the {}, for ipset restore.", place(plan, options)),
        String::new(),
    ];
    lines.extend(loading(options));
    lines.push(String::new());
    lines.push(
        "Each set is filled beside the live one and swapped in, so that no packet meets a half-filled set."
            .into(),
    );
    lines.push(
        "This file alone brings new members of a named set (PAL-s, PAL-g) to rules that are loaded already."
            .into(),
    );
    lines.push(
        "Sets the policy no longer uses stay behind; once no rule names them: ipset destroy NAME. To unload,"
            .into(),
    );
    lines.push("remove the rules first, then the sets.".into());
    let mut text = comments(&lines);
    text.pop();
    text
}

/// The header of the sysctl file.
pub(super) fn sysctl(plan: &Plan, options: &Options) -> String {
    let place = place(plan, options);
    let mut lines =
        vec![format!("palisade: session timeout of the {place}: {} s, for sysctl.", plan.session_timeout)];
    lines.push(String::new());
    lines.extend(loading(options));
    lines.push(
        "The rules come first: the keys exist once connection tracking is in use (or after `modprobe".into(),
    );
    lines.push(
        "nf_conntrack`). -e passes over keys this kernel is built without; they stand behind a `-`.".into(),
    );
    lines.push(String::new());
    lines.push(
        "The timers hold for every session of this host (of its network namespace) in both address families."
            .into(),
    );
    lines.push("Live sessions take them over with their next packet. They survive a reload of the rules, not a reboot.".into());
    lines.push(
        "States short of an established session keep the kernel's defaults, cut to the session timeout."
            .into(),
    );
    lines.push("Kernels before 6.16 track dccp with timers of its own, which are left alone.".into());
    comments(&lines)
}
