//! One stream from its first byte to its last.

use std::io;
use std::net::SocketAddrV4;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use rustix::net::sockopt;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout};

use super::door::Ticket;
use super::ending::{Way, both};
use super::pipe::{Broken, Pipes, pass};
use super::tally::Cause;
use crate::cloud::passthrough::Limits;

/// How often the other end is asked before it is given up, a quarter of the keepalive apart: gone after twice that.
const PROBES: u32 = 4;

/// A stream that was let in.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) client: std::net::TcpStream,
    pub(super) peer: SocketAddrV4,
    pub(super) to: SocketAddrV4,
    pub(super) limits: Arc<Limits>,
    pub(super) ticket: Ticket,
}

/// Sets what every socket has: small pieces go at once, and silence is probed. There is no `TCP_USER_TIMEOUT`: it would
/// also end streams whose reader pauses.
fn prepare(socket: &TcpStream, keepalive: Duration) -> io::Result<()> {
    socket.set_nodelay(true)?;
    sockopt::set_socket_keepalive(socket, true)?;
    sockopt::set_tcp_keepidle(socket, keepalive)?;
    sockopt::set_tcp_keepintvl(socket, (keepalive / PROBES).max(Duration::from_secs(1)))?;
    Ok(sockopt::set_tcp_keepcnt(socket, PROBES)?)
}

/// When bytes last moved, either way.
struct Pulse {
    start: Instant,
    last: AtomicU64,
}

impl Pulse {
    fn beat(&self) {
        let since = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last.store(since, Relaxed);
    }

    /// Ends when nothing has moved for `idle`.
    async fn stops(&self, idle: Duration) {
        loop {
            let due = self.start + Duration::from_millis(self.last.load(Relaxed)) + idle;
            if Instant::now() >= due {
                return;
            }
            sleep_until(due).await;
        }
    }
}

/// Connects to the node and passes everything on, both ways, until both have ended.
pub(super) async fn relay(stream: Stream, pipes: &Pipes) {
    let Stream {
        client,
        peer,
        to,
        limits,
        ticket,
    } = stream;
    let client =
        match TcpStream::from_std(client).and_then(|client| prepare(&client, limits.keepalive).map(|()| client)) {
            Ok(client) => client,
            Err(error) => return ticket.fail(Cause::Resources, || format!("from {peer}: {error}")),
        };
    let node = match connect(to, &limits).await {
        Ok(node) => node,
        Err((cause, error)) => {
            // Nothing has been said, so nothing is lost when it is said at once.
            let _ = client.set_zero_linger();
            return ticket.fail(cause, || format!("{to} cannot be reached: {error}"));
        }
    };
    let pulse = Pulse {
        start: Instant::now(),
        last: AtomicU64::new(0),
    };
    let tally = ticket.tally();
    let there = pass(&client, &node, pipes, |bytes| {
        tally.to_node.fetch_add(bytes as u64, Relaxed);
        pulse.beat();
    });
    let back = pass(&node, &client, pipes, |bytes| {
        tally.from_node.fetch_add(bytes as u64, Relaxed);
        pulse.beat();
    });
    let ended = tokio::select! {
        biased;
        ended = both(&client, &node, there, back) => ended.map_err(|(way, broken)| blame(broken, way)),
        () = pulse.stops(limits.idle) => Err((Cause::Idle, None)),
    };
    // Both sockets are closed here: whichever side is left gets what came before, and then the end.
    match ended {
        Ok(()) => {}
        Err((Cause::Idle, _)) => ticket.fail(Cause::Idle, || {
            format!("{peer} to {to} was silent for {} s, closed", limits.idle.as_secs())
        }),
        Err((cause, error)) => {
            let error = error.map(|error| error.to_string()).unwrap_or_default();
            ticket.fail(cause, || format!("{peer} to {to} broke off: {error}"));
        }
    }
}

/// Who broke off.
fn blame(broken: Broken, way: Way) -> (Cause, Option<io::Error>) {
    let (from, to) = match way {
        Way::There => (Cause::ClientBroken, Cause::NodeBroken),
        Way::Back => (Cause::NodeBroken, Cause::ClientBroken),
    };
    match broken {
        Broken::From(error) => (from, Some(error)),
        Broken::To(error) => (to, Some(error)),
        Broken::Here(error) => (Cause::Resources, Some(error)),
    }
}

async fn connect(to: SocketAddrV4, limits: &Limits) -> Result<TcpStream, (Cause, io::Error)> {
    let node = timeout(limits.connect, TcpStream::connect(std::net::SocketAddr::V4(to)))
        .await
        .map_err(|_| (Cause::ConnectTimeout, io::ErrorKind::TimedOut.into()))?;
    let node = node.map_err(|error| match error.kind() {
        io::ErrorKind::ConnectionRefused => (Cause::ConnectRefused, error),
        io::ErrorKind::TimedOut => (Cause::ConnectTimeout, error),
        _ => (Cause::ConnectOther, error),
    })?;
    prepare(&node, limits.keepalive).map_err(|error| (Cause::Resources, error))?;
    Ok(node)
}
