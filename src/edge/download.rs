//! Blobs from wherever they are, several at a time, into the cache.

use std::num::NonZero;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use super::cache::{Cache, Held};
use crate::base::Sha256;

/// A blob that is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Want {
    /// What it is called in messages.
    pub label: String,
    /// What its bytes must hash to.
    pub sha256: Sha256,
    /// Where it may be, in this order: URLs, or files of this machine.
    pub places: Vec<String>,
}

/// How to load.
#[derive(Debug, Clone)]
pub struct Options {
    /// How many at a time.
    pub jobs: NonZero<usize>,
    /// How long nothing may come before a transfer counts as dead.
    pub stall: Duration,
    /// How often a transfer that brought nothing new is tried again.
    pub retries: u32,
    /// Whether plain http may be asked on other machines than this one.
    pub insecure_http: bool,
}

/// What happens with one of the wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event<'e> {
    /// Another process is loading it.
    Waits,
    /// The cache had other bytes under its digest, or under the digest of a file that it unpacks to.
    WasDamaged,
    /// So many bytes are here, of so many, if that is known.
    Has(u64, Option<u64>),
    /// Something went wrong that may go right the next time.
    Again(&'e str),
}

/// How a want ended well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Loaded {
    /// Its size in bytes.
    pub size: u64,
    /// Whether the cache had it.
    pub was_there: bool,
}

/// How a want ends: what went wrong, at each place, in words.
pub type Ending = Result<Loaded, String>;

/// Sees to it that the cache has every one of `wants`. `watch` is told of each, by its number; the endings are in the
/// order of the wants. One that fails does not keep the others from coming.
pub fn load_all(
    cache: &Cache,
    wants: &[Want],
    options: &Options,
    watch: &(dyn Fn(usize, &Event<'_>) + Sync),
    ended: &(dyn Fn(usize, &Ending) + Sync),
) -> Vec<Ending> {
    let next = AtomicUsize::new(0);
    let endings: Mutex<Vec<(usize, Ending)>> = Mutex::new(Vec::new());
    let lane = || {
        let mut web = Web::new(options);
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(want) = wants.get(at) else { return };
            let ending = one(cache, want, &mut web, &|event| watch(at, event));
            ended(at, &ending);
            if let Ok(mut endings) = endings.lock() {
                endings.push((at, ending));
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..options.jobs.get().min(wants.len()) {
            scope.spawn(lane);
        }
    });
    let mut endings = endings.into_inner().unwrap_or_default();
    endings.sort_by_key(|(at, _)| *at);
    endings.into_iter().map(|(_, ending)| ending).collect()
}

fn one(cache: &Cache, want: &Want, web: &mut Web<'_>, tell: &dyn Fn(&Event<'_>)) -> Ending {
    match cache.look(&want.sha256).map_err(|error| error.to_string())? {
        Held::Whole(size) => {
            if cache.mend(&want.sha256).map_err(|error| error.to_string())? {
                tell(&Event::WasDamaged);
            }
            return Ok(Loaded { size, was_there: true });
        }
        Held::Missing => {}
        Held::Damaged(_) => {
            tell(&Event::WasDamaged);
            cache.remove(&want.sha256).map_err(|error| error.to_string())?;
        }
    }
    let mut wrong = Vec::new();
    for place in &want.places {
        let loaded = if place.contains("://") {
            web.load(cache, want, place, tell)
        } else {
            let taken = cache.take(&want.sha256, Path::new(place));
            taken.map_err(|error| error.to_string())
        };
        match loaded {
            Ok(size) => {
                return Ok(Loaded { size, was_there: false });
            }
            Err(why) => wrong.push(why),
        }
    }
    Err(wrong.join("; "))
}

#[cfg(feature = "fetch")]
use super::http::Web;

/// This build has no downloader.
#[cfg(not(feature = "fetch"))]
struct Web<'o>(std::marker::PhantomData<&'o Options>);

#[cfg(not(feature = "fetch"))]
impl<'o> Web<'o> {
    fn new(_: &'o Options) -> Self {
        Self(std::marker::PhantomData)
    }

    #[expect(clippy::unused_self, reason = "the same as with a downloader")]
    fn load(&mut self, _: &Cache, _: &Want, url: &str, _: &dyn Fn(&Event<'_>)) -> Result<u64, String> {
        Err(format!(
            "{url}: this nodebake was built without its downloader (feature `fetch`)"
        ))
    }
}
