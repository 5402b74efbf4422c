//! Bursts of packets into a host, and the processor time that each burst took.
//!
//! A frame that a packet socket sends by a veth pair is received on the same processor before the send returns: the
//! softirq runs where bottom halves are enabled again, in the sender's own time (`__dev_queue_xmit`,
//! net/core/dev.c). So the sender's processor time is the whole way of its packets, the rules included, and what
//! other programs do meanwhile is not in it. Kernels that keep interrupt time apart (`CONFIG_IRQ_TIME_ACCOUNTING`)
//! show too little; [`Bursts::send`] says so when it sees less time than a send call alone could take.

use std::io::IoSlice;
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::sched::{CpuSet, sched_setaffinity};
use nix::sys::socket::{MsgFlags, MultiHeaders, sendmmsg};
use nix::time::{ClockId, clock_gettime};
use nix::unistd::Pid;
use palisade_ir::Packet;

use crate::frame::{Form, Label, datagrams, frame};
use crate::lab::Lab;
use crate::netns::{LabError, Namespace, Result};
use crate::send::frames_from;

/// Packets of one system call.
const BATCH: usize = 32;
/// No packet crosses two namespaces in less.
const LEAST: Duration = Duration::from_nanos(100);
/// Drops what passed the rules, so that no session is ever confirmed and every packet is a first one; and counts.
const SINK: &str = "palisade_sink";

/// Packets that can be sent again and again from the far end of one interface.
#[derive(Debug)]
pub struct Bursts {
    frames: Vec<Vec<u8>>,
    socket: OwnedFd,
    next: usize,
}

/// How packets that were sent once fared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fared {
    /// Packets that came to the input hook.
    pub arrived: u64,
    /// Packets that passed the rules.
    pub passed: u64,
}

/// Binds this thread to one processor, the last there is.
pub fn pin() -> Result<()> {
    let error = |errno: Errno| LabError::new("bind a thread to a processor", errno);
    let last = std::thread::available_parallelism().map_or(1, usize::from) - 1;
    let mut processors = CpuSet::new();
    processors.set(last).map_err(error)?;
    sched_setaffinity(Pid::from_raw(0), &processors).map_err(error)
}

impl Lab {
    /// Puts a chain behind the rules of a host that drops what passes them: bursts never open a session then.
    pub fn sink(&self) -> Result<()> {
        self.load_nft(&format!(
            "table inet {SINK} {{\nchain passed {{\ntype filter hook input priority 1000\n\
             counter drop\n}}\n}}\n"
        ))
    }

    /// Packets to a host, to be sent from the far end of an interface.
    pub fn bursts(&self, interface: &str, packets: &[Packet]) -> Result<Bursts> {
        let (_, port) = self.port(interface)?;
        let label = Label { marker: 1, way: 0 };
        let mut frames = Vec::with_capacity(packets.len());
        for packet in packets {
            for datagram in datagrams(packet, label, Form::Whole)? {
                frames.push(frame(port.far, port.near, &datagram));
            }
        }
        Ok(Bursts { frames, socket: frames_from(&port.peer)?, next: 0 })
    }

    /// Sends every packet once and counts how many came to the input hook and how many passed the rules.
    pub fn fare(&self, bursts: &mut Bursts) -> Result<Fared> {
        let before = format!("{SINK}_before");
        self.load_nft(&format!(
            "table inet {before} {{\nchain arrived {{\ntype filter hook input priority -500\ncounter\n}}\n}}\n"
        ))?;
        let old = counted(&self.center, SINK)?;
        bursts.next = 0;
        bursts.send(bursts.frames.len())?;
        let fared =
            Fared { arrived: counted(&self.center, &before)?, passed: counted(&self.center, SINK)? - old };
        self.load_nft(&format!("delete table inet {before}\n"))?;
        Ok(fared)
    }
}

impl Bursts {
    /// Goes back by some packets, which come next then.
    pub fn back(&mut self, count: usize) {
        let all = self.frames.len().max(1);
        self.next = (self.next + all - count % all) % all;
    }

    /// Sends the next packets, from the start again after the last, and returns the processor time that took.
    pub fn send(&mut self, count: usize) -> Result<Duration> {
        let error = |errno: Errno| LabError::new("send a burst", errno);
        let mut headers = MultiHeaders::<()>::preallocate(BATCH, None);
        let start = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map_err(error)?;
        let mut left = count;
        while left > 0 {
            let rest = self.frames.get(self.next..).unwrap_or_default();
            let slices: Vec<[IoSlice<'_>; 1]> =
                rest.iter().take(left.min(BATCH)).map(|frame| [IoSlice::new(frame)]).collect();
            let addresses = vec![None; slices.len()];
            let sent =
                sendmmsg(self.socket.as_raw_fd(), &mut headers, &slices, addresses, [], MsgFlags::empty());
            let sent = sent.map_err(error)?.count();
            left = left.saturating_sub(sent);
            self.next = if self.next + sent >= self.frames.len() { 0 } else { self.next + sent };
        }
        let end = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map_err(error)?;
        let took = Duration::from(end).saturating_sub(Duration::from(start));
        if took < LEAST * count as u32 {
            return Err(LabError::new("time a burst", "this kernel keeps the time of interrupts apart"));
        }
        Ok(took)
    }
}

/// The packets of the only counter of a table.
fn counted(namespace: &Namespace, table: &str) -> Result<u64> {
    let listing = namespace.run("nft", &["list", "table", "inet", table], "")?;
    let mut words = listing.split_whitespace().skip_while(|word| *word != "packets");
    let number = words.nth(1).and_then(|word| word.parse().ok());
    number.ok_or_else(|| LabError::new(format!("count the packets of {table}"), listing))
}
