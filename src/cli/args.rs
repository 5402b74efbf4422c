//! The arguments of every command, with examples.

mod review;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use palisade_ir::{Style, Verdict};

use crate::engine::EngineKind;
use crate::targets::Target;

pub(super) use self::review::{
    CheckArgs, CheckFormat, DiffArgs, DiffFormat, ExplainCodeArgs, Gate, LevelArgs, VerifyArgs,
};

/// Compile security-group policies to native firewalls.
///
/// A policy file describes groups, their rules and the instances that belong to them. palisade checks it,
/// explains it, and compiles it to nftables, iptables, an in-process matcher or Rust source.
#[derive(Parser)]
#[command(
    name = "palisade",
    version,
    max_term_width = 100,
    after_help = "\
Exit codes:
  0  all is well
  1  wrong usage, or a file could not be read or written
  2  the policy is rejected
  3  an expectation failed, a proof or comparison found a difference or did not come to its end,
     or the committed output differs"
)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Subcommand)]
pub(super) enum Command {
    /// Parse and resolve a policy, lint it and run every `expect` in it
    #[command(after_help = "\
Levels of lints: `palisade.toml` beside the policy (`[lints]` with lines like shadowed = \"deny\"), then the
options; of several options about one lint the strictest wins. A denied lint makes exit code 2.

--fix takes out rules that others of their own group cover with the same verdict and log, and repeated rules, from
the policy and what it includes from its own folder. Comments stay. Nothing is written unless the new text is proved
to mean the same for every NIC and every group.

Examples:
  palisade check policy.sg
  palisade check --deny redundant --warn missing-description policy.sg
  palisade check --fix --dry-run policy.sg   what could go?
  palisade check --format json policy.sg     one JSON object per error or warning
  palisade check --format sarif policy.sg > palisade.sarif       for code scanning; run it at the repository's root")]
    Check(CheckArgs),
    /// List all lints with their levels
    #[command(after_help = "\
Examples:
  palisade lints
  palisade explain-code deny-never-wins      what one of them is about")]
    Lints,
    /// Say what the code of an error or warning means
    #[command(after_help = "\
Examples:
  palisade explain-code palisade::lint::shadowed
  palisade explain-code host-bits")]
    ExplainCode(ExplainCodeArgs),
    /// Compile a policy to a firewall
    #[command(after_help = "\
Examples:
  palisade compile policy.sg --instance web-1 | nft -f -
  palisade compile policy.sg -o out/                        nftables for all instances
  palisade compile policy.sg --target iptables --ipset -o out/
  palisade compile policy.sg --gateway -o out/
  palisade compile policy.sg -o out/ --check                in a pull request: is out/ up to date?")]
    Compile(CompileArgs),
    /// Prove that rulesets mean the policy, for all packets
    #[command(after_help = "\
Without ARTIFACT, what `compile` would emit is verified. The proof covers every packet of both families, every
interface, and the prelude that was asked for: give the options that the files were compiled with. It does not cover
how long sessions live (--live compares that too), comments, counters, and the words and rate of log lines. A difference comes with a packet,
both verdicts, and the rule and the line responsible; exit code 3 then, and when the proof would take too long.

A `.nft` file may also hold what `nft list table` or `nft -j list table` printed.

With --live the running kernel is read (nft, or iptables-save, ip6tables-save and ipset, from PATH; needs root), and
the timeouts of sessions with it: nft's timeout objects and rules, and the settings of the `.sysctl` file.
Other tables are named and not part of the proof: another table can drop more, never let through what ours drops.

Examples:
  palisade verify policy.sg
  palisade verify policy.sg out/                           all rulesets of a folder
  palisade verify policy.sg --target iptables out/web-1.rules.v4 out/web-1.rules.v6
  palisade verify policy.sg --prelude none out/web-1.nft
  palisade verify policy.sg --live --instance web-1        has this machine drifted?
  palisade verify policy.sg --live --gateway --netns edge")]
    Verify(VerifyArgs),
    /// Say what a change of policy does to traffic, for all packets
    #[command(
        override_usage = "palisade diff [OPTIONS] <OLD> <NEW>\n       palisade diff [OPTIONS] --git <REV> <POLICY>",
        after_help = "\
Chains are compared as they come from the policy, per NIC and direction; a packet between two
managed NICs has to pass both of its ends. A NIC that comes, goes or gets other addresses counts
as wider and as narrower. Descriptions, labels and equal meanings in other words count as nothing.
Where the work is bounded by its budget the answer is `unknown`, with a packet if one is known: exit
code 3, whatever was asked.

Examples:
  palisade diff old.sg new.sg
  palisade diff --git main policy.sg --format markdown      the comment of a pull request
  palisade diff --git main policy.sg --fail-on widen        exit code 3 when more may pass
  palisade diff --git v1 --git v2 policy.sg                 two revisions
  palisade diff old.sg new.sg --generated --target iptables --ipset
  palisade diff old.sg new.sg --within envelope.sg          exit code 3 when more may pass than there"
    )]
    Diff(DiffArgs),
    /// Format policy files in place
    #[command(after_help = "\
