//! Ctrl-C while something is watched: the watch ends, what is watched goes on.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};

use crate::cloud::Clock;

/// How long a pause goes on after it was interrupted, at most.
const STEP: Duration = Duration::from_millis(100);

/// Ctrl-C and SIGTERM. They end the program as ever until it listens.
#[derive(Debug, Clone, Default)]
pub struct Interrupt {
    came: Arc<AtomicBool>,
    listening: Arc<AtomicBool>,
    /// Whether pauses go on all the same.
    held: Arc<AtomicBool>,
}

impl Interrupt {
    /// Hears the first one from now on, which ends pauses; the second one ends the program at once.
    pub fn listen(&self) -> io::Result<()> {
        self.held.store(false, Ordering::SeqCst);
        if self.listening.swap(true, Ordering::SeqCst) {
            return Ok(());
        }
        let came = Arc::clone(&self.came);
        let runtime = Builder::new_current_thread().enable_io().build()?;
        thread::spawn(move || -> io::Result<()> {
            runtime.block_on(async {
                let mut end = signal(SignalKind::terminate())?;
                let mut stop = signal(SignalKind::interrupt())?;
                loop {
                    tokio::select! { _ = end.recv() => {}, _ = stop.recv() => {} }
                    if came.swap(true, Ordering::SeqCst) {
                        rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL)?;
                    }
                }
            })
        });
        Ok(())
    }

    /// Pauses go on to their end until somebody listens again: between two launches, and while one is looked for, they
    /// are what keeps it from being launched twice.
    pub fn hold(&self) {
        self.held.store(true, Ordering::SeqCst);
    }

    /// Whether one came.
    pub fn came(&self) -> bool {
        self.came.load(Ordering::SeqCst)
    }
}

/// A clock whose pauses end when Ctrl-C comes.
#[derive(Debug)]
pub struct Interruptible<C> {
    clock: C,
    interrupt: Interrupt,
}

impl<C> Interruptible<C> {
    /// `clock`, with pauses that `interrupt` ends.
    pub fn new(clock: C, interrupt: &Interrupt) -> Self {
        Self {
            clock,
            interrupt: interrupt.clone(),
        }
    }
}

impl<C: Clock> Clock for Interruptible<C> {
    fn now(&self) -> i64 {
        self.clock.now()
    }

    fn sleep(&self, time: Duration) {
        let mut left = time;
        while !left.is_zero() && (!self.interrupt.came() || self.interrupt.held.load(Ordering::SeqCst)) {
            let step = left.min(STEP);
            self.clock.sleep(step);
            left -= step;
        }
    }

    fn dice(&self) -> f64 {
        self.clock.dice()
    }
}
