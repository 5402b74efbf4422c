//! Real packets through the kernel: what arrives is what the plan's chains allow, and sessions last as long as asked.
//!
//! Packets stay within one namespace: both ends are addresses of its loopback interface, so that each packet passes
//! output, then input.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use palisade_ir::{Family, Ifname, InstanceId, Options, Packet, Placement, Plan, Protocol, Verdict};

use crate::common::loading::{VARIANTS, load};
use crate::common::netns::{Namespace, Said};
use crate::common::random::Random;
use crate::common::{self, judge, packets, plans};

pub const TOOLS: [&str; 6] = [
    "iptables-nft-restore",
    "iptables-legacy-restore",
    "ip6tables-nft-restore",
    "ipset",
    "conntrack",
    "sysctl",
];
const JOB: &str = "PALISADE_TEST_JOB";
/// Addresses of nobody, from the pools of the random plans.
pub const STRANGERS: [&str; 6] =
    ["10.0.1.77", "10.0.2.7", "192.0.2.200", "203.0.113.9", "2001:db8:1::77", "fd00::1"];

/// The command that runs [`inside`] with a job.
fn command(job: &str) -> [String; 6] {
    let own = std::env::current_exe().unwrap().to_str().unwrap().to_owned();
    let job = format!("{JOB}={job}");
    ["env".into(), job, own, "--exact".into(), "live::inside".into(), "--nocapture".into()]
}

/// Does a job in a namespace.
pub fn run_inside(namespace: &Namespace, job: &str, input: &str) -> Said {
    let command = command(job);
    namespace.run(&command.each_ref().map(String::as_str), input)
}

/// A job that listens until its input ends.
pub struct Receiver {
    child: Child,
    output: BufReader<ChildStdout>,
}

/// Starts a receiver of datagrams and waits until it listens.
pub fn start_inside(namespace: &Namespace, job: &str, input: &str) -> Receiver {
    let command = command(job);
    let mut child = namespace.start(&command.each_ref().map(String::as_str));
    child.stdin.as_mut().unwrap().write_all(format!("{input}\n").as_bytes()).unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    while line != "ready\n" {
        line.clear();
        assert_ne!(output.read_line(&mut line).unwrap(), 0, "the receiver ended early");
    }
    Receiver { child, output }
}

impl Receiver {
    /// Ends its input, and returns the numbers that arrived.
    pub fn finish(mut self) -> BTreeSet<usize> {
        drop(self.child.stdin.take());
        let mut said = String::new();
        self.output.read_to_string(&mut said).unwrap();
        assert!(self.child.wait().unwrap().success(), "{said}");
        arrived(&said)
    }
}

fn arrived(said: &str) -> BTreeSet<usize> {
    said.lines()
        .filter_map(|line| line.strip_prefix("arrived "))
        .map(|number| number.parse().unwrap())
        .collect()
}

/// The other tests start this one in a namespace, with a job. By itself it asks what they rely on: that each datagram
/// arrives where no firewall is.
#[test]
fn inside() {
    match std::env::var(JOB).as_deref() {
        Err(_) => all_arrive_without_a_firewall(),
        Ok("datagrams") => {
            let lines = lines_until_empty();
            let sockets = bind(lines.iter().flat_map(|line| line.split(' ').skip(1)));
            send(&lines, &sockets);
            receive(&sockets);
        }
        Ok("send") => {
            let lines = lines_until_empty();
            send(&lines, &bind(lines.iter().filter_map(|line| line.split(' ').nth(1))));
        }
        Ok("receive") => {
            let lines = lines_until_empty();
            let sockets = bind(lines.iter().map(String::as_str));
            println!("\nready");
            std::io::stdin().read_to_string(&mut String::new()).unwrap();
            receive(&sockets);
        }
        Ok("session") => open_session(),
        other => panic!("no job: {other:?}"),
    }
}

