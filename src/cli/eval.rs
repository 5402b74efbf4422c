//! `palisade eval`: packets in, verdicts out, one JSON line each.

use std::fs;
use std::io::Read;

use super::args::EvalArgs;
use super::{Exit, Failure, output, policy};
use crate::engine::{Engine, PacketLine};

pub(super) fn run(args: &EvalArgs) -> Result<Exit, Failure> {
    let loaded = policy::load(&args.policy)?;
    let (name, text) = packets(args)?;
    let mut engine = Engine::new(&loaded.policy, args.engine);
    let mut answers = String::new();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let at = |error: &dyn std::fmt::Display| Failure::usage(format!("{name}:{}: {error}", number + 1));
        let PacketLine { packet, from_instance, to_instance } =
            PacketLine::parse(line).map_err(|error| at(&error))?;
        let answer = engine
            .decide(&packet, from_instance.as_deref(), to_instance.as_deref())
            .map_err(|error| at(&error))?;
        answers.push_str(&serde_json::to_string(&answer).map_err(|error| at(&error))?);
        answers.push('\n');
    }
    output::print(answers.as_bytes())?;
    Ok(Exit::Fine)
}

fn packets(args: &EvalArgs) -> Result<(String, String), Failure> {
    if args.packets.as_os_str() == "-" {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).map_err(|error| Failure::io("standard input", &error))?;
        return Ok(("<stdin>".to_owned(), text));
    }
    let name = args.packets.display().to_string();
    let text = fs::read_to_string(&args.packets)
        .map_err(|error| Failure::io(&format!("cannot read `{name}`"), &error))?;
    Ok((name, text))
}
