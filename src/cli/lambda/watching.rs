//! An instance that starts, as people see it: a line that moves on a terminal, a line for each change elsewhere.

#[cfg(feature = "lambda")]
use std::io::{self, IsTerminal};
#[cfg(feature = "lambda")]
use std::time::Duration;

use crate::cli::Ui;
use crate::cloud::lambda::Instance;
use crate::cloud::plain;

/// Tells of one instance.
pub(super) struct Watching<'u> {
    ui: &'u Ui,
    last: String,
    #[cfg(feature = "lambda")]
    bar: Option<indicatif::ProgressBar>,
}

impl<'u> Watching<'u> {
    pub(super) fn new(ui: &'u Ui, label: &str) -> Self {
        #[cfg(not(feature = "lambda"))]
        let _ = label;
        Self {
            ui,
            last: String::new(),
            #[cfg(feature = "lambda")]
            bar: io::stderr().is_terminal().then(|| bar(label)),
        }
    }

    /// It was looked at.
    pub(super) fn saw(&mut self, instance: &Instance) {
        let address = instance
            .ip
            .as_deref()
            .map(|ip| format!(", {}", plain(ip)))
            .unwrap_or_default();
        self.say(&format!(
            "{}: {}{address}",
            instance.id,
            plain(instance.status.as_str())
        ));
    }

    /// What is so now, unless it was so before.
    pub(super) fn say(&mut self, line: &str) {
        if line == self.last {
            return;
        }
        line.clone_into(&mut self.last);
        #[cfg(feature = "lambda")]
        if let Some(bar) = &self.bar {
            bar.set_message(line.to_owned());
            return;
        }
        self.ui.talk(line);
    }

    /// Takes the moving line away.
    #[cfg_attr(not(feature = "lambda"), expect(clippy::unused_self, reason = "there is no bar"))]
    pub(super) fn finish(&self) {
        #[cfg(feature = "lambda")]
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

#[cfg(feature = "lambda")]
fn bar(label: &str) -> indicatif::ProgressBar {
    let bar = indicatif::ProgressBar::new_spinner().with_prefix(label.to_owned());
    if let Ok(style) = indicatif::ProgressStyle::with_template("{spinner} {prefix} {msg} ({elapsed})") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}
