//! The relay under chance: pieces of any size, pauses and ends at any place give the same bytes in the same order.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command};
use std::thread::{self, sleep};
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

/// What one end does: pieces it writes, each after a pause of so many milliseconds, and how it reads meanwhile.
#[derive(Debug, Clone)]
struct End {
    pieces: Vec<(usize, u64)>,
    /// How much it reads at once.
    bite: usize,
    /// After how many bites it pauses, and for how long.
    pause: (usize, u64),
    /// How many of its own bytes it has written when it closes everything at once, if it does.
    breaks_at: Option<usize>,
}

impl End {
    fn strategy() -> impl Strategy<Value = Self> {
        let size = prop_oneof![
            1_usize..20,
            1000_usize..5000,
            60_000_usize..70_000,
            200_000_usize..900_000
        ];
        let pause = prop_oneof![9 => Just(0_u64), 1 => 0_u64..8];
        let bite = prop_oneof![1_usize..50, 4000_usize..70_000];
        let breaks = prop_oneof![4 => Just(None), 1 => (0_usize..300_000).prop_map(Some)];
        (vec((size, pause), 0..12), bite, (1_usize..400, 0_u64..4), breaks).prop_map(
            |(pieces, bite, pause, breaks_at)| {
                // Small bites of much would take long and show nothing more.
                let total: usize = pieces.iter().map(|(size, _)| size).sum();
                Self {
                    pieces,
                    bite: bite.max(total / 2000 + 1),
                    pause,
                    breaks_at,
                }
            },
        )
    }

    fn sends(&self) -> usize {
        self.pieces.iter().map(|(size, _)| size).sum()
    }
}

/// Byte `at` of what a side sends: neighbours, and the same places of both sides, differ.
fn byte(side: u64, at: usize) -> u8 {
    let mixed = (at as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15 ^ (side << 7));
    (mixed >> 56) as u8
}

fn bytes(side: u64, range: std::ops::Range<usize>) -> Vec<u8> {
    range.map(|at| byte(side, at)).collect()
}

/// Plays one end: what it has read, and whether it ended with an end and not with an error.
fn play(stream: TcpStream, side: u64, own: &End, other_total: usize) -> (Vec<u8>, bool) {
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let mut writing = stream.try_clone().unwrap();
    thread::scope(|scope| {
        scope.spawn(move || {
            let mut at = 0;
            for (size, pause) in &own.pieces {
                sleep(Duration::from_millis(*pause));
                let end = own
                    .breaks_at
                    .map_or(at + size, |breaks| (at + size).min(breaks.max(at)));
                if writing.write_all(&bytes(side, at..end)).is_err() {
                    return;
                }
                at = end;
                if own.breaks_at.is_some_and(|breaks| breaks <= at) {
                    let _ = writing.shutdown(Shutdown::Both);
                    return;
                }
            }
            let _ = writing.shutdown(Shutdown::Write);
        });
        let mut reading = stream;
        let mut got = Vec::with_capacity(other_total);
        let mut piece = vec![0; own.bite];
        let mut bites = 0;
        loop {
            match reading.read(&mut piece) {
                Ok(0) => return (got, true),
                Ok(size) => got.extend_from_slice(&piece[..size]),
                Err(error) => {
                    assert!(
                        error.kind() != std::io::ErrorKind::WouldBlock,
                        "nothing came for half a minute"
                    );
                    return (got, false);
                }
            }
            bites += 1;
            if bites % own.pause.0 == 0 {
                sleep(Duration::from_millis(own.pause.1));
            }
        }
    })
}

struct Proxy(Child, SocketAddr);

