//! Waiting for an interface.

use std::time::Duration;

use super::Desk;
use crate::cloud::{Interface, Kind, Trouble};

/// How often an interface is looked at. With the pauses below, about three minutes.
const LOOKS: u32 = 40;
/// For so many looks it may be unknown after it was made: EC2 answers by copies that learn of it a little later.
const UNKNOWN: u32 = 12;
/// The longest pause between two looks.
const LONGEST: Duration = Duration::from_secs(5);

/// Looks at an interface until it is as wanted. `NotFound` if EC2 does not know it after the time in which every copy
/// should have learnt of it; `Unknown` if it does not get as wanted.
pub(super) fn wait(
    desk: &Desk<'_>,
    id: &str,
    what: &str,
    wanted: impl Fn(&Interface) -> bool,
) -> Result<Interface, Trouble> {
    let mut unknown = 0;
    let mut last = String::from("not known");
    for look in 1..=LOOKS {
        match desk.ask(|| desk.ec2.interface(id)) {
            Ok(one) if wanted(&one) => return Ok(one),
            Ok(one) => last = one.status,
            Err(trouble) if trouble.kind == Kind::NotFound && unknown < UNKNOWN => unknown += 1,
            Err(trouble) => return Err(trouble),
        }
        (desk.told)(&format!("waiting until {id} is {what}: {last}"));
        desk.clock
            .sleep(Duration::from_secs(1).mul_f64(f64::from(look) / 2.0).min(LONGEST));
    }
    let message = format!("{id} is not {what} after three minutes: it is {last}");
    Err(Trouble::new(Kind::Unknown, message).hint("run the same command again: it goes on with this interface"))
}
