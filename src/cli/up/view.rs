//! How far it is: each part of the way with its number.

use crate::cli::Ui;

/// The parts, one after the other.
pub(super) struct View<'u> {
    ui: &'u Ui,
    parts: Vec<&'static str>,
    at: usize,
}

impl<'u> View<'u> {
    pub(super) fn new(ui: &'u Ui, parts: Vec<&'static str>) -> Self {
        Self { ui, parts, at: 0 }
    }

    /// The next part begins.
    pub(super) fn begin(&mut self) {
        if let Some(part) = self.parts.get(self.at) {
            self.at += 1;
            self.ui.talk(&format!("[{}/{}] {part} …", self.at, self.parts.len()));
        }
    }

    /// How this part ended.
    pub(super) fn done(&self, how: &str) {
        self.ui.talk(&format!("[{}/{}] {how}", self.at, self.parts.len()));
    }
}
