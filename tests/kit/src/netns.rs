//! Private network namespaces: created for a test, left for nobody, gone at its end.
//!
//! It knows threads and commands inside a namespace, and nothing of firewalls.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use nix::sched::{CloneFlags, setns};

/// Names start with this and the process id, so that parallel test programs never meet.
const PREFIX: &str = "palisade-";
/// Where `ip netns` keeps its names (ip-netns(8)).
const NAMES: &str = "/run/netns";
/// What the kernel suites call, each with arguments that do nothing.
const TOOLS: [(&str, &[&str]); 10] = [
    ("nft", &["list", "tables"]),
    ("iptables-nft", &["-nL"]),
    ("ip6tables-nft", &["-nL"]),
    ("iptables-legacy", &["-nL"]),
    ("ip6tables-legacy", &["-nL"]),
    ("iptables-legacy-restore", &["--version"]),
    ("iptables-nft-restore", &["--version"]),
    ("ipset", &["list"]),
    ("conntrack", &["-L"]),
    ("nfct", &["list", "timeout"]),
];

/// What went wrong between the test and the kernel.
#[derive(Debug, thiserror::Error)]
#[error("could not {task}: {detail}")]
pub struct LabError {
    /// What was tried.
    pub task: String,
    /// What came back.
    pub detail: String,
}

impl LabError {
    /// An error about a task.
    pub fn new(task: impl Into<String>, detail: impl ToString) -> Self {
        Self { task: task.into(), detail: detail.to_string().trim().to_owned() }
    }
}

/// The result of everything that touches the kernel.
pub type Result<T> = std::result::Result<T, LabError>;

/// A network namespace; dropping it removes it, also while a panic unwinds.
#[derive(Debug)]
pub struct Namespace {
    name: String,
}

impl Namespace {
    /// A new, empty namespace.
    pub fn new() -> Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("{PREFIX}{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        command("ip", &["netns", "add", &name], "")?;
        Ok(Self { name })
    }

    /// Its name for `ip netns`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Does some work on a thread inside the namespace. Sockets opened there stay there wherever they are used.
    pub fn enter<T: Send>(&self, work: impl FnOnce() -> T + Send) -> Result<T> {
        let task = || format!("enter namespace {}", self.name);
        let path = Path::new(NAMES).join(&self.name);
        let door = File::open(path).map_err(|error| LabError::new(task(), error))?;
        thread::scope(|scope| {
            let inside = scope.spawn(move || setns(&door, CloneFlags::CLONE_NEWNET).map(|()| work()));
            match inside.join() {
                Ok(done) => done.map_err(|error| LabError::new(task(), error)),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        })
    }

    /// Runs a program inside, with a text as its input, and returns what it prints.
    pub fn run(&self, program: &str, arguments: &[&str], input: &str) -> Result<String> {
        self.enter(|| command(program, arguments, input))?
    }

    /// Sets kernel parameters, named by their path below `/proc/sys`.
    pub fn sysctl(&self, settings: &[(&str, &str)]) -> Result<()> {
        self.enter(|| {
            settings.iter().try_for_each(|(name, value)| {
                let path = Path::new("/proc/sys").join(name);
                fs::write(path, value).map_err(|error| LabError::new(format!("set {name} to {value}"), error))
            })
        })?
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // Nothing can be done about a failure here; the next test program sweeps.
        let _ = command("ip", &["netns", "del", &self.name], "");
    }
}

/// Whether kernel tests can run here, else why not. Asked once per process.
pub fn kernel_tests() -> std::result::Result<(), String> {
    static ANSWER: OnceLock<std::result::Result<(), String>> = OnceLock::new();
    ANSWER.get_or_init(probe_system).clone()
}

/// Whether to go on with a kernel test; says why not on standard error (past the test harness's capture).
///
/// # Panics
/// When the tests cannot run and `PALISADE_KERNEL_TESTS=required` says that they must.
#[expect(clippy::panic, reason = "a required test that cannot run must fail")]
pub fn kernel_ready(test: &str) -> bool {
    match kernel_tests() {
        Ok(()) => true,
        Err(reason) if std::env::var_os("PALISADE_KERNEL_TESTS").is_some_and(|it| it == "required") => {
            panic!("{test} is required and cannot run: {reason}")
        }
        Err(reason) => {
            // In one piece: other tests write at the same time.
            let _ = std::io::stderr().write_all(format!("skipped {test}: {reason}\n").as_bytes());
            false
        }
    }
}

/// Returns from a test that needs the kernel where it cannot run, with the reason printed.
#[macro_export]
macro_rules! require_kernel {
    () => {
        if !$crate::netns::kernel_ready(concat!(module_path!(), ":", line!())) {
            return;
        }
    };
}

fn probe_system() -> std::result::Result<(), String> {
    if !nix::unistd::geteuid().is_root() {
        return Err("not root".to_owned());
    }
    sweep();
    let namespace = Namespace::new().map_err(|error| error.to_string())?;
    for (tool, arguments) in TOOLS {
        namespace.run(tool, arguments, "").map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// Removes namespaces of test programs that were killed before they could tidy up.
fn sweep() {
    let Ok(names) = fs::read_dir(NAMES) else { return };
    for name in names.flatten().filter_map(|entry| entry.file_name().into_string().ok()) {
        let owner = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next());
        if owner.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
            let _ = command("ip", &["netns", "del", &name], "");
        }
    }
}

fn command(program: &str, arguments: &[&str], input: &str) -> Result<String> {
    let task = || format!("run `{program} {}`", arguments.join(" "));
    let output = feed(program, arguments, input).map_err(|error| LabError::new(task(), error))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() {
        return Ok(text(&output.stdout));
    }
    let said = text(&output.stderr);
    Err(LabError::new(task(), if said.is_empty() { output.status.to_string() } else { said }))
}

fn feed(program: &str, arguments: &[&str], input: &str) -> std::io::Result<Output> {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that fails early closes its end; its exit status tells the story then.
        let _ = stdin.write_all(input.as_bytes());
    }
    child.wait_with_output()
}