impl Proxy {
    fn to(node: SocketAddr) -> Self {
        let listen = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let words = [
            "proxy",
            "serve",
            "--source",
            "127.0.0.0/8",
            "--listen",
            &listen.to_string(),
            "--to",
            &node.to_string(),
        ];
        let mut command = Command::new(env!("CARGO_BIN_EXE_nodebake"));
        let child = command.args(words).stderr(std::process::Stdio::null()).spawn().unwrap();
        super::lab::eventually("the proxy listens", || TcpStream::connect(listen).is_ok());
        Self(child, listen)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn any_pieces_pauses_and_ends_give_the_same_bytes() {
    let node = TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = Proxy::to(node.local_addr().unwrap());
    // The stream that found it listening.
    drop(node.accept().unwrap());
    let mut runner = TestRunner::new(Config {
        cases: 48,
        failure_persistence: None,
        ..Config::default()
    });
    let whole = std::cell::Cell::new(0);
    let outcome = runner.run(&(End::strategy(), End::strategy()), |(client, server)| {
        let (to_client, to_server) = thread::scope(|scope| {
            let (client, server, node) = (&client, &server, &node);
            let far = scope.spawn(move || play(node.accept().unwrap().0, 2, server, client.sends()));
            let near = scope.spawn(move || play(TcpStream::connect(proxy.1).unwrap(), 1, client, server.sends()));
            (near.join().unwrap(), far.join().unwrap())
        });
        let broken = client.breaks_at.is_some_and(|at| at < client.sends())
            || server.breaks_at.is_some_and(|at| at < server.sends());
        for ((got, ended), side, sent) in [(to_client, 2, server.sends()), (to_server, 1, client.sends())] {
            // Whatever happens, what arrives is a beginning of what was sent.
            prop_assert!(got == bytes(side, 0..got.len()), "side {side}: other bytes");
            if !broken && client.breaks_at.is_none() && server.breaks_at.is_none() {
                prop_assert_eq!(got.len(), sent, "side {}: bytes are missing", side);
                prop_assert!(ended, "side {side}: no end");
            }
        }
        whole.set(whole.get() + usize::from(!broken));
        Ok(())
    });
    outcome.unwrap();
    assert!(whole.get() > 12, "hardly a stream ran to its end");
}

/// A client whose kernel holds little: what it has not read waits in the proxy.
fn slow_client(to: SocketAddr) -> TcpStream {
    use rustix::net::{AddressFamily, SocketType, connect, socket, sockopt};
    let socket = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    sockopt::set_socket_recv_buffer_size(&socket, 4096).unwrap();
    connect(&socket, &to).unwrap();
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream
}

/// Whether the other side's kernel has all that was written.
fn is_sent(stream: &TcpStream) -> bool {
    let ports = (stream.local_addr().unwrap().port(), stream.peer_addr().unwrap().port());
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    table.lines().skip(1).any(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let port = |word: &str| u16::from_str_radix(word.rsplit(':').next().unwrap(), 16).unwrap();
        (port(words[1]), port(words[2])) == ports && words[4].starts_with("00000000:")
    })
}

/// A node that answers and closes without having read all of the request resets the connection. What it said before that
/// arrives whole, and then the end, however slow the client is and whatever it goes on sending.
#[test]
fn what_a_node_said_before_it_broke_off_arrives() {
    const SAID: usize = 200_000;
    let node = TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = Proxy::to(node.local_addr().unwrap());
    drop(node.accept().unwrap());
    for (request, more) in [(100_000, 1), (100_000, 3_000_000), (20_000_000, 0)] {
        let client = slow_client(proxy.1);
        let mut writing = client.try_clone().unwrap();
        let (closed, is_closed) = std::sync::mpsc::channel();
        let got = thread::scope(|scope| {
            scope.spawn(move || {
                let wrote = writing.write_all(&bytes(1, 0..request));
                if wrote.is_ok() && more > 0 {
                    is_closed.recv().unwrap();
                    let _ = writing.write_all(&bytes(1, 0..more));
                }
            });
            let mut far = node.accept().unwrap().0;
            far.read_exact(&mut [0]).unwrap();
            far.write_all(&bytes(2, 0..SAID)).unwrap();
            super::lab::eventually("the proxy has all that the node said", || is_sent(&far));
            drop(far);
            closed.send(()).unwrap();
            // Time for the proxy to hear of it; with less it would be an easier test, and no other one.
            sleep(Duration::from_millis(300));
            let (mut got, mut reading) = (Vec::new(), &client);
            let outcome = reading.read_to_end(&mut got);
            let _ = client.shutdown(Shutdown::Both);
            assert!(
                outcome.is_ok(),
                "{request} {more}: after {} bytes {outcome:?}",
                got.len()
            );
            got
        });
        assert!(got == bytes(2, 0..SAID), "{request} {more}: {} bytes", got.len());
    }
}
