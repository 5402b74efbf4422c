//! A bounded flood of two packets, one that the rules allow and one that they deny, while something else happens.
//!
//! It counts what came to the hook and what passed the rules. A denied packet that passed is a leak, an allowed one
//! that did not pass is a loss; what the kernel loses before the hook counts as neither.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use palisade_ir::{Family, PacketHook};

use crate::frame::{Label, datagrams};
use crate::lab::Lab;
use crate::netns::{LabError, Result};
use crate::observe::{hook_name, ways};
use crate::probe::Probe;
use crate::send::Sender;

const TABLE: &str = "palisade_flood";
/// Packets of each kind that are sent at least before the work begins, and again after its end.
const AROUND: u32 = 100;

/// What to send, and where.
#[derive(Clone, Debug)]
pub struct Flood {
    /// The hook of the rules.
    pub hook: PacketHook,
    /// A packet that every ruleset loaded meanwhile allows.
    pub allowed: Probe,
    /// A packet that every ruleset loaded meanwhile denies.
    pub denied: Probe,
    /// No more than so many packets of each.
    pub most: u32,
}

/// How the packets fared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FloodCount {
    /// Allowed packets that came to the hook.
    pub allowed: u64,
    /// Allowed packets that did not pass.
    pub lost: u64,
    /// Denied packets that came to the hook.
    pub denied: u64,
    /// Denied packets that passed.
    pub leaked: u64,
}

impl Lab {
    /// Sends both packets in turn for as long as `meanwhile` works, and counts.
    ///
    /// # Errors
    /// Also when the bound was reached before `meanwhile` was done: its end was not tested then.
    pub fn flood(&self, flood: &Flood, meanwhile: impl FnOnce() -> Result<()>) -> Result<FloodCount> {
        self.load_nft(&counters(self, flood))?;
        let (done, sent) = (AtomicBool::new(false), AtomicU32::new(0));
        thread::scope(|scope| {
            let sender = scope.spawn(|| self.pour(flood, &done, &sent));
            // Some packets go before the work, and some after it, on however busy a machine.
            let some_more = || {
                let enough = sent.load(Ordering::Relaxed).saturating_add(AROUND);
                while sent.load(Ordering::Relaxed) < enough && !sender.is_finished() {
                    thread::yield_now();
                }
            };
            some_more();
            let worked = meanwhile();
            some_more();
            done.store(true, Ordering::Relaxed);
            let poured = sender.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            worked.and(poured)
        })?;
        if sent.load(Ordering::Relaxed) >= flood.most {
            return Err(LabError::new("keep up the flood", format!("all {} packets were sent", flood.most)));
        }
        let mut count = self.counted()?;
        loop {
            // The last packets may still be on their way.
            thread::sleep(Duration::from_millis(5));
            let later = self.counted()?;
            if later == count {
                break;
            }
            count = later;
        }
        self.load_nft(&format!("delete table inet {TABLE}\n"))?;
        Ok(count)
    }

    fn pour(&self, flood: &Flood, done: &AtomicBool, sent: &AtomicU32) -> Result<()> {
        let prepare = |probe: &Probe, marker: u32| {
            let sender = Sender::new(self, flood.hook, &probe.interface)?;
            let way = self.way(flood.hook, probe)?;
            let to = probe.packet.destination();
            Ok((sender, to, datagrams(&probe.packet, Label { marker, way }, probe.form)?))
        };
        let pair = [prepare(&flood.allowed, 1)?, prepare(&flood.denied, 2)?];
        while !done.load(Ordering::Relaxed) && sent.fetch_add(1, Ordering::Relaxed) < flood.most {
            for (sender, to, datagrams) in &pair {
                datagrams.iter().try_for_each(|datagram| sender.send(*to, datagram))?;
            }
        }
        Ok(())
    }

    fn counted(&self) -> Result<FloodCount> {
        let listing = self.center.run("nft", &["-j", "list", "counters", "table", "inet", TABLE], "")?;
        let listing: serde_json::Value =
            serde_json::from_str(&listing).map_err(|error| LabError::new("read counters", error))?;
        let objects = listing.get("nftables").and_then(|it| it.as_array());
        let packets = |name: &str| {
            let counter = |object: &serde_json::Value| {
                let counter = object.get("counter")?;
                (counter.get("name")? == name).then(|| counter.get("packets")?.as_u64())?
            };
            let found = objects.into_iter().flatten().find_map(counter);
            found.ok_or_else(|| LabError::new("read counters", format!("no {name}")))
        };
        let (allowed, denied) = (packets("allowed_before")?, packets("denied_before")?);
        let lost = allowed.saturating_sub(packets("allowed_behind")?);
        Ok(FloodCount { allowed, lost, denied, leaked: packets("denied_behind")? })
    }
}

fn counters(lab: &Lab, flood: &Flood) -> String {
    let mut text = format!("table inet {TABLE}\ndelete table inet {TABLE}\ntable inet {TABLE} {{\n");
    for (place, priority, end) in [("before", -500, "accept"), ("behind", 1000, "drop")] {
        let mut rules = String::new();
        for (word, probe, marker) in [("allowed", &flood.allowed, 1), ("denied", &flood.denied, 2)] {
            text += &format!("counter {word}_{place} {{ }}\n");
            let test = match probe.packet.family() {
                Family::V4 => format!("ip ttl 63-64 ip id {marker}"),
                Family::V6 => format!("ip6 hoplimit 63-64 ip6 flowlabel {marker}"),
            };
            rules += &format!("{test} counter name {word}_{place} {end}\n");
        }
        let hook = hook_name(flood.hook);
        text += &format!("chain {place} {{\ntype filter hook {hook} priority {priority}\n{rules}}}\n");
    }
    text + &ways(lab) + "}\n"
}
