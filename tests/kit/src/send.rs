//! Sockets that put any datagram at an interface: in front of it, or through the host's own output hook.

use std::ffi::OsString;
use std::net::{IpAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::{AsRawFd, OwnedFd};

use ipnet::IpNet;
use nix::errno::Errno;
use nix::ifaddrs::getifaddrs;
use nix::sys::socket::{
    AddressFamily, LinkAddr, MsgFlags, SockFlag, SockProtocol, SockType, SockaddrIn, SockaddrIn6,
    SockaddrLike, bind, send, sendto, setsockopt, socket, sockopt,
};
use palisade_ir::PacketHook;

use crate::frame::{frame, multicast_address};
use crate::lab::{FAR_END, Lab, Port};
use crate::netns::{LabError, Namespace, Result};

/// Sends datagrams to a hook by one interface.
pub(crate) enum Sender<'a> {
    /// From the far end of the link.
    Far(FarSender<'a>),
    /// From the host.
    Near(NearSender),
}

impl<'a> Sender<'a> {
    /// The sender that brings packets to a hook.
    pub(crate) fn new(lab: &'a Lab, hook: PacketHook, interface: &str) -> Result<Self> {
        match hook {
            PacketHook::Input | PacketHook::Forward => FarSender::new(lab.port(interface)?.1).map(Self::Far),
            PacketHook::Output => NearSender::new(&lab.center, interface).map(Self::Near),
        }
    }

    /// Sends a datagram, its IP header included.
    pub(crate) fn send(&self, destination: IpAddr, datagram: &[u8]) -> Result<()> {
        match self {
            Sender::Far(sender) => sender.send(destination, datagram),
            Sender::Near(sender) => sender.send(destination, datagram),
        }
    }
}

/// Sends frames from the far end of a link: any source address, any destination.
pub(crate) struct FarSender<'a> {
    port: &'a Port,
    frames: OwnedFd,
}

impl<'a> FarSender<'a> {
    /// A sender behind an interface.
    fn new(port: &'a Port) -> Result<Self> {
        Ok(Self { port, frames: frames_from(&port.peer)? })
    }

    /// Sends a datagram, in a frame that suits its destination.
    fn send(&self, destination: IpAddr, datagram: &[u8]) -> Result<()> {
        let to = match destination {
            IpAddr::V4(address) if address.is_broadcast() || self.is_broadcast_here(destination) => [0xff; 6],
            group if group.is_multicast() => multicast_address(group),
            _ => self.port.near,
        };
        let bytes = frame(self.port.far, to, datagram);
        let sent = send(self.frames.as_raw_fd(), &bytes, MsgFlags::empty());
        sent.map(drop).map_err(|error| LabError::new(format!("send a frame to {destination}"), error))
    }

    fn is_broadcast_here(&self, destination: IpAddr) -> bool {
        self.port.interface.addresses.iter().any(|net| match net {
            IpNet::V4(net) => net.prefix_len() < 31 && IpAddr::V4(net.broadcast()) == destination,
            IpNet::V6(_) => false,
        })
    }
}

/// A socket that sends frames from the far end of a link.
pub(crate) fn frames_from(peer: &Namespace) -> Result<OwnedFd> {
    let frames = peer.enter(|| {
        let frames = socket(AddressFamily::Packet, SockType::Raw, SockFlag::SOCK_CLOEXEC, None)?;
        bind(frames.as_raw_fd(), &far_end()?)?;
        Ok(frames)
    })?;
    frames.map_err(|error: Errno| LabError::new("open a packet socket", error))
}

/// Sends from a host by one of its interfaces: any source address, any destination.
pub(crate) struct NearSender {
    v4: OwnedFd,
    v6: OwnedFd,
}

impl NearSender {
    /// A sender on a host, for an interface.
    fn new(host: &Namespace, interface: &str) -> Result<Self> {
        let open = || Ok((raw(AddressFamily::Inet, interface)?, raw(AddressFamily::Inet6, interface)?));
        let (v4, v6) = host
            .enter(open)?
            .map_err(|error: Errno| LabError::new(format!("open raw sockets on {interface}"), error))?;
        Ok(Self { v4, v6 })
    }

    /// Sends a datagram, its IP header included. What a rule drops is sent.
    fn send(&self, destination: IpAddr, datagram: &[u8]) -> Result<()> {
        let (socket, to): (_, Box<dyn SockaddrLike>) = match destination {
            IpAddr::V4(ip) => (&self.v4, Box::new(SockaddrIn::from(SocketAddrV4::new(ip, 0)))),
            IpAddr::V6(ip) => (&self.v6, Box::new(SockaddrIn6::from(SocketAddrV6::new(ip, 0, 0, 0)))),
        };
        match sendto(socket.as_raw_fd(), datagram, to.as_ref(), MsgFlags::empty()) {
            // EPERM: netfilter dropped it at the output hook (nf_hook_slow).
            Ok(_) | Err(Errno::EPERM) => Ok(()),
            Err(error) => Err(LabError::new(format!("send a datagram to {destination}"), error)),
        }
    }
}

fn raw(family: AddressFamily, interface: &str) -> nix::Result<OwnedFd> {
    // IPPROTO_RAW: the caller writes the IP header (raw(7), and net/ipv6/raw.c).
    let raw = socket(family, SockType::Raw, SockFlag::SOCK_CLOEXEC, SockProtocol::Raw)?;
    setsockopt(&raw, sockopt::BindToDevice, &OsString::from(interface))?;
    setsockopt(&raw, sockopt::Broadcast, &true)?;
    Ok(raw)
}

fn far_end() -> nix::Result<LinkAddr> {
    getifaddrs()?
        .filter(|it| it.interface_name == FAR_END)
        .find_map(|it| it.address?.as_link_addr().copied())
        .ok_or(Errno::ENODEV)
}
