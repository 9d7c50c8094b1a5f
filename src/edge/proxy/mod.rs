//! The built-in passthrough: streams from the API server to nodes outside the VPC, byte by byte as they are.
//!
//! One thread accepts, decides and hears signals; as many as there are CPUs move bytes.

mod bursts;
mod descriptors;
mod door;
mod ending;
mod listener;
mod pipe;
mod relay;
mod service;
mod tally;
mod workers;

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use tokio::runtime::Builder;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::fs;
use crate::cloud::passthrough::Passthrough;
use bursts::Bursts;
use door::{Door, Rules};
use listener::Posts;
use workers::Workers;

/// What is not in the configuration.
pub struct Options {
    /// Where metrics are written, and how often.
    pub metrics: Option<(PathBuf, Duration)>,
    /// Hears lines of talk.
    pub told: Box<dyn Fn(&str) + Send + Sync>,
    /// Reads the configuration again. `None` if it is wrong, which the reader has said by then.
    pub reload: Box<dyn FnMut() -> Option<Passthrough>>,
}

impl fmt::Debug for Options {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Options")
            .field("metrics", &self.metrics)
            .finish_non_exhaustive()
    }
}

/// Passes streams on until SIGTERM or SIGINT. Then it listens no more, lets streams end until `limits.drain` is over or
/// the signal comes again, and returns. SIGHUP reads the configuration again. Errors say why it could not start.
pub fn serve(config: &Passthrough, options: Options) -> Result<(), String> {
    descriptors::provide(config)?;
    let started = |error: io::Error| format!("starting: {error}");
    let runtime = Builder::new_current_thread().enable_all().build().map_err(started)?;
    let workers = Workers::start().map_err(started)?;
    runtime.block_on(async {
        let signals = Signals::open().map_err(started)?;
        let Options { metrics, told, reload } = options;
        let door = Arc::new(Door::new(rules(config), Bursts::new(told)));
        let mut posts = Posts::new(Arc::clone(&door), workers);
        posts.become_these(&config.routes)?;
        let mut house = House {
            door,
            posts,
            metrics,
            reload,
        };
        if let Some((path, _)) = &house.metrics {
            let text = house.door.tallies.text();
            fs::write_atomically(path, text.as_bytes(), 0o644).map_err(|error| error.to_string())?;
        }
        for route in &config.routes {
            let line = format!("{}: {} to {}", route.name, route.listen, route.to);
            house.door.log.say(&line);
        }
        service::notify("READY=1");
        house.live(signals).await;
        Ok(())
    })
}

fn rules(config: &Passthrough) -> Rules {
    Rules {
        sources: config.sources.clone(),
        limits: Arc::new(config.limits.clone()),
    }
}

struct Signals {
    end: Signal,
    interrupt: Signal,
    reload: Signal,
}

impl Signals {
    fn open() -> io::Result<Self> {
        Ok(Self {
            end: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            reload: signal(SignalKind::hangup())?,
        })
    }

    /// Whether the next one asks to end; else it asks to read the configuration again.
    async fn next_is_end(&mut self) -> bool {
        tokio::select! {
            _ = self.end.recv() => true,
            _ = self.interrupt.recv() => true,
            _ = self.reload.recv() => false,
        }
    }
}

struct House {
    door: Arc<Door>,
    posts: Posts,
    metrics: Option<(PathBuf, Duration)>,
    reload: Box<dyn FnMut() -> Option<Passthrough>>,
}

impl House {
    async fn live(&mut self, mut signals: Signals) {
        let every = self
            .metrics
            .as_ref()
            .map_or(Duration::from_secs(30), |(_, every)| *every);
        let mut tick = interval(every);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = tick.tick() => self.tick().await,
                is_end = signals.next_is_end() => {
                    if is_end {
                        break;
                    }
                    self.again();
                }
            }
        }
        service::notify("STOPPING=1");
        self.posts.close().await;
        self.drain(&mut signals).await;
        self.tick().await;
    }

    /// Metrics, and what was kept back of the log.
    async fn tick(&self) {
        self.door.log.flush();
        let Some((path, _)) = self.metrics.clone() else {
            return;
        };
        let text = self.door.tallies.text();
        // Flushing to a disk takes its time, and connections are to be accepted meanwhile.
        let written = tokio::task::spawn_blocking(move || fs::write_atomically(&path, text.as_bytes(), 0o644));
        if let Ok(Err(error)) = written.await {
            self.door
                .log
                .tell("metrics", tally::Cause::Resources, || error.to_string());
        }
    }

    /// Takes a new configuration, all or nothing. Streams that run are not touched.
    fn again(&mut self) {
        let door = &self.door;
        let Some(config) = (self.reload)() else {
            door.tallies.bad_reloads.fetch_add(1, Relaxed);
            return door.log.say("the configuration stays as it was");
        };
        let taken = descriptors::provide(&config).and_then(|()| self.posts.become_these(&config.routes));
        if let Err(why) = taken {
            door.tallies.bad_reloads.fetch_add(1, Relaxed);
            return door.log.say(&format!("the configuration stays as it was: {why}"));
        }
        door.set_rules(rules(&config));
        door.tallies.reloads.fetch_add(1, Relaxed);
        door.log.say(&format!("read again: {} routes", config.routes.len()));
    }

    async fn drain(&mut self, signals: &mut Signals) {
        let deadline = self.door.rules().limits.drain;
        let running = self.door.active();
        if running > 0 {
            let line = format!("ending: {running} streams have {} s", deadline.as_secs());
            self.door.log.say(&line);
        }
        tokio::select! {
            () = self.door.empty() => return,
            () = sleep(deadline) => {}
            () = async { while !signals.next_is_end().await {} } => {}
        }
        let cut = self.door.active();
        self.door.tallies.cut();
        self.door.log.say(&format!("ended with {cut} streams cut"));
    }
}
