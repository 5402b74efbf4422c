//! What to run: the words of the command line.

use crate::case::{Shape, Wanted};
use crate::engine::{self, Engine};

const HELP: &str = "\
cargo bench --bench kernel -- [OPTIONS]
  --sets NAME,...     uniform, uniform6, groups, acl1, fw1, ipc1 (default: uniform,groups)
  --sizes N,...       rules of a set (default: 1000,10000; ClassBench has 1000 and 10000, cut to fewer)
  --engines WORD,...  only engines whose name contains one of the words; baselines always run
  --rounds N          slices of each engine (default: 60)
  --load N            how often to load each file (default: 3; 0 prints no such table)
";

pub struct Choice {
    pub cases: Vec<Wanted>,
    pub engines: Vec<Engine>,
    pub rounds: usize,
    pub loads: usize,
}

/// `None` when help was asked for.
pub fn read(words: impl Iterator<Item = String>) -> Option<Choice> {
    let mut sets = vec![Shape::Uniform, Shape::Groups];
    let mut sizes = vec![1000, 10_000];
    let mut choice = Choice { cases: Vec::new(), engines: engine::all(), rounds: 60, loads: 3 };
    // cargo adds `--bench`.
    let mut words = words.filter(|word| word != "--bench");
    while let Some(option) = words.next() {
        let mut value = || words.next().unwrap_or_else(|| panic!("{option} needs a value\n{HELP}"));
        match option.as_str() {
            "--sets" => {
                let known =
                    |name: &str| Shape::named(name).unwrap_or_else(|| panic!("no set `{name}`\n{HELP}"));
                sets = value().split(',').map(known).collect();
            }
            "--sizes" => sizes = value().split(',').map(|it| it.parse().expect("a number")).collect(),
            "--engines" => {
                let wanted = value();
                choice.engines.retain(|engine| {
                    engine.is_baseline() || wanted.split(',').any(|word| engine.name.contains(word))
                });
            }
            "--rounds" => choice.rounds = value().parse().expect("a number"),
            "--load" => choice.loads = value().parse().expect("a number"),
            _ => {
                println!("{HELP}engines:");
                choice.engines.iter().for_each(|engine| println!("  {}", engine.name));
                return None;
            }
        }
    }
    // A baseline without anything to compare it with is not worth its time.
    let used: Vec<_> = choice.engines.iter().filter(|it| !it.is_baseline()).map(|it| it.kernel).collect();
    choice.engines.retain(|engine| used.contains(&engine.kernel));
    choice.cases = sets
        .iter()
        .flat_map(|shape| sizes.iter().map(|rules| Wanted { shape: *shape, rules: *rules }))
        .collect();
    Some(choice)
}
