//! Completions and manual pages, made from the arguments themselves.

use std::io::Write;

use clap::CommandFactory;

use super::args::{Arguments, CompletionsArgs, ManArgs};
use super::{Exit, Failure, output};

pub(super) fn completions(args: &CompletionsArgs) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Arguments::command(), "palisade", &mut script);
    output::print(&script)?;
    Ok(Exit::Fine)
}

pub(super) fn man(args: &ManArgs) -> Result<Exit, Failure> {
    let mut command = Arguments::command();
    command.build();
    let command = match &args.command {
        None => command,
        Some(name) => command
            .find_subcommand(name)
            .cloned()
            .map(|found| found.display_name(format!("palisade-{name}")))
            .ok_or_else(|| Failure::with_help(format!("no command `{name}`"), "see palisade --help"))?,
    };
    let mut page = Vec::new();
    clap_mangen::Man::new(command)
        .render(&mut page)
        .and_then(|()| page.flush())
        .map_err(|error| Failure::io("manual page", &error))?;
    output::print(&page)?;
    Ok(Exit::Fine)
}
