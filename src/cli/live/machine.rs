//! Running the kernel's own listing commands, in this network namespace or a named one. No shell reads any argument.

use std::io;
use std::process::{Command, Output};

use crate::cli::Failure;

/// Where commands run.
pub(super) struct Machine<'a> {
    netns: Option<&'a str>,
}

/// What a command printed.
pub(super) struct Printed {
    pub(super) out: String,
    /// What it said beside it.
    pub(super) aside: String,
}

impl<'a> Machine<'a> {
    /// This namespace, or one that `ip netns` knows by a name.
    pub(super) fn new(netns: Option<&'a str>) -> Result<Self, Failure> {
        match netns {
            Some(name) if name.is_empty() || name.starts_with('-') || name.contains('/') => {
                let help = "`ip netns list` prints the names there are";
                Err(Failure::with_help(format!("`{name}` is no name of a network namespace"), help))
            }
            netns => Ok(Self { netns }),
        }
    }

    /// What a command lists; any failure of it is one of ours.
    pub(super) fn list(&self, program: &str, arguments: &[&str]) -> Result<Printed, Failure> {
        let shown = format!("{program} {}", arguments.join(" ")).trim_end().to_owned();
        let output = self.run(program, arguments).map_err(|error| {
            let tool = if self.netns.is_some() { "ip" } else { program };
            Failure::with_help(
                format!("cannot run `{tool}`: {error}"),
                "the tool must be installed and stand on PATH",
            )
        })?;
        let Output { status, stdout, stderr } = output;
        let aside = String::from_utf8_lossy(&stderr).into_owned();
        if !status.success() {
            let said = aside.lines().find(|line| !line.trim().is_empty()).unwrap_or("it failed").trim();
            return Err(Failure::with_help(
                format!("`{shown}`: {said}"),
                "reading the kernel's rules needs root or CAP_NET_ADMIN",
            ));
        }
        let out = String::from_utf8(stdout)
            .map_err(|_| Failure::usage(format!("`{shown}` lists bytes that are no UTF-8")))?;
        Ok(Printed { out, aside })
    }

    /// What stands in a file of the kernel's there, if it is there.
    pub(super) fn file(&self, path: &str) -> Option<String> {
        if self.netns.is_none() {
            return std::fs::read_to_string(path).ok();
        }
        let output = self.run("cat", &[path]).ok().filter(|output| output.status.success())?;
        String::from_utf8(output.stdout).ok()
    }

    fn run(&self, program: &str, arguments: &[&str]) -> io::Result<Output> {
        let mut command = match self.netns {
            Some(name) => {
                let mut command = Command::new("ip");
                command.args(["netns", "exec", name, program]);
                command
            }
            None => Command::new(program),
        };
        // Messages of tools are compared with nothing, but people read them next to ours.
        command.args(arguments).env("LC_ALL", "C").output()
    }
}
