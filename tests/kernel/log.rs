//! A rule that logs keeps its verdict when the log has had enough.

use palisade_ir::{Direction, InstanceId, Placement, Verdict};
use palisade_testkit::lab::Lab;
use palisade_testkit::probe::{Fate, Probe};
use palisade_testkit::require_kernel;

use crate::expected;
use crate::firewall::{Firewall, bare};
use crate::packets::packet;
use crate::subject::{Subject, read};
use crate::verdicts::fates;

const POLICY: &str = "
network prod = vpc
group server {
  kind basic
  network prod
  inner deny
  in {
    10 allow tcp from any to port 22 log
    20 deny udp from any to port 53 log
    30 allow udp from any
  }
  out {
    10 deny tcp to any port 25 log
    20 allow udp to any port 53 log
    30 deny udp to any
  }
}
instance server {
  nic eth0 address [10.0.1.10, fd00:1::10] groups server
}
";
const HOST: InstanceId = InstanceId(0);
/// Packets of one kind: the log takes a burst of 20 and then 10 a second.
const MANY: usize = 500;

#[test]
fn verdicts_past_the_rate_limit() {
    require_kernel!();
    let subject = read("log", POLICY);
    let lab = subject.host_lab(HOST);
    let remotes = [("203.0.113.9", "10.0.1.10"), ("2001:db8::9", "fd00:1::10")];
    for firewall in Firewall::WHOLE {
        firewall.load(&lab, &firewall.emit(&subject.optimized, &bare(Placement::Host(HOST))));
        for (remote, own) in remotes {
            for (direction, from, to, kinds) in [
                (Direction::In, remote, own, [(6, 40_000, 22), (17, 40_000, 53)]),
                (Direction::Out, own, remote, [(6, 40_000, 25), (17, 40_000, 53)]),
            ] {
                for kind in kinds {
                    let packet = packet(from.parse().unwrap(), to.parse().unwrap(), kind).unwrap();
                    alike(&lab, &subject, direction, &Probe::at(packet, "eth0"), firewall);
                }
            }
        }
        logs_are_cut(&lab, firewall);
        firewall.unload(&lab);
    }
}

fn alike(lab: &Lab, subject: &Subject, direction: Direction, probe: &Probe, firewall: Firewall) {
    let verdict = expected::host(subject, HOST, direction, probe, Verdict::Allow);
    let wanted = if verdict == Verdict::Allow { Fate::Passed } else { Fate::Dropped };
    let seen = fates(lab, direction, &vec![probe.clone(); MANY]);
    assert!(seen.iter().all(|fate| *fate == wanted), "{firewall:?} {direction}: {probe:?}");
}

/// The limit was met: rules that log have seen some of the packets, and not all.
fn logs_are_cut(lab: &Lab, firewall: Firewall) {
    let (Firewall::Iptables(variant) | Firewall::Ipset(variant)) = firewall else { return };
    for tool in ["iptables", "ip6tables"] {
        let saved = lab.center().run(&format!("{tool}-{}-save", variant.name()), &["-c"], "").unwrap();
        let logs: Vec<&str> = saved.lines().filter(|line| line.contains("-j LOG")).collect();
        assert_eq!(logs.len(), 4, "{saved}");
        for log in logs {
            // `[20:1760] -A PAL-in-eth0 ...`
            let count = log.strip_prefix('[').and_then(|rest| rest.split(':').next()).unwrap();
            let count: usize = count.parse().unwrap();
            assert!(0 < count && count < MANY, "{log}");
        }
    }
}
