//! A network namespace of a test's own. Skips, saying why, where there are no tools or no rights; panics instead when
//! `PALISADE_KERNEL_TESTS=required`.

use std::io::Write;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

static COUNT: AtomicU32 = AtomicU32::new(0);

pub struct Namespace(String);

/// What a command said.
pub struct Said {
    pub success: bool,
    pub out: String,
    pub err: String,
}

impl Namespace {
    /// A new namespace in which these tools can run.
    pub fn new(tools: &[&str]) -> Option<Self> {
        match Self::try_new(tools) {
            Ok(namespace) => Some(namespace),
            Err(why) if std::env::var("PALISADE_KERNEL_TESTS").as_deref() == Ok("required") => {
                panic!("kernel tests are required, but {why}")
            }
            Err(why) => {
                eprintln!("skipped: {why}");
                None
            }
        }
    }

    fn try_new(tools: &[&str]) -> Result<Self, String> {
        for tool in tools.iter().chain(&["ip"]) {
            let found =
                Command::new(tool).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
            found.map_err(|_| format!("`{tool}` is missing"))?;
        }
        // The process id comes first: other suites of this project sweep away namespaces of processes that are gone.
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("palisade-{}-iptables{count}", std::process::id());
        let made =
            Command::new("ip").args(["netns", "add", &name]).output().map_err(|error| error.to_string())?;
        if !made.status.success() {
            return Err(format!("no namespace: {}", String::from_utf8_lossy(&made.stderr).trim()));
        }
        let namespace = Self(name);
        let up = namespace.run(&["ip", "link", "set", "lo", "up"], "");
        if up.success { Ok(namespace) } else { Err(format!("no use of the namespace: {}", up.err.trim())) }
    }

    /// The namespace's name, for commands outside it.
    pub fn name(&self) -> &str {
        &self.0
    }

    /// Starts a command in the namespace, with pipes.
    pub fn start(&self, command: &[&str]) -> Child {
        Command::new("ip")
            .args(["netns", "exec", &self.0])
            .args(command)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// Runs a command in the namespace.
    pub fn run(&self, command: &[&str], input: &str) -> Said {
        let mut child = self.start(command);
        let mut stdin = child.stdin.take().unwrap();
        let input = input.to_owned();
        // A command that does not read may close its input first; that is no failure.
        let writer = std::thread::spawn(move || drop(stdin.write_all(input.as_bytes())));
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap();
        Said {
            success: output.status.success(),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Runs a command that must succeed, and returns its output.
    pub fn must(&self, command: &[&str], input: &str) -> String {
        let said = self.run(command, input);
        assert!(said.success, "{command:?}: {}\n{input}", said.err);
        said.out
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        drop(Command::new("ip").args(["netns", "delete", &self.0]).status());
    }
}