Examples:
  palisade fmt policy.sg
  palisade fmt --check *.sg                  exit code 3 and a diff when a file is not formatted
  palisade fmt - < policy.sg                 from standard input to standard output")]
    Fmt(FmtArgs),
    /// Decide packets given as JSON lines
    #[command(after_help = "\
A packet is one line: {\"src\":\"1.2.3.4\",\"dst\":\"10.0.1.10\",\"proto\":\"tcp\",\"sport\":40000,\"dport\":443}
`proto` is a name or a number; without ports the packet is a fragment or has none. Where several
networks use an address, \"from_instance\" and \"to_instance\" say whose it is.

Examples:
  palisade eval policy.sg --packets packets.jsonl
  palisade eval policy.sg --engine nftables --packets - < packets.jsonl")]
    Eval(EvalArgs),
    /// Say which rules decide a packet at each end, and which weaker ones they beat
    #[command(after_help = "\
Examples:
  palisade explain policy.sg \"tcp from 1.2.3.4 to web-1 port 443\"
  palisade explain policy.sg \"udp from web-1 to 9.9.9.9 port 53\"")]
    Explain(ExplainArgs),
    /// Say how large a policy is: rules before and after each pass, sets, classes of values
    #[command(after_help = "\
Examples:
  palisade stats policy.sg")]
    Stats(StatsArgs),
    /// Turn a cloud's own rule listings into a policy
    #[command(after_help = "\
Examples:
  palisade import aliyun group.json > policy.sg
  palisade import aliyun DescribeSecurityGroups.json group-*.json -o policy.sg")]
    Import(ImportArgs),
    /// Print a completion script for a shell
    #[command(after_help = "\
Examples:
  palisade completions bash > /usr/share/bash-completion/completions/palisade")]
    Completions(CompletionsArgs),
    /// Print the manual page
    #[command(after_help = "\
Examples:
  palisade man | man -l -
  palisade man compile > palisade-compile.1")]
    Man(ManArgs),
}

/// How errors and warnings are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people
    Human,
    /// One JSON object per line
    Json,
}

#[derive(Args)]
pub(super) struct PolicyArgs {
    /// The policy file
    #[arg(value_name = "POLICY")]
    pub(super) policy: PathBuf,
    /// Also allow includes from this folder (may be repeated); otherwise only from the policy's own folder and below
    #[arg(long, value_name = "DIR")]
    pub(super) include_dir: Vec<PathBuf>,
    /// How errors and warnings are printed
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub(super) format: Format,
}

