//! The program on loopback: who is allowed is served, who is not is turned away, and a new policy holds at once.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread;

use palisade_matcher::Matcher;

/// Allows connections from some addresses to any port. Who knows the NIC asks it, whatever addresses a packet has.
fn policy(folder: &Path, client: &str, instance: &str) {
    let text = format!(
        "network prod = vpc\ngroup web {{\n kind basic\n network prod\n inner deny\n in {{\n\
         \x20 1 allow tcp from {client} to port 1-65535\n }}\n}}\n\
         instance {instance} {{\n nic lo address 10.0.0.1 groups web\n}}\n"
    );
    let front = palisade::front::read_text("policy.sg", &text);
    let plan = palisade::lower::lower(&front.policy.expect("a policy"));
    // Whole or not at all, as a careful deployment writes it.
    std::fs::write(folder.join("new"), Matcher::new(&plan).to_bytes()).unwrap();
    std::fs::rename(folder.join("new"), folder.join("web-1.palisade")).unwrap();
}

/// Sends back what it gets.
fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let stream = stream.unwrap();
            thread::spawn(move || std::io::copy(&mut &stream, &mut &stream));
        }
    });
    address
}

/// The proxy, which ends with the test.
struct Proxy {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Proxy {
    fn start(folder: &Path, upstream: SocketAddr) -> (Self, SocketAddr) {
        let mut child = Command::new(env!("CARGO_BIN_EXE_example-tcp-proxy"))
            .args(["web-1.palisade", "web-1", "lo", "127.0.0.1:0", &upstream.to_string()])
            .current_dir(folder)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        let mut proxy = Self { child, lines };
        let line = proxy.line();
        let address = line.strip_prefix("listening on ").expect("an address").parse().unwrap();
        (proxy, address)
    }

    /// The next line it prints.
    fn line(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    fn hang_up(&mut self) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-HUP", &id]).status().unwrap().success());
    }
}

/// Whether what was sent comes back.
fn served(mut stream: &TcpStream) -> bool {
    let mut back = [0; 4];
    // A proxy that closes may do so before or after the words are sent.
    stream.write_all(b"ping").is_ok() && stream.read_exact(&mut back).is_ok() && back == *b"ping"
}

#[test]
fn connections_are_admitted_by_a_policy_that_changes() {
    let folder = tempfile::tempdir().unwrap();
    policy(folder.path(), "127.0.0.1", "web-1");
    let (mut proxy, address) = Proxy::start(folder.path(), echo());
    let client = TcpStream::connect(address).unwrap();
    assert!(served(&client));

    // Nobody may come in now but 127.0.0.9: new connections are refused, and the one that is there is cut.
    policy(folder.path(), "127.0.0.9", "web-1");
    proxy.hang_up();
    let mut said = [proxy.line(), proxy.line()];
    said.sort();
    assert_eq!(said, ["cut 127.0.0.1", "policy loaded"]);
    assert!(!served(&client));
    assert!(!served(&TcpStream::connect(address).unwrap()));
    assert_eq!(proxy.line(), "refused 127.0.0.1");

    // Who is allowed by the old and the new policy stays.
    policy(folder.path(), "127.0.0.0/8", "web-1");
    proxy.hang_up();
    assert_eq!(proxy.line(), "policy loaded");
    let client = TcpStream::connect(address).unwrap();
    assert!(served(&client));
    policy(folder.path(), "127.0.0.1", "web-1");
    proxy.hang_up();
    assert_eq!(proxy.line(), "policy loaded");
    assert!(served(&client) && served(&TcpStream::connect(address).unwrap()));

    // A file that is not good changes nothing.
    policy(folder.path(), "127.0.0.9", "web-2");
    proxy.hang_up();
    assert!(proxy.line().contains("policy kept: `web-1.palisade`: there is no NIC `lo`"));
    std::fs::write(folder.path().join("web-1.palisade"), b"\x89PLSD").unwrap();
    proxy.hang_up();
    assert!(proxy.line().contains("policy kept: `web-1.palisade`: the compiled policy is cut short"));
    assert!(served(&client));
}