fn all_arrive_without_a_firewall() {
    // Every address of 127.0.0.0/8 is this machine's, and nothing else uses these.
    let input: String =
        (0..20).map(|number| format!("{number} 127.83.71.{number}:1083 127.83.72.{number}:1071\n")).collect();
    let [env, job, own, options @ ..] = command("datagrams");
    let mut child = Command::new(env)
        .args([job, own])
        .args(options)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}");
    assert_eq!(arrived(&said), (0..20).collect(), "{said}");
}

fn lines_until_empty() -> Vec<String> {
    std::io::stdin().lines().map(Result::unwrap).take_while(|line| !line.is_empty()).collect()
}

type Sockets = BTreeMap<SocketAddr, UdpSocket>;

fn bind<'a>(ends: impl Iterator<Item = &'a str>) -> Sockets {
    let ends: BTreeSet<SocketAddr> = ends.map(|end| end.parse().unwrap()).collect();
    ends.into_iter().map(|end| (end, UdpSocket::bind(end).unwrap())).collect()
}

/// Each line is a number, a source and a destination.
fn send(lines: &[String], sockets: &Sockets) {
    for line in lines {
        let words: Vec<&str> = line.split(' ').collect();
        let from: SocketAddr = words[1].parse().unwrap();
        // A packet dropped on its way out is an error here; whether it arrives is asked elsewhere.
        drop(sockets[&from].send_to(words[0].as_bytes(), words[2]));
    }
}

fn receive(sockets: &Sockets) {
    // Virtual links deliver within the call that sends, but for the first packet to a neighbour.
    std::thread::sleep(Duration::from_millis(50));
    for socket in sockets.values() {
        socket.set_nonblocking(true).unwrap();
        let mut buffer = [0; 16];
        while let Ok(length) = socket.recv(&mut buffer) {
            println!("\narrived {}", std::str::from_utf8(&buffer[..length]).unwrap());
        }
    }
}

struct Case {
    line: String,
    expected: Verdict,
    packet: Packet,
}

/// Datagrams between own addresses and strangers, with what is expected of each.
fn datagrams(plan: &Plan, at: InstanceId, seed: u64) -> (BTreeSet<IpAddr>, Vec<Case>) {
    let own: Vec<IpAddr> =
        plan.instances[at.0 as usize].nics.iter().flat_map(|nic| nic.addresses.clone()).collect();
    let all: Vec<IpAddr> = own.iter().copied().chain(STRANGERS.map(|text| text.parse().unwrap())).collect();
    let edges: Vec<u16> = packets::at_edges(plan, seed, 200)
        .iter()
        .filter_map(Packet::ports)
        .flat_map(|ports| [ports.source, ports.destination])
        .filter(|port| *port != 0)
        .collect();
    let lo = Ifname::new("lo").unwrap();
    let mut random = Random::new(seed);
    let (mut used, mut cases) = (BTreeSet::new(), Vec::new());
    for _ in 0..150 {
        let (from, to) = (*random.pick(&all), *random.pick(&all));
        if Family::of(&from) != Family::of(&to) || from == to || edges.is_empty() {
            continue;
        }
        let ports =
            palisade_ir::PacketPorts { source: *random.pick(&edges), destination: *random.pick(&edges) };
        let (from_end, to_end) =
            (SocketAddr::new(from, ports.source), SocketAddr::new(to, ports.destination));
        // A second packet of the same session, or its reply, would not be judged.
        if !used.insert((from_end, to_end)) || used.contains(&(to_end, from_end)) {
            continue;
        }
        let packet = Packet::new(from, to, Protocol::UDP, Some(ports)).unwrap();
        let allowed = [false, true]
            .into_iter()
            .all(|incoming| judge::host(plan, at, incoming, &lo, &packet).verdict == Verdict::Allow);
        let expected = if allowed { Verdict::Allow } else { Verdict::Deny };
        cases.push(Case { line: format!("{from_end} {to_end}"), expected, packet });
    }
    (all.into_iter().collect(), cases)
}

