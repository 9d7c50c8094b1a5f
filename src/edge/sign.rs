//! Signatures in minisign's format, so that `minisign -V` verifies them.
#![expect(clippy::disallowed_methods, reason = "this is the edge")]

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use minisign::{PublicKey, SecretKey, SecretKeyBox};

use super::fs::{FsError, failed, write_atomically};

/// Signs the file at `path` with the secret key in the file `key`, into `path` with `.minisig` added. A key that is
/// kept under a password asks for it on the terminal.
///
/// The comment that is signed too is the file's name: a time would make nothing safer.
pub fn sign(key: &Path, path: &Path) -> Result<PathBuf, FsError> {
    let wrong = |error: minisign::PError| failed("reading the secret key", key)(io::Error::other(error));
    let text = std::fs::read_to_string(key).map_err(failed("reading the secret key", key))?;
    let secret = secret_key(&text).map_err(wrong)?;
    let public = PublicKey::from_secret_key(&secret).map_err(wrong)?;
    let data = File::open(path).map_err(failed("reading", path))?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let comment = format!("file:{name}");
    let signature = minisign::sign(
        Some(&public),
        &secret,
        data,
        Some(&comment),
        Some("signature by nodebake"),
    )
    .map_err(|error| failed("signing", path)(io::Error::other(error)))?;
    let mut target = path.as_os_str().to_owned();
    target.push(".minisig");
    let target = PathBuf::from(target);
    write_atomically(&target, signature.into_string().as_bytes(), 0o644)?;
    Ok(target)
}

/// The key of a key file. One that is not encrypted is decoded here: the crate wants its checksum to be right, and
/// minisign leaves it out. What was signed is verified with the public half, so that a damaged key is seen all the same.
fn secret_key(text: &str) -> Result<SecretKey, minisign::PError> {
    let bytes = text.lines().nth(1).and_then(|line| STANDARD.decode(line.trim()).ok());
    match bytes.map(|bytes| SecretKey::from_bytes(&bytes)) {
        Some(Ok(key)) if !key.is_encrypted() => Ok(key),
        _ => SecretKeyBox::from_string(text)?.into_secret_key(None),
    }
}

/// Why a signature is not good.
pub type NotSigned = io::Error;

/// Holds the file at `path` against its signature, `path` with `.minisig` added, by a public key: the key itself, or the
/// name of a file with it. Memory stays small: signatures of the old form, which are of the whole file at once, are
/// refused.
pub fn verify(key: &str, path: &Path) -> Result<(), NotSigned> {
    let wrong = |what: String| io::Error::new(io::ErrorKind::InvalidData, what);
    let public = match PublicKey::from_base64(key) {
        Ok(public) => public,
        Err(_) => {
            let text = std::fs::read_to_string(key).map_err(|error| wrong(format!("the public key {key}: {error}")))?;
            let line = text.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default();
            PublicKey::from_base64(line.trim())
                .map_err(|error| wrong(format!("{key} is no minisign public key: {error}")))?
        }
    };
    let mut name = path.as_os_str().to_owned();
    name.push(".minisig");
    let name = PathBuf::from(name);
    let shown = name.display();
    let text = std::fs::read_to_string(&name)
        .map_err(|error| wrong(format!("a signature is demanded, and {shown} cannot be read: {error}")))?;
    let signature = minisign::SignatureBox::from_string(&text).map_err(|error| wrong(format!("{shown}: {error}")))?;
    minisign::verify(&public, &signature, File::open(path)?, true, false, false)
        .map_err(|error| wrong(format!("{shown} is not of this bundle and key: {error}")))
}
