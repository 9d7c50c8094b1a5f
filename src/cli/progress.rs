//! How far downloads are: bars where somebody looks on, a line for each finished one in any case.

#[cfg(feature = "fetch")]
use std::io::{self, IsTerminal};

use super::ui::Ui;
use crate::edge::download::{Ending, Event, Want};

/// Tells of downloads.
pub(super) struct Progress<'p> {
    ui: &'p Ui,
    wants: &'p [Want],
    #[cfg(feature = "fetch")]
    bars: Option<bars::Bars>,
}

impl<'p> Progress<'p> {
    pub(super) fn new(ui: &'p Ui, wants: &'p [Want]) -> Self {
        Self {
            ui,
            wants,
            #[cfg(feature = "fetch")]
            bars: io::stderr().is_terminal().then(|| bars::Bars::new(wants)),
        }
    }

    /// What happens with the want of this number.
    pub(super) fn event(&self, at: usize, event: &Event<'_>) {
        let said = match event {
            Event::Has(..) => None,
            Event::Waits => Some("another process is loading it, waiting".to_owned()),
            Event::WasDamaged => Some("what the cache had was damaged, mending it".to_owned()),
            Event::Again(why) => Some(format!("{why}, trying again")),
        };
        #[cfg(feature = "fetch")]
        if let (Some(bars), Event::Has(bytes, total)) = (&self.bars, event) {
            bars.has(at, *bytes, *total);
        }
        if let (Some(said), Some(want)) = (said, self.wants.get(at)) {
            self.talk(&format!("{}: {said}", want.label));
        }
    }

    /// How the want of this number ended. What failed is told in the end, together.
    pub(super) fn ended(&self, at: usize, ending: &Ending) {
        #[cfg(feature = "fetch")]
        if let Some(bars) = &self.bars {
            bars.ended(at);
        }
        if let (Ok(done), Some(want)) = (ending, self.wants.get(at)) {
            let how = if done.was_there { "in the cache" } else { "loaded" };
            self.talk(&format!(
                "{}: {how}, {} bytes, sha256 {}",
                want.label, done.size, want.sha256
            ));
        }
    }

    /// Takes the bars away.
    #[cfg_attr(not(feature = "fetch"), expect(clippy::unused_self, reason = "there are no bars"))]
    pub(super) fn finish(&self) {
        #[cfg(feature = "fetch")]
        if let Some(bars) = &self.bars {
            bars.finish();
        }
    }

    fn talk(&self, line: &str) {
        #[cfg(feature = "fetch")]
        if let Some(bars) = &self.bars {
            bars.aside(|| self.ui.talk(line));
            return;
        }
        self.ui.talk(line);
    }
}

/// How far one long piece of work is.
pub(super) struct Bar {
    #[cfg(feature = "fetch")]
    bar: Option<indicatif::ProgressBar>,
}

impl Bar {
    /// Work of `total` bytes on `label`. Shown where stderr is a terminal.
    #[cfg_attr(not(feature = "fetch"), expect(unused_variables, reason = "there are no bars"))]
    pub(super) fn new(label: &str, total: u64) -> Self {
        Self {
            #[cfg(feature = "fetch")]
            bar: io::stderr().is_terminal().then(|| bars::single(label, total)),
        }
    }

    /// So many bytes more are done.
    #[cfg_attr(
        not(feature = "fetch"),
        expect(unused_variables, clippy::unused_self, reason = "there are no bars")
    )]
    pub(super) fn step(&self, bytes: u64) {
        #[cfg(feature = "fetch")]
        if let Some(bar) = &self.bar {
            bar.inc(bytes);
        }
    }

    /// Takes the bar away.
    #[cfg_attr(not(feature = "fetch"), expect(clippy::unused_self, reason = "there are no bars"))]
    pub(super) fn finish(&self) {
        #[cfg(feature = "fetch")]
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

#[cfg(feature = "fetch")]
mod bars {
    use std::sync::OnceLock;

    use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

    use crate::edge::download::Want;

    const KNOWN: &str = "{prefix:24!} {bar:30} {bytes}/{total_bytes} {bytes_per_sec} {eta}";

    /// A bar of its own.
    pub(super) fn single(label: &str, total: u64) -> ProgressBar {
        let bar = ProgressBar::new(total).with_prefix(label.to_owned());
        if let Ok(style) = ProgressStyle::with_template(KNOWN) {
            bar.set_style(style);
        }
        bar
    }

    /// A bar for each download that goes on.
    pub(super) struct Bars {
        all: MultiProgress,
        each: Vec<(String, OnceLock<ProgressBar>)>,
    }

    impl Bars {
        pub(super) fn new(wants: &[Want]) -> Self {
            Self {
                all: MultiProgress::new(),
                each: wants.iter().map(|want| (want.label.clone(), OnceLock::new())).collect(),
            }
        }

        pub(super) fn has(&self, at: usize, bytes: u64, total: Option<u64>) {
            let Some((label, bar)) = self.each.get(at) else { return };
            let bar = bar.get_or_init(|| {
                let bar = self.all.add(single(label, 0));
                bar.unset_length();
                // What an earlier run brought says nothing about the speed of this one.
                bar.set_position(bytes);
                bar.reset_eta();
                bar
            });
            if let Some(total) = total {
                bar.set_length(total);
            }
            bar.set_position(bytes);
        }

        pub(super) fn ended(&self, at: usize) {
            if let Some(bar) = self.each.get(at).and_then(|(_, bar)| bar.get()) {
                bar.finish_and_clear();
            }
        }

        /// Prints between the bars.
        pub(super) fn aside(&self, print: impl FnOnce()) {
            self.all.suspend(print);
        }

        pub(super) fn finish(&self) {
            // Nobody is left to tell if stderr is gone.
            let _ = self.all.clear();
        }
    }
}
