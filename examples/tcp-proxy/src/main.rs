//! A TCP proxy that admits connections by the policy of one NIC, and takes a new policy while it runs.
//!
//! ```text
//! $ palisade compile policy.sg --target matcher --instance web-1 -o .
//! $ tcp-proxy web-1.palisade web-1 eth0 0.0.0.0:8443 127.0.0.1:443 &
//! $ kill -HUP %1     # the file has changed
//! ```
//!
//! A client is judged as the kernel's firewall would judge the first packet of its connection. When the policy changes,
//! connections whose first packet it would not allow are cut; the others do not notice.

mod door;

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};

use door::Door;

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let result = match arguments.as_slice() {
        [policy, instance, interface, listen, upstream] => match Door::open(policy, instance, interface) {
            Ok(door) => serve(Arc::new(door), listen, upstream).await.map_err(|error| error.to_string()),
            Err(error) => Err(error),
        },
        _ => Err("usage: tcp-proxy POLICY.palisade INSTANCE INTERFACE LISTEN UPSTREAM".to_owned()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

/// Serves until the socket fails; takes a new policy whenever it is told to (`SIGHUP`).
async fn serve(door: Arc<Door>, listen: &str, upstream: &str) -> std::io::Result<()> {
    let listener = TcpListener::bind(listen).await?;
    let mut hangups = signal(SignalKind::hangup())?;
    println!("listening on {}", listener.local_addr()?);
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                // A client that is gone already, or too many open files: nothing that ends the service.
                let Ok((client, from)) = accepted else { continue };
                tokio::spawn(connection(Arc::clone(&door), client, from, upstream.to_owned()));
            }
            _ = hangups.recv() => match door.reload() {
                Ok(()) => println!("policy loaded"),
                Err(message) => println!("policy kept: {message}"),
            },
        }
    }
}

/// One client, from the door to the end of its connection.
async fn connection(door: Arc<Door>, mut client: TcpStream, from: SocketAddr, upstream: String) {
    let Ok(to) = client.local_addr() else { return };
    let Some(guest) = door.admit(from, to) else {
        println!("refused {}", from.ip());
        return;
    };
    let Ok(mut server) = TcpStream::connect(&upstream).await else {
        println!("`{upstream}` does not answer");
        return;
    };
    tokio::select! {
        // How a connection ends is between the two; the proxy has no opinion.
        _ = copy_bidirectional(&mut client, &mut server) => {}
        () = guest.unwelcome() => println!("cut {}", from.ip()),
    }
}