#[test]
fn what_arrives_is_what_is_allowed() {
    let mut seen = BTreeMap::new();
    for (seed, variant) in (0..24).map(|seed| (seed, VARIANTS[(seed % 2) as usize])) {
        let Some(namespace) = Namespace::new(&TOOLS) else { return };
        let plan = plans::some_plan(seed);
        let at = InstanceId((seed % 3) as u32);
        let (addresses, cases) = datagrams(&plan, at, seed);
        for address in &addresses {
            namespace.must(&["ip", "addr", "add", &address.to_string(), "dev", "lo"], "");
        }
        let options = Options { ipset: seed.is_multiple_of(4), ..common::bare(Placement::Host(at)) };
        load(&namespace, variant, &common::emit(&plan, &options));
        let numbered = cases.iter().enumerate();
        let input: String = numbered.map(|(number, case)| format!("{number} {}\n", case.line)).collect();
        let said = run_inside(&namespace, "datagrams", &input);
        assert!(said.success, "{}\n{}", said.out, said.err);
        let arrived = arrived(&said.out);
        for (number, case) in cases.iter().enumerate() {
            let found = if arrived.contains(&number) { Verdict::Allow } else { Verdict::Deny };
            assert_eq!(found, case.expected, "seed {seed} {variant}: {:?}", case.packet);
            *seen.entry(found).or_insert(0) += 1;
        }
    }
    assert!(seen.values().all(|count| *count > 200) && seen.len() == 2, "{seen:?}");
}

/// A session on loopback whose acknowledgements get lost, after the client wrote.
fn open_session() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (mut server, _) = listener.accept().unwrap();
    client.write_all(b"a").unwrap();
    server.read_exact(&mut [0]).unwrap();
    println!("\nidle {}", conntrack_line("tcp"));
    let lost = ["-t", "raw", "-I", "OUTPUT", "-p", "tcp", "--sport", &port, "-j", "DROP"];
    assert!(Command::new("iptables-legacy").args(lost).status().unwrap().success());
    client.write_all(b"b").unwrap();
    server.read_exact(&mut [0]).unwrap();
    println!("\nunacknowledged {}", conntrack_line("tcp"));
    let one = UdpSocket::bind("127.0.0.1:0").unwrap();
    let two = UdpSocket::bind("127.0.0.1:0").unwrap();
    one.send_to(b"x", two.local_addr().unwrap()).unwrap();
    println!("\nunreplied {}", conntrack_line("udp"));
    two.send_to(b"x", one.local_addr().unwrap()).unwrap();
    println!("\nreplied {}", conntrack_line("udp"));
}

fn conntrack_line(protocol: &str) -> String {
    let listed = Command::new("conntrack").args(["-L", "-p", protocol]).output().unwrap();
    String::from_utf8_lossy(&listed.stdout).lines().next().unwrap_or_default().to_owned()
}

/// Connection tracking shows the policy's timeout, also while data is unacknowledged.
#[test]
fn sessions_last_as_long_as_asked() {
    let Some(namespace) = Namespace::new(&TOOLS) else { return };
    let artifact = common::emit(&plans::shop(), &Options::at(common::HOST));
    load(&namespace, "legacy", &artifact);
    namespace.must(&["sysctl", "-q", "-e", "-p", "/dev/stdin"], common::text(&artifact, "sysctl"));
    let said = run_inside(&namespace, "session", "");
    assert!(said.success, "{}\n{}", said.out, said.err);
    for state in ["idle", "unacknowledged", "unreplied", "replied"] {
        let line = said.out.lines().find_map(|line| line.strip_prefix(state)).expect(state);
        // `tcp 6 909 ESTABLISHED src=...`
        let seconds: u32 = line.split_whitespace().nth(2).expect(line).parse().unwrap();
        assert!((900..=910).contains(&seconds), "{state}:{line}");
    }
}
