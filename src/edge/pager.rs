//! A pager for what a terminal cannot show at once.

use std::io::{self, Write};
use std::process::{Command, Stdio};

/// Shows `bytes` in the user's pager, as git does: `$PAGER`, or `less`, which ends by itself where one screen is enough.
/// `false` if there is none, or it is wanted by no name: then nothing was shown.
#[expect(clippy::disallowed_methods, reason = "this is the edge")]
pub fn show(bytes: &[u8]) -> io::Result<bool> {
    let wanted = std::env::var_os("PAGER").unwrap_or_else(|| "less".into());
    if wanted.is_empty() || wanted == "cat" {
        return Ok(false);
    }
    let mut command = Command::new("sh");
    command.arg("-c").arg(&wanted).stdin(Stdio::piped());
    if std::env::var_os("LESS").is_none() {
        // One screen ends it, colours pass, the screen stays as it is.
        command.env("LESS", "FRX");
    }
    let Ok(mut child) = command.spawn() else {
        return Ok(false);
    };
    if let Some(mut pipe) = child.stdin.take() {
        match pipe.write_all(bytes) {
            // The reader has seen enough, or there is no such pager: what it ended with tells.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
            other => other?,
        }
    }
    // 127: the shell found no such program.
    Ok(child.wait()?.code() != Some(127))
}
