//! The ways to write the rules that are compared.

use palisade::targets::Target;
use palisade_ir::{Artifact, ArtifactFile, Family, InstanceId, Options, Placement, Plan, Style};
use palisade_testkit::lab::{Lab, Variant};

use crate::case::{Case, chain};
use crate::naive;

/// Who reads the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kernel {
    Nft,
    Iptables(Variant),
}

/// A way to write rules, for one reader of them.
pub struct Engine {
    pub name: String,
    pub kernel: Kernel,
    files: Box<dyn Fn(&Case) -> Files>,
}

/// What is loaded; empty texts are not.
#[derive(Clone, Default)]
pub struct Files {
    pub nft: String,
    pub v4: String,
    pub v6: String,
    pub ipset: String,
}

impl Engine {
    pub fn is_baseline(&self) -> bool {
        self.name.ends_with("baseline")
    }

    pub fn files(&self, case: &Case) -> Files {
        (self.files)(case)
    }

    /// Loads files, in place of what stood there.
    pub fn load(&self, lab: &Lab, files: &Files) {
        let Files { nft, v4, v6, ipset } = files;
        match self.kernel {
            Kernel::Nft => lab.load_nft(nft).unwrap(),
            Kernel::Iptables(variant) => {
                if !ipset.is_empty() {
                    lab.load_ipset(ipset).unwrap();
                }
                lab.load_iptables(variant, v4, v6).unwrap();
            }
        }
    }
}

/// Every engine; those of one kernel interface stand together, their baseline first.
pub fn all() -> Vec<Engine> {
    let mut engines = vec![
        compiled("nft baseline", Kernel::Nft, true, |_| {}),
        Engine {
            name: "nft naive".to_owned(),
            kernel: Kernel::Nft,
            files: Box::new(|case| Files {
                nft: naive::nft(chain(&case.lowered), case.family),
                ..Files::default()
            }),
        },
        compiled("nft rules", Kernel::Nft, false, |options| options.layout = Style::Rules),
        compiled("nft maps", Kernel::Nft, false, |options| options.layout = Style::Maps),
        compiled("nft tree", Kernel::Nft, false, |options| options.layout = Style::Tree),
        compiled("nft auto", Kernel::Nft, false, |_| {}),
    ];
    for variant in Variant::ALL {
        let kernel = Kernel::Iptables(variant);
        let name = |what: &str| format!("iptables-{} {what}", variant.name());
        engines.push(compiled(&name("baseline"), kernel, true, |_| {}));
        engines.push(Engine {
            name: name("naive"),
            kernel,
            files: Box::new(|case| {
                let text = naive::iptables(chain(&case.lowered), case.family);
                match case.family {
                    Family::V4 => Files { v4: text, ..Files::default() },
                    Family::V6 => Files { v6: text, ..Files::default() },
                }
            }),
        });
        engines.push(compiled(&name("rules"), kernel, false, |options| options.layout = Style::Rules));
        engines.push(compiled(&name("auto"), kernel, false, |_| {}));
        engines.push(compiled(&name("auto, ipset"), kernel, false, |options| options.ipset = true));
        engines.push(compiled(&name("maps, ipset"), kernel, false, |options| {
            options.ipset = true;
            options.layout = Style::Maps;
        }));
    }
    engines
}

/// What the compiler emits with some options, of the rules or of none.
fn compiled(name: &str, kernel: Kernel, empty: bool, set: fn(&mut Options)) -> Engine {
    let files = move |case: &Case| {
        let mut options = Options::at(Placement::Host(InstanceId(0)));
        set(&mut options);
        files_of(if empty { &case.empty } else { &case.optimized }, kernel, &options)
    };
    Engine { name: name.to_owned(), kernel, files: Box::new(files) }
}

fn files_of(plan: &Plan, kernel: Kernel, options: &Options) -> Files {
    let target = match kernel {
        Kernel::Nft => Target::Nftables,
        Kernel::Iptables(_) => Target::Iptables,
    };
    let Artifact { files } = target.backend().emit(plan, options).unwrap_or_else(|error| panic!("{error}"));
    let mut texts = Files::default();
    for ArtifactFile { suffix, contents } in files {
        let text = String::from_utf8(contents).expect("text");
        match suffix {
            "nft" => texts.nft = text,
            "rules.v4" => texts.v4 = text,
            "rules.v6" => texts.v6 = text,
            "ipset" => texts.ipset = text,
            // Timers cost no packet anything.
            _ => {}
        }
    }
    texts
}
