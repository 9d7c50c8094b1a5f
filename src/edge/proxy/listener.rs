//! Listening, and which listener leads where.

use std::collections::BTreeMap;
use std::io;
use std::net::{SocketAddr, SocketAddrV4};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use rustix::net::sockopt;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::door::{Door, Goal};
use super::relay::Stream;
use super::tally::Cause;
use super::workers::Workers;
use crate::cloud::passthrough::Route;

/// Connections the kernel holds until they are accepted; it takes the smaller of this and net.core.somaxconn.
const BACKLOG: u32 = 4096;

/// One listener and where it leads now.
#[derive(Debug)]
struct Post {
    goal: Arc<RwLock<Goal>>,
    task: JoinHandle<()>,
}

/// All listeners, by where they listen.
#[derive(Debug)]
pub(super) struct Posts {
    door: Arc<Door>,
    workers: Arc<Mutex<Workers>>,
    open: BTreeMap<SocketAddrV4, Post>,
}

impl Posts {
    pub(super) fn new(door: Arc<Door>, workers: Workers) -> Self {
        Self {
            door,
            workers: Arc::new(Mutex::new(workers)),
            open: BTreeMap::new(),
        }
    }

    /// Listens for these routes and for no others. Listeners that stay are not touched; if a new one cannot be opened,
    /// nothing is changed.
    pub(super) fn become_these(&mut self, routes: &[Route]) -> Result<(), String> {
        let gone: Vec<SocketAddrV4> = self.open.keys().copied().collect();
        let gone: Vec<SocketAddrV4> = gone
            .into_iter()
            .filter(|listen| routes.iter().all(|route| route.listen != *listen))
            .collect();
        let mut opened = Vec::new();
        for route in routes.iter().filter(|route| !self.open.contains_key(&route.listen)) {
            let socket = open(route.listen)
                .map_err(|error| format!("{}: listening on {}: {error}", route.name, route.listen))?;
            opened.push((route.listen, socket));
        }
        for listen in gone {
            if let Some(post) = self.open.remove(&listen) {
                post.task.abort();
            }
        }
        for route in routes {
            let goal = Goal {
                name: route.name.as_str().into(),
                to: route.to,
                tally: self.door.tallies.of(&route.name),
            };
            if let Some(post) = self.open.get(&route.listen) {
                *post.goal.write().unwrap_or_else(PoisonError::into_inner) = goal;
                continue;
            }
            let Some(at) = opened.iter().position(|(listen, _)| *listen == route.listen) else {
                continue;
            };
            let goal = Arc::new(RwLock::new(goal));
            let (socket, door, workers) = (
                opened.swap_remove(at).1,
                Arc::clone(&self.door),
                Arc::clone(&self.workers),
            );
            let task = tokio::spawn(accept(socket, Arc::clone(&goal), door, workers));
            self.open.insert(route.listen, Post { goal, task });
        }
        self.door
            .tallies
            .forget(|name| routes.iter().any(|route| route.name == name));
        Ok(())
    }

    /// Listens no more.
    pub(super) async fn close(&mut self) {
        for (_, post) in std::mem::take(&mut self.open) {
            post.task.abort();
            let _ = post.task.await;
        }
    }
}

fn open(listen: SocketAddrV4) -> io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(SocketAddr::V4(listen))?;
    socket.listen(BACKLOG)
}

/// Accepts for ever.
async fn accept(socket: TcpListener, goal: Arc<RwLock<Goal>>, door: Arc<Door>, workers: Arc<Mutex<Workers>>) {
    loop {
        // Without this thread's runtime: another one takes it.
        let plain = |(client, peer): (TcpStream, SocketAddr)| client.into_std().map(|client| (client, peer));
        let (client, peer) = match socket.accept().await.and_then(plain) {
            Ok((client, SocketAddr::V4(peer))) => (client, peer),
            // An IPv4 socket has IPv4 peers.
            Ok(_) => continue,
            Err(error) => {
                let goal = goal.read().unwrap_or_else(PoisonError::into_inner).clone();
                goal.tally.count(Cause::Resources);
                door.log
                    .tell(&goal.name, Cause::Resources, || format!("accepting: {error}"));
                // Without descriptors the connection stays in the queue, and asking again at once would only heat.
                sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let goal = goal.read().unwrap_or_else(PoisonError::into_inner).clone();
        let rules = door.rules();
        let Some(ticket) = door.enter(*peer.ip(), &goal, &rules) else {
            // A reset, so that the other side hears it at once and nothing of it stays here.
            let _ = sockopt::set_socket_linger(&client, Some(Duration::ZERO));
            continue;
        };
        workers.lock().unwrap_or_else(PoisonError::into_inner).give(Stream {
            client,
            peer,
            to: goal.to,
            limits: Arc::clone(&rules.limits),
            ticket,
        });
    }
}
