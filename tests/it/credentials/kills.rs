//! A refresh that is ended at any moment leaves the old session or the new one, and the next one mends the rest.

use std::process::Stdio;
use std::sync::mpsc::channel;
use std::time::Duration;

use super::*;
use crate::standin::Kill;

#[test]
fn ended_at_each_request() {
    let end = now() + 14_400;
    let node = Node::with_role();
    let old = node.old_session(5400);
    let answers = || {
        vec![
            at(now(), 503, ""),
            at(now(), 200, &session(end)),
            at(now(), 200, &session(end)),
        ]
    };
    for kill in [Kill::Before(0), Kill::After(0), Kill::Before(1), Kill::After(1)] {
        let sts = sts(answers());
        let output = sts.run(&mut node.refresher(Form::Program, &sts.url, &[]), Some(kill));
        assert_eq!(output.status.code(), None, "{kill:?}: {}", stderr(&output));
        assert_eq!(node.read(), old, "{kill:?}");
    }
    assert!(
        node.refresh(Form::Program, &sts(vec![at(now(), 200, &session(end))]))
            .status
            .success()
    );
    assert_eq!((node.read(), node.drafts()), (session_file(end), vec![]));
}

/// From the moment the answer leaves, later and later, until the program is done.
#[test]
fn ended_while_it_writes() {
    let end = now() + 14_400;
    let node = Node::with_role();
    let old = node.old_session(5400);
    let (mut olds, mut news, mut step) = (0, 0, 0);
    // Until it was done in time thrice: then every moment of its writing was hit, as finely as the steps are.
    while news < 3 && step < 400 {
        node.old_session(5400);
        let kept = node.read();
        assert_eq!(kept.lines().next(), old.lines().next());
        let (sender, receiver) = channel();
        let sts = Server::new(move |_: &Ask| {
            let _ = sender.send(());
            at(now(), 200, &session(end))
        });
        let mut child = node
            .refresher(Form::Program, &sts.url, &[])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        receiver.recv_timeout(Duration::from_secs(30)).unwrap();
        std::thread::sleep(Duration::from_micros(250 * step));
        child.kill().unwrap();
        child.wait().unwrap();
        let left = node.read();
        if left == kept {
            olds += 1;
        } else {
            assert_eq!(left, session_file(end), "neither old nor new, {step}");
            news += 1;
        }
        assert_eq!(mode(&node.session()), 0o600);
        step += 1;
    }
    assert!(olds > 0 && news > 0, "{olds} times old, {news} times new");
    assert!(
        node.refresh(Form::Program, &sts(vec![at(now(), 200, &session(end))]))
            .status
            .success()
    );
    assert_eq!((node.read(), node.drafts()), (session_file(end), vec![]));
}

#[test]
fn a_draft_of_a_run_that_was_ended_is_taken_away() {
    let node = Node::with_role();
    node.old_session(60);
    // No process has this number: Linux counts up to 4194304.
    node.put("run/aws/.credentials.4999999.new", 0o600, "half");
    let own = node.put(
        &format!("run/aws/.credentials.{}.new", std::process::id()),
        0o600,
        "of one that runs",
    );
    let end = now() + 3600;
    assert!(
        node.refresh(Form::Program, &sts(vec![at(now(), 200, &session(end))]))
            .status
            .success()
    );
    assert_eq!(node.drafts(), [own.file_name().unwrap().to_string_lossy()]);
}
