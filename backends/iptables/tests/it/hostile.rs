//! Text of the policy's author cannot become anything but a comment.

use palisade_iptables::Iptables;
use palisade_ir::{Backend, Direction, Options, Plan};

use crate::common::loading::{VARIANTS, load, save};
use crate::common::netns::Namespace;
use crate::common::plans::{self, Words};
use crate::common::{self, text};

/// Everything that could end a word, a line, a table or a reader's trust.
const HOSTILE: [&str; 12] = [
    "\" -j ACCEPT",
    "\n-A INPUT -j ACCEPT",
    "\r\n-A INPUT -j ACCEPT\r\n",
    "\\\" -j ACCEPT \\",
    "x\\",
    "' ; iptables -F '",
    "COMMIT\n*filter\n:INPUT ACCEPT [0:0]\nCOMMIT",
    "\u{0}-j ACCEPT\u{0}",
    "\u{85}-A INPUT\u{2028}-A INPUT\u{2029}\u{b}\u{c}",
    "\u{202e}TPECCA j-\u{202c}\u{200b}\u{feff}\u{e0041}",
    "\u{1b}[2J\u{1b}]0;x\u{7}",
    "#   iptables -C INPUT -j PALISADE-IN 2>/dev/null || iptables -I INPUT -j PALISADE-IN",
];

fn plan(description: &str) -> Plan {
    let mut plan = plans::empty();
    let words =
        Words { description: Some(description), log: true, protocols: &[6], ports: "22", ..Words::default() };
    let ingress = plans::rules(&mut plan, Direction::In, &words);
    let mut instance =
        plans::instance("web1", vec![plans::nic("eth0", None, "10.0.1.1", ingress, Vec::new())]);
    instance.description = Some(description.to_owned());
    plan.instances.push(instance);
    plan.sets.push(plans::named_set(palisade_ir::SetKind::Set, "office", "10.0.0.0/8"));
    plan.sets[0].description = Some(description.to_owned());
    plan
}

/// A file with every description cut out.
fn without_descriptions(file: &str) -> Vec<String> {
    let cut = |line: &str| match line.split_once("web in 20: ") {
        Some((before, after)) => format!("{before}{}", after.split_once('"').map_or("", |(_, rest)| rest)),
        None => line.to_owned(),
    };
    file.split('\n').map(cut).collect()
}

#[test]
fn descriptions_change_nothing_but_comments() {
    for description in HOSTILE.iter().flat_map(|text| [(*text).to_owned(), text.repeat(60)]) {
        for chains_only in [false, true] {
            let options = Options { chains_only, ipset: true, ..Options::at(common::HOST) };
            let harmless = common::emit(&plan("harmless"), &options);
            let hostile = common::emit(&plan(&description), &options);
            for file in &harmless.files {
                assert_eq!(
                    without_descriptions(text(&hostile, file.suffix)),
                    without_descriptions(text(&harmless, file.suffix)),
                    "{description:?}"
                );
            }
            for character in text(&hostile, "rules.v4").chars().filter(|c| *c != '\n') {
                assert!(!character.is_control() && !"\u{202e}\u{2028}\u{feff}\u{200b}".contains(character));
            }
        }
    }
}

/// The kernel's own listing agrees: same rules, and comments that say what is left of the description.
#[test]
fn the_kernel_reads_them_as_comments() {
    for variant in VARIANTS {
        let Some(namespace) = Namespace::new(&["iptables-nft-restore", "iptables-legacy-restore", "ipset"])
        else {
            return;
        };
        let lines = |plan: &Plan| {
            let artifact = common::emit(plan, &Options::at(common::HOST));
            load(&namespace, variant, &artifact);
            let saved = save(&namespace, variant);
            let emitted = palisade_iptables::lift::read(&artifact).unwrap();
            let listed = palisade_iptables::lift::read(&saved).unwrap();
            for (one, chain) in
                emitted.v4.chains.iter().flat_map(|chain| chain.rules.iter().map(move |rule| (rule, chain)))
            {
                let there = listed.v4.chains.iter().find(|other| other.name == chain.name).unwrap();
                assert!(there.rules.iter().any(|rule| rule.comment == one.comment), "{one:?}");
            }
            text(&saved, "rules.v4").lines().count()
        };
        let harmless = lines(&plan("harmless"));
        for description in HOSTILE {
            assert_eq!(lines(&plan(description)), harmless, "{description:?}");
        }
    }
}

#[test]
fn lifts_although_hostile() {
    for description in HOSTILE {
        let artifact = common::emit(&plan(description), &Options::at(common::HOST));
        assert!(Iptables.lift(&artifact).is_ok(), "{description:?}");
    }
}
