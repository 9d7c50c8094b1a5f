//! Silence: for how long a stream may say nothing in each form, and what keeps it alive.

use std::thread::sleep;
use std::time::Duration;

use nodebake::cloud::passthrough::LONGEST_KEEPALIVE;

use super::forms::{Form, SETUP, Setup};
use super::lab::{API, Lab, NODE, eventually};

/// A limit of two seconds ends a silent stream; a longer one leaves it for much longer than that.
#[test]
fn userspace_forms_end_a_silent_stream_after_their_limit_and_not_before() {
    for form in [Form::Haproxy, Form::Serve] {
        if !form.is_possible() || (form == Form::Serve && !cfg!(feature = "proxy")) {
            continue;
        }
        let lab = Lab::new();
        let certs = lab.folder.path().display().to_string();
        let _node = lab.node(&certs);
        let running = form.start(&lab, &Setup { idle: 2, ..SETUP });
        let mut short = lab.lines(&certs, NODE);
        for _ in 0..4 {
            short.works("not silent");
            sleep(Duration::from_millis(800));
        }
        assert!(short.hears_the_end(), "{form:?}");
        drop(running);
        let running = form.start(&lab, &SETUP);
        let mut long = lab.lines(&certs, NODE);
        long.works("before");
        sleep(Duration::from_secs(6));
        long.works("after six silent seconds");
        drop(running);
    }
}

/// Both sockets of a stream are probed, the first time well before a cloud forgets the stream.
#[test]
fn userspace_forms_probe_both_sides() {
    for form in [Form::Haproxy, Form::Serve] {
        if !form.is_possible() || (form == Form::Serve && !cfg!(feature = "proxy")) {
            continue;
        }
        let lab = Lab::new();
        let certs = lab.folder.path().display().to_string();
        let _node = lab.node(&certs);
        let _running = form.start(&lab, &SETUP);
        let mut stream = lab.lines(&certs, NODE);
        stream.works("before");
        for other in [format!("dst {API}"), "dst 203.0.113.9".into()] {
            // Unanswered bytes have a timer of their own, for an instant.
            eventually("the probe of a socket", || {
                let sockets = lab.run("proxy", &["ss", "-Htno", "state", "established", &other]);
                let left = sockets
                    .split("timer:(keepalive,")
                    .nth(1)
                    .and_then(|rest| rest.split(',').next());
                // `59sec` or `1min59sec`.
                let left = left.map(|left| left.trim_end_matches("sec").split_once("min").unwrap_or(("0", left)));
                let number = |text: &str| text.trim_end_matches("sec").parse::<u64>().unwrap_or_default();
                left.is_some_and(|(minutes, seconds)| {
                    let seconds = number(minutes) * 60 + number(seconds);
                    (1..LONGEST_KEEPALIVE).contains(&seconds)
                })
            });
        }
    }
}

/// The kernel's table is all that nftables has. Its limit of five days is far above the kubelet's four hours. With a
/// limit of two seconds a silent stream is forgotten, and breaks when the node is the first to speak, as in `logs -f`.
#[test]
fn the_kernel_remembers_a_silent_stream_for_as_long_as_its_limit() {
    if !Form::Nftables.is_possible() {
        return;
    }
    let lab = Lab::new();
    let certs = lab.folder.path().display().to_string();
    let _node = lab.node(&certs);
    let _running = Form::Nftables.start(&lab, &SETUP);
    let mut stream = lab.lines(&certs, NODE);
    stream.works("before");
    // While bytes are unanswered it is five minutes, for an instant.
    eventually("it is remembered for more than four hours", || {
        let table = lab.run("proxy", &["conntrack", "-L", "-p", "tcp", "--state", "ESTABLISHED"]);
        table.split_whitespace().nth(2).unwrap().parse::<u64>().unwrap() > 4 * 3600
    });
    stream.works("later 5 and the node speaks first");
    lab.run(
        "proxy",
        &["sysctl", "-qw", "net.netfilter.nf_conntrack_tcp_timeout_established=2"],
    );
    let mut short = lab.lines(&certs, NODE);
    short.works("before");
    short.tell("later 5 and the node speaks first");
    sleep(Duration::from_secs(7));
    assert!(short.say("after").starts_with('('), "a forgotten stream went on");
}
