//! Ended at each request and run again: there is one of each, and nothing is left when it was taken away.

use super::wire::World;
use crate::standin::Kill;
use crate::support::stderr;

const LAUNCH: [&str; 5] = ["proxy", "launch", "proxy.yaml", "--elastic-ip", "--yes"];
const DELETE: [&str; 4] = ["proxy", "delete", "gh62-proxy", "--yes"];

/// How many requests a command makes.
fn requests(world: &World, args: &[&str]) -> usize {
    let output = world.run(args);
    assert_eq!(output.status.code(), Some(0), "{args:?}: {}", stderr(&output));
    world.server.asked().len()
}

fn kills(requests: usize) -> impl Iterator<Item = Kill> {
    (0..requests).flat_map(|at| [Kill::Before(at), Kill::After(at)])
}

#[test]
fn a_launch_that_is_killed_anywhere_ends_in_one_of_each() {
    let count = requests(&World::new(), &LAUNCH);
    assert!(count > 9, "{count}");
    for kill in kills(count) {
        let world = World::new();
        let output = world.server.run(&mut world.command(&LAUNCH), Some(kill));
        assert_eq!(output.status.code(), None, "{kill:?}: {}", stderr(&output));
        let output = world.run(&LAUNCH);
        assert_eq!(output.status.code(), Some(0), "{kill:?}: {}", stderr(&output));
        assert_eq!(output.stdout, b"54.1.1.1/32\n", "{kill:?}");
        assert_eq!(world.model().left(), (1, 1, 1), "{kill:?}");
        assert_eq!(world.model().0.borrow().machines.len(), 1, "{kill:?}");
    }
}

#[test]
fn a_delete_that_is_killed_anywhere_leaves_nothing() {
    let first = World::new();
    requests(&first, &LAUNCH);
    let count = requests(&first, &DELETE);
    assert!(count > 5, "{count}");
    for kill in kills(count) {
        let world = World::new();
        requests(&world, &LAUNCH);
        let output = world.server.run(&mut world.command(&DELETE), Some(kill));
        assert_eq!(output.status.code(), None, "{kill:?}: {}", stderr(&output));
        let output = world.run(&DELETE);
        assert_eq!(output.status.code(), Some(0), "{kill:?}: {}", stderr(&output));
        assert_eq!(world.model().left(), (0, 0, 0), "{kill:?}");
    }
}

/// A launch that was killed anywhere can be taken away too.
#[test]
fn what_a_killed_launch_made_is_found_and_deleted() {
    let count = requests(&World::new(), &LAUNCH);
    for at in 0..count {
        let world = World::new();
        world.server.run(&mut world.command(&LAUNCH), Some(Kill::After(at)));
        requests(&world, &DELETE);
        assert_eq!(world.model().left(), (0, 0, 0), "after {at}");
    }
}
