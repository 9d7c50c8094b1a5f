//! Signatures of bundles, as minisign makes them.

use std::io::Read;
use std::path::Path;

use minisign_verify::{PublicKey, Signature};

use super::Failure;
use crate::edge::{archive, fs};

/// Holds `BUNDLE.minisig` against a public key: the key itself, or a file with it.
pub(super) fn verify(bundle: &Path, key: &str) -> Result<(), Failure> {
    let key = match PublicKey::from_base64(key) {
        Ok(key) => key,
        Err(_) => {
            let text = small_text(Path::new(key))?;
            PublicKey::decode(&text)
                .or_else(|_| PublicKey::from_base64(text.trim()))
                .map_err(|error| Failure::Usage(format!("{key} is no minisign public key: {error}")))?
        }
    };
    let name = format!("{}.minisig", bundle.display());
    let wrong = |why: String| Failure::World(anyhow::anyhow!("{name}: {why}"));
    let path = Path::new(&name);
    if !fs::exists(path) {
        return Err(wrong("a signature is demanded, and there is none".into()));
    }
    let signature = Signature::decode(&small_text(path)?).map_err(|error| wrong(error.to_string()))?;
    let mut check = key
        .verify_stream(&signature)
        .map_err(|error| wrong(error.to_string()))?;
    archive::digest(bundle, &mut |bytes| check.update(bytes))?;
    check
        .finalize()
        .map_err(|error| wrong(format!("it is not of this bundle and key: {error}")))
}

fn small_text(path: &Path) -> Result<String, Failure> {
    let mut text = String::new();
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let (_, from) = archive::open_in(parent.unwrap_or(Path::new(".")), &name)
        .map_err(|error| anyhow::anyhow!("{} cannot be read: {error}", path.display()))?;
    from.take(1 << 16)
        .read_to_string(&mut text)
        .map_err(|error| anyhow::anyhow!("{} cannot be read: {error}", path.display()))?;
    Ok(text)
}
