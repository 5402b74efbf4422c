//! The command line: the only place besides `source` that touches the system.

mod args;
mod check;
mod compile;
mod diff;
mod eval;
mod explain;
mod explain_code;
mod fix;
mod fmt;
mod generated;
mod import;
mod layout;
mod lints;
mod live;
mod meta;
mod output;
mod policy;
mod revision;
mod stats;
mod verify;

use std::process::ExitCode;

use clap::Parser;

use args::{Arguments, Command};

/// How a command ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Exit {
    /// All is well.
    Fine,
    /// Wrong usage, or the system refused to read or write.
    Usage,
    /// The policy is rejected.
    Rejected,
    /// An expectation, comparison or verification found a difference.
    Difference,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Fine => ExitCode::SUCCESS,
            Exit::Usage => ExitCode::from(1),
            Exit::Rejected => ExitCode::from(2),
            Exit::Difference => ExitCode::from(3),
        }
    }
}

/// Why a command stopped. What concerns the policy has been printed by then.
#[derive(Debug)]
enum Failure {
    /// Printed already.
    Told(Exit),
    /// To be printed: what is wrong, and the remedy.
    Usage(String, Option<String>),
}

impl Failure {
    fn usage(message: impl Into<String>) -> Self {
        Failure::Usage(message.into(), None)
    }

    fn with_help(message: impl Into<String>, help: impl Into<String>) -> Self {
        Failure::Usage(message.into(), Some(help.into()))
    }

    fn io(what: &str, error: &std::io::Error) -> Self {
        Failure::Usage(format!("{what}: {error}"), None)
    }
}

/// Runs the command of this process's arguments.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are no errors; everything else is wrong usage.
            let exit = if error.use_stderr() { Exit::Usage } else { Exit::Fine };
            return match error.print() {
                Ok(()) => exit.into(),
                Err(_) => Exit::Usage.into(),
            };
        }
    };
    match run(arguments.command) {
        Ok(exit) | Err(Failure::Told(exit)) => exit.into(),
        Err(Failure::Usage(message, help)) => {
            output::complain(&message, help.as_deref());
            Exit::Usage.into()
        }
    }
}

fn run(command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Check(args) => check::run(&args),
        Command::Lints => lints::run(),
        Command::ExplainCode(args) => explain_code::run(&args),
        Command::Compile(args) => compile::run(&args),
        Command::Verify(args) => verify::run(&args),
        Command::Diff(args) => diff::run(&args),
        Command::Fmt(args) => fmt::run(&args),
        Command::Eval(args) => eval::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Import(args) => import::run(&args),
        Command::Stats(args) => stats::run(&args),
        Command::Completions(args) => meta::completions(&args),
        Command::Man(args) => meta::man(&args),
    }
}