/// What to emit, and how.
#[derive(Args)]
pub(super) struct LayoutArgs {
    /// The firewall: nftables, iptables, matcher or rust
    #[arg(long, default_value = "nftables", value_parser = str::parse::<Target>)]
    pub(super) target: Target,
    /// Only this instance
    #[arg(long, value_name = "NAME", conflicts_with = "gateway")]
    pub(super) instance: Option<String>,
    /// One ruleset for a gateway that forwards for all instances
    #[arg(long)]
    pub(super) gateway: bool,
    /// nftables: the name of the table [default: palisade, on a gateway palisade_gateway]
    #[arg(long, value_name = "NAME")]
    pub(super) table: Option<String>,
    /// Blocks around the rules on a host: all, none, or a list of loopback, invalid, ndp, dhcp, igmp
    #[arg(long, value_name = "NAME,...", default_value = "all")]
    pub(super) prelude: String,
    /// What happens on interfaces that the policy does not name (host only): allow or deny
    #[arg(long, value_name = "VERDICT", default_value = "allow", value_parser = verdict)]
    pub(super) unmanaged: Verdict,
    /// Count packets and bytes per rule
    #[arg(long)]
    pub(super) counters: bool,
    /// iptables: only own chains, to be loaded with --noflush beside other tools
    #[arg(long)]
    pub(super) chains_only: bool,
    /// iptables: put address sets into an ipset file
    #[arg(long)]
    pub(super) ipset: bool,
    /// How chains are written: each rule as it stands, as look-ups, as a tree of chains, or as costs a packet less
    /// (rules, maps, tree, auto)
    #[arg(long, value_name = "LAYOUT", default_value = "auto", value_parser = str::parse::<Style>)]
    pub(super) layout: Style,
}

#[derive(Args)]
pub(super) struct CompileArgs {
    #[command(flatten)]
    pub(super) policy: PolicyArgs,
    #[command(flatten)]
    pub(super) layout: LayoutArgs,
    /// Write the files to this folder (created when missing)
    #[arg(short, long, value_name = "DIR")]
    pub(super) output: Option<PathBuf>,
    /// Write nothing: compare with the files in the output folder, exit code 3 and a diff when they differ
    #[arg(long, requires = "output")]
    pub(super) check: bool,
    /// Write without the proof that the rulesets mean the policy: a fault of palisade would then go unseen
    #[arg(long)]
    pub(super) no_verify: bool,
}

#[derive(Args)]
pub(super) struct FmtArgs {
    /// The files, or `-` for standard input
    #[arg(value_name = "FILE", required = true)]
    pub(super) files: Vec<PathBuf>,
    /// Write nothing: exit code 3 and a diff when a file is not formatted
    #[arg(long)]
    pub(super) check: bool,
    /// How errors are printed
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub(super) format: Format,
}

#[derive(Args)]
pub(super) struct EvalArgs {
    #[command(flatten)]
    pub(super) policy: PolicyArgs,
    /// Who decides: reference, plan, optimized, matcher, rust, or nftables, iptables, ipset, these also with -maps behind
    #[arg(long, default_value = "reference", value_parser = str::parse::<EngineKind>)]
    pub(super) engine: EngineKind,
    /// The packets, one JSON object per line; `-` for standard input
    #[arg(long, value_name = "FILE")]
    pub(super) packets: PathBuf,
}

#[derive(Args)]
pub(super) struct ExplainArgs {
    #[command(flatten)]
    pub(super) policy: PolicyArgs,
    /// What to explain, in the words of `expect`: `tcp from 1.2.3.4 to web-1 port 443`
    #[arg(value_name = "TRAFFIC")]
    pub(super) traffic: String,
}

#[derive(Args)]
pub(super) struct StatsArgs {
    #[command(flatten)]
    pub(super) policy: PolicyArgs,
}

/// The clouds whose listings can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Cloud {
    /// Alibaba Cloud ECS: DescribeSecurityGroupAttribute, the console's export, DescribeSecurityGroups for kinds
    Aliyun,
}

#[derive(Args)]
pub(super) struct ImportArgs {
    /// The cloud
    #[arg(value_enum)]
    pub(super) cloud: Cloud,
    /// The listings
    #[arg(value_name = "FILE", required = true)]
    pub(super) files: Vec<PathBuf>,
    /// Write the policy to this file instead of standard output
    #[arg(short, long, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
    /// How errors and warnings are printed
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub(super) format: Format,
}

#[derive(Args)]
pub(super) struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    pub(super) shell: clap_complete::Shell,
}

#[derive(Args)]
pub(super) struct ManArgs {
    /// The command whose page is wanted; without it the main page
    #[arg(value_name = "COMMAND")]
    pub(super) command: Option<String>,
}

fn verdict(text: &str) -> Result<Verdict, String> {
    match text {
        "allow" => Ok(Verdict::Allow),
        "deny" => Ok(Verdict::Deny),
        other => Err(format!("`{other}` is no verdict: write allow or deny")),
    }
}
