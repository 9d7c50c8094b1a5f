//! How a stream ends: one side's end is not the other's, and what was passed on arrives even if a side breaks off.

use std::future::Future;
use std::pin::{Pin, pin};
use std::time::Duration;

use rustix::net::{Shutdown, shutdown};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::pipe::Broken;

/// How long who is left may go on sending once the other side broke off, and nobody takes it.
const LINGER: Duration = Duration::from_secs(5);

/// Bytes read at once of what nobody takes.
const PIECE: usize = 16 << 10;

/// What broke first, and on which of the two directions.
pub(super) type Ended = Result<(), (Way, Broken)>;

/// A direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    There,
    Back,
}

/// Runs both directions, `there` from `client` to `node` and `back`, until both have ended. Who is left gets all that was
/// read of the other, and then the end.
pub(super) async fn both(
    client: &TcpStream,
    node: &TcpStream,
    there: impl Future<Output = Result<(), Broken>>,
    back: impl Future<Output = Result<(), Broken>>,
) -> Ended {
    let (mut there, mut back) = (pin!(there), pin!(back));
    tokio::select! {
        biased;
        ended = &mut there => rest((client, node), (Way::There, ended), (Way::Back, back)).await,
        ended = &mut back => rest((node, client), (Way::Back, ended), (Way::There, there)).await,
    }
}

/// One direction has ended; sees the other one to its end.
async fn rest(
    (from, to): (&TcpStream, &TcpStream),
    (way, ended): (Way, Result<(), Broken>),
    (other_way, mut other): (Way, Pin<&mut impl Future<Output = Result<(), Broken>>>),
) -> Ended {
    match ended {
        Ok(()) => {
            let ended = other.await;
            match &ended {
                Ok(()) | Err(Broken::Here(_)) => {}
                Err(Broken::From(_)) => hang_up(from).await,
                Err(Broken::To(_)) => hang_up(to).await,
            }
            ended.map_err(|broken| (other_way, broken))
        }
        // It takes nothing more, but what it sent before it broke off may still be on its way. Meanwhile the one that is
        // left must not be stuck with what it sends.
        Err(Broken::To(error)) => {
            tokio::select! {
                biased;
                _ = &mut other => {}
                () = async { discard(from).await; std::future::pending().await } => {}
            }
            hang_up(from).await;
            Err((way, Broken::To(error)))
        }
        // All that came before was read before the error.
        Err(Broken::From(error)) => {
            hang_up(to).await;
            Err((way, Broken::From(error)))
        }
        Err(here) => Err((way, here)),
    }
}

/// Ends what is sent to the one that is left, and reads what it sends for a while: the kernel throws away what is still to
/// be sent when a socket is closed that has unread bytes.
async fn hang_up(left: &TcpStream) {
    let _ = shutdown(left, Shutdown::Write);
    let _ = timeout(LINGER, discard(left)).await;
}

/// Reads until the end, or an error, and keeps nothing.
async fn discard(from: &TcpStream) {
    let mut piece = vec![0; PIECE];
    while from.readable().await.is_ok() {
        match from.try_read(&mut piece) {
            Ok(0) => return,
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(_) => return,
        }
        tokio::task::coop::consume_budget().await;
    }
}
