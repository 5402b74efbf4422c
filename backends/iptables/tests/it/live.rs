//! Real packets through the kernel: what arrives is what the plan's chains allow, and sessions last as long as asked.
//!
//! Packets stay within one namespace: both ends are addresses of its loopback interface, so that each packet passes
//! output, then input. Forwarding is not covered here.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

use palisade_ir::{Family, Ifname, InstanceId, Options, Packet, Placement, Plan, Protocol, Verdict};

use crate::common::loading::{VARIANTS, load};
use crate::common::netns::{Namespace, Said};
use crate::common::random::Random;
use crate::common::{self, judge, packets, plans};

const TOOLS: [&str; 6] = [
    "iptables-nft-restore",
    "iptables-legacy-restore",
    "ip6tables-nft-restore",
    "ipset",
    "conntrack",
    "sysctl",
];
const JOB: &str = "PALISADE_TEST_JOB";
/// Addresses of nobody, from the pools of the random plans.
const STRANGERS: [&str; 6] =
    ["10.0.1.77", "10.0.2.7", "192.0.2.200", "203.0.113.9", "2001:db8:1::77", "fd00::1"];

/// Runs [`inside`] with a job in a namespace.
fn run_inside(namespace: &Namespace, job: &str, input: &str) -> Said {
    let own = std::env::current_exe().unwrap();
    let command = [
        "env",
        &format!("{JOB}={job}"),
        own.to_str().unwrap(),
        "--exact",
        "live::inside",
        "--ignored",
        "--nocapture",
    ];
    namespace.run(&command, input)
}

#[test]
#[ignore = "the other tests start it in a namespace"]
fn inside() {
    let mut input = String::new();
    std::io::stdin().read_to_string(&mut input).unwrap();
    match std::env::var(JOB).as_deref() {
        Ok("udp") => send_datagrams(&input),
        Ok("tcp") => open_session(),
        other => panic!("no job: {other:?}"),
    }
}

/// Each line is a source and a destination; says which lines arrived.
fn send_datagrams(input: &str) {
    let mut sockets: BTreeMap<SocketAddr, UdpSocket> = BTreeMap::new();
    let ends: Vec<(SocketAddr, SocketAddr)> = input
        .lines()
        .map(|line| line.split_once(' ').unwrap())
        .map(|(from, to)| (from.parse().unwrap(), to.parse().unwrap()))
        .collect();
    for end in ends.iter().flat_map(|(from, to)| [from, to]) {
        sockets.entry(*end).or_insert_with(|| UdpSocket::bind(end).unwrap());
    }
    for (number, (from, to)) in ends.iter().enumerate() {
        // A packet dropped on its way out is an error here; whether it arrives is asked below.
        drop(sockets[from].send_to(number.to_string().as_bytes(), to));
    }
    // Loopback delivers within the call that sends; a moment for the kernel's deferred work costs little.
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
        let input: String = cases.iter().map(|case| format!("{}\n", case.line)).collect();
        let said = run_inside(&namespace, "udp", &input);
        assert!(said.success, "{}\n{}", said.out, said.err);
        let arrived: BTreeSet<usize> = said
            .out
            .lines()
            .filter_map(|line| line.strip_prefix("arrived "))
            .map(|number| number.parse().unwrap())
            .collect();
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
    assert!(std::process::Command::new("iptables-legacy").args(lost).status().unwrap().success());
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
    let listed = std::process::Command::new("conntrack").args(["-L", "-p", protocol]).output().unwrap();
    String::from_utf8_lossy(&listed.stdout).lines().next().unwrap_or_default().to_owned()
}

/// Connection tracking shows the policy's timeout, also while data is unacknowledged.
#[test]
fn sessions_last_as_long_as_asked() {
    let Some(namespace) = Namespace::new(&TOOLS) else { return };
    let artifact = common::emit(&plans::shop(), &Options::at(common::HOST));
    load(&namespace, "legacy", &artifact);
    namespace.must(&["sysctl", "-q", "-e", "-p", "/dev/stdin"], common::text(&artifact, "sysctl"));
    let said = run_inside(&namespace, "tcp", "");
    assert!(said.success, "{}\n{}", said.out, said.err);
    for state in ["idle", "unacknowledged", "unreplied", "replied"] {
        let line = said.out.lines().find_map(|line| line.strip_prefix(state)).expect(state);
        // `tcp 6 909 ESTABLISHED src=...`
        let seconds: u32 = line.split_whitespace().nth(2).expect(line).parse().unwrap();
        assert!((900..=910).contains(&seconds), "{state}:{line}");
    }
}
