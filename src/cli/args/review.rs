//! The arguments of the commands that judge: check, verify, diff, and what teaches about their findings.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{LayoutArgs, PolicyArgs};

/// How the findings of `check` are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum CheckFormat {
    /// For people, to standard error
    Human,
    /// One JSON object per line, to standard error
    Json,
    /// One SARIF 2.1.0 document for code scanning, to standard output
    Sarif,
}

#[derive(Args)]
pub(in crate::cli) struct CheckArgs {
    /// The policy file
    #[arg(value_name = "POLICY")]
    pub(in crate::cli) policy: PathBuf,
    /// Also allow includes from this folder (may be repeated); otherwise only from the policy's own folder and below
    #[arg(long, value_name = "DIR")]
    pub(in crate::cli) include_dir: Vec<PathBuf>,
    /// How errors and warnings are printed
    #[arg(long, value_enum, default_value_t = CheckFormat::Human)]
    pub(in crate::cli) format: CheckFormat,
    /// Draw every warning, not only the first hundred; JSON and SARIF always hold all
    #[arg(long)]
    pub(in crate::cli) all: bool,
    /// First take rules out of the source that say nothing, comments and meaning kept
    #[arg(long)]
    pub(in crate::cli) fix: bool,
    /// With --fix: write nothing and print what would change; exit code 3 when something would
    #[arg(long, requires = "fix")]
    pub(in crate::cli) dry_run: bool,
    #[command(flatten)]
    pub(in crate::cli) levels: LevelArgs,
}

/// Levels of lints, each by name or code.
#[derive(Args)]
pub(in crate::cli) struct LevelArgs {
    /// Silence a lint (may be repeated)
    #[arg(long, value_name = "LINT")]
    pub(in crate::cli) allow: Vec<String>,
    /// Let a lint warn (may be repeated)
    #[arg(long, value_name = "LINT")]
    pub(in crate::cli) warn: Vec<String>,
    /// Reject the policy when a lint finds something (may be repeated)
    #[arg(long, value_name = "LINT")]
    pub(in crate::cli) deny: Vec<String>,
}

#[derive(Args)]
pub(in crate::cli) struct ExplainCodeArgs {
    /// The code as it stands in a message, or its last part
    #[arg(value_name = "CODE")]
    pub(in crate::cli) code: String,
}

#[derive(Args)]
pub(in crate::cli) struct VerifyArgs {
    #[command(flatten)]
    pub(in crate::cli) policy: PolicyArgs,
    /// Rulesets, or folders of them; the first part of a file's name says whose it is
    #[arg(value_name = "ARTIFACT")]
    pub(in crate::cli) artifacts: Vec<PathBuf>,
    /// Read what the running kernel enforces instead of files, and report how it differs
    #[arg(long, conflicts_with = "artifacts")]
    pub(in crate::cli) live: bool,
    /// With --live: in this network namespace, as `ip netns` names it
    #[arg(long, value_name = "NAME", requires = "live")]
    pub(in crate::cli) netns: Option<String>,
    #[command(flatten)]
    pub(in crate::cli) layout: LayoutArgs,
}

/// How a difference is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum DiffFormat {
    /// For people
    Text,
    /// One JSON object with every region
    Json,
    /// For the comment of a pull request
    Markdown,
}

/// Which changes fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Gate {
    /// Something may pass that could not
    Widen,
    /// Something may no longer pass
    Narrow,
    /// Any change in meaning, logging included
    Any,
}

#[derive(Args)]
pub(in crate::cli) struct DiffArgs {
    /// The old and the new policy, with --git the one policy; of a folder its `policy.sg`
    #[arg(value_name = "POLICY", required = true, num_args = 1..=2)]
    pub(in crate::cli) policies: Vec<PathBuf>,
    /// Compare the policy at this git revision with the files as they are; given twice: two revisions
    #[arg(long, value_name = "REV")]
    pub(in crate::cli) git: Vec<String>,
    /// How the difference is printed
    #[arg(long, value_enum, default_value_t = DiffFormat::Text)]
    pub(in crate::cli) format: DiffFormat,
    /// Print every region instead of the first ones of each change
    #[arg(long)]
    pub(in crate::cli) all: bool,
    /// Exit code 3 when the meaning changed
    #[arg(long)]
    pub(in crate::cli) exit_code: bool,
    /// Exit code 3 when the policy became wider, narrower, or changed at all
    #[arg(long, value_enum, value_name = "CHANGE")]
    pub(in crate::cli) fail_on: Option<Gate>,
    /// Exit code 3 unless everything newly allowed is allowed by this policy for the same NIC
    #[arg(long, value_name = "ENVELOPE")]
    pub(in crate::cli) within: Option<PathBuf>,
    /// Also print how the compiled files change; the options below say what is compiled
    #[arg(long)]
    pub(in crate::cli) generated: bool,
    #[command(flatten, next_help_heading = "With --generated")]
    pub(in crate::cli) layout: LayoutArgs,
    /// Also allow includes from this folder (may be repeated)
    #[arg(long, value_name = "DIR")]
    pub(in crate::cli) include_dir: Vec<PathBuf>,
}
