//! `nodebake bake --bootstrap URL`

use std::io;
use std::path::{Path, PathBuf};

use super::{Failure, Ui};
use crate::bake::Published;
use crate::base::HttpsUrl;
use crate::deliver;
use crate::edge::archive;

/// What only a document that fetches a bundle takes.
#[derive(Debug, clap::Args)]
pub(super) struct BootstrapArgs {
    /// Make user-data of two kilobytes that fetches the bundle from this https
    /// address, checks its sha256, and installs it; needs --bundle
    #[arg(long, value_name = "URL", requires = "bundle")]
    bootstrap: Option<HttpsUrl>,
    /// The bundle that will be at --bootstrap, as `--format tarball` baked it
    #[arg(long, value_name = "FILE", requires = "bootstrap")]
    bundle: Option<PathBuf>,
}

impl BootstrapArgs {
    /// The bundle that the user names, looked at from its first byte to its last.
    pub(super) fn published(&self, ui: &Ui, is_cloud_init: bool) -> Result<Option<Published>, Failure> {
        let (Some(url), Some(path)) = (&self.bootstrap, &self.bundle) else {
            return Ok(None);
        };
        if !is_cloud_init {
            return Err(Failure::Usage("--bootstrap makes user-data: leave --format out".into()));
        }
        let read = read(url, path);
        read.map(Some).map_err(|error| {
            if error.kind() != io::ErrorKind::InvalidData {
                return anyhow::anyhow!("{}: {error}", path.display()).into();
            }
            ui.talk(&format!("error: {}: {error}", path.display()));
            Failure::Findings
        })
    }
}

fn read(url: &HttpsUrl, path: &Path) -> io::Result<Published> {
    let bundle = deliver::check_archive(&mut archive::open(path)?)?;
    Ok(Published {
        url: url.clone(),
        sha256: deliver::digest(&mut archive::packed(path)?)?,
        manifest: bundle.manifest,
    })
}
