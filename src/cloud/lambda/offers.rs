//! What there is in place of what there is not.

use super::{Architecture, InstanceOffer, InstanceType};

/// Most alternatives that are named.
const MOST: usize = 5;

/// US cents as dollars.
pub fn dollars(cents: u64) -> String {
    format!("${}.{:02}", cents / 100, cents % 100)
}

/// US dollars as cents.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a price is not negative, and far below what an f64 holds exactly"
)]
pub fn cents(dollars: f64) -> u64 {
    (dollars * 100.0).round() as u64
}

/// The memory of one GPU in GB, which the description alone tells: `8x H100 (80 GB SXM5)`.
pub fn gpu_memory(kind: &InstanceType) -> Option<u64> {
    let (_, inner) = kind.description.split_once('(')?;
    let (number, _) = inner.split_once(" GB")?;
    number.trim().parse().ok()
}

/// Types that can be had and are no less: as many GPUs with as much memory each, the same machine code. The cheapest
/// first; in `region`, if one is given.
pub(super) fn alternatives(
    wanted: &InstanceOffer,
    offers: &[InstanceOffer],
    architecture: Architecture,
    region: Option<&str>,
) -> Vec<String> {
    let memory = gpu_memory(&wanted.kind).unwrap_or(0);
    let fits = |offer: &&InstanceOffer| {
        let kind = &offer.kind;
        let here = offer
            .regions
            .iter()
            .any(|own| region.is_none_or(|region| own.name == region));
        kind.name != wanted.kind.name
            && here
            && kind.gpus >= wanted.kind.gpus
            && (wanted.kind.gpus == 0 || gpu_memory(kind).unwrap_or(0) >= memory)
            && kind.architecture.is_none_or(|own| own == architecture)
    };
    let mut others: Vec<&InstanceOffer> = offers.iter().filter(fits).collect();
    others.sort_by_key(|offer| (offer.kind.cents_per_hour, offer.kind.name.clone()));
    let told = others.into_iter().take(MOST).map(|offer| {
        let places: Vec<&str> = offer.regions.iter().map(|own| own.name.as_str()).collect();
        let place = match region {
            Some(_) => String::new(),
            None => format!(" in {}", places.join(", ")),
        };
        format!(
            "{} at {} an hour{place}",
            offer.kind.name,
            dollars(offer.kind.cents_per_hour)
        )
    });
    told.collect()
}
