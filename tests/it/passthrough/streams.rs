//! What passes through each form, and what does not.

use super::forms::{Form, Running, SETUP, Setup};
use super::lab::{API, Lab, NOBODY, NODE, SECOND, STRANGER};

/// Each form that can run here, with TLS between the ends.
fn each(setup: &Setup, check: impl Fn(&Lab, &Running<'_>, &str)) {
    for form in Form::ALL {
        if !form.is_possible() || (form == Form::Serve && !cfg!(feature = "proxy")) {
            continue;
        }
        let lab = Lab::new();
        let certs = lab.folder.path().display().to_string();
        let _node = lab.node(&certs);
        let running = form.start(&lab, setup);
        println!("{form:?}");
        check(&lab, &running, &certs);
    }
}

const MEGABYTES: [&str; 3] = ["7", "3000001", "5000003"];

#[test]
fn tls_with_both_certificates_passes_intact() {
    each(&SETUP, |lab, _, certs| {
        let said = lab.peer("exchange", certs, API, NODE, &MEGABYTES).unwrap();
        // The node sees the proxy's address and the API server's certificate.
        assert!(said.contains("\"peer\": \"10.0.2.10\""), "{said}");
        assert!(said.contains("kube-apiserver-kubelet-client"), "{said}");
        // Both ends insist on certificates: without one of their CA nothing is said.
        let other = Lab::new();
        let stranger = other.folder.path().display().to_string();
        lab.peer("exchange", &stranger, API, NODE, &MEGABYTES).unwrap_err();
    });
}

#[test]
fn a_thousand_streams_at_once_keep_their_bytes_apart() {
    each(&SETUP, |lab, _, certs| {
        let said = lab.peer("parallel", certs, API, NODE, &["1000", "40001"]).unwrap();
        assert_eq!(said, "{\"streams\": 1000}");
    });
}

#[test]
fn who_may_not_come_and_what_leads_nowhere_is_refused() {
    each(&SETUP, |lab, running, certs| {
        lab.peer("exchange", certs, API, NODE, &MEGABYTES).unwrap();
        let refused = |from: &str, to: &str| lab.peer("exchange", certs, from, to, &MEGABYTES).unwrap_err();
        for why in [refused(STRANGER, NODE), refused(API, NOBODY), refused(API, SECOND)] {
            assert!(why.starts_with("Connection"), "{:?}: {why}", running.form);
        }
        // Once the second node is known, it is reached: it was the route that was missing.
        running.reload(&Setup { second: true, ..SETUP });
        let said = lab.peer("exchange", certs, API, SECOND, &MEGABYTES).unwrap();
        assert!(said.contains("\"at\": \"203.0.113.10\""), "{said}");
        let why = refused(STRANGER, SECOND);
        assert!(why.starts_with("Connection"), "{why}");
    });
}

#[test]
fn one_direction_may_end_before_the_other() {
    for form in Form::ALL {
        if !form.is_possible() || (form == Form::Serve && !cfg!(feature = "proxy")) {
            continue;
        }
        let lab = Lab::new();
        let _node = lab.node("plain");
        let _running = form.start(&lab, &SETUP);
        let said = lab.peer("half", "plain", API, NODE, &["11", "2000003"]).unwrap();
        assert_eq!(said, format!("{{\"bytes\": {}}}", 2_000_003 + 64), "{form:?}");
    }
}

#[test]
fn the_death_of_the_node_is_heard() {
    each(&SETUP, |lab, running, certs| {
        let mut stream = lab.lines(certs, NODE);
        stream.works("before");
        let number = std::fs::read_to_string(lab.folder.path().join("node.pid")).unwrap();
        lab.run("node", &["kill", "-KILL", number.trim()]);
        assert!(stream.hears_the_end(), "{:?}", running.form);
        let why = lab.peer("exchange", certs, API, NODE, &MEGABYTES).unwrap_err();
        assert!(why.starts_with("Connection") || why.contains("EOF"), "{why}");
        // It comes back, and so do streams.
        let _node = lab.node(certs);
        lab.peer("exchange", certs, API, NODE, &MEGABYTES).unwrap();
    });
}

#[test]
fn a_new_file_drops_no_stream() {
    each(&SETUP, |lab, running, certs| {
        let mut stream = lab.lines(certs, NODE);
        stream.works("before");
        for second in [true, false, true] {
            running.reload(&Setup { second, ..SETUP });
            stream.works("after");
        }
        lab.peer("exchange", certs, API, SECOND, &MEGABYTES).unwrap();
        lab.peer("exchange", certs, API, NODE, &MEGABYTES).unwrap();
        stream.works("still");
        if running.form == Form::Haproxy {
            // What a restart does instead, so that the test is seen to tell one from the other.
            lab.signal("form", "TERM");
            assert!(stream.hears_the_end());
        }
    });
}

/// Each line of the nftables file is needed: without it the stream fails.
#[test]
fn every_line_of_the_nftables_form_is_needed() {
    if !Form::Nftables.is_possible() {
        return;
    }
    let lab = Lab::new();
    let certs = lab.folder.path().display().to_string();
    let _node = lab.node(&certs);
    let good = Form::Nftables.text(&lab, &SETUP);
    let numbers = ["7", "1", "1"];
    for line in ["snat to", "dnat to", "ct status dnat tcp dport 10250 accept"] {
        let without: String = good
            .lines()
            .filter(|own| !own.contains(line))
            .map(|own| format!("{own}\n"))
            .collect();
        assert_ne!(good, without);
        Form::Nftables.start_with(&lab, &without, false);
        let mut attempt = lab.command(
            "api",
            &["timeout", "3", "bash", "-c", "exec 3<>/dev/tcp/10.0.2.233/10250"],
        );
        assert!(
            !attempt.output().unwrap().status.success(),
            "a stream came through without {line}"
        );
    }
    Form::Nftables.start_with(&lab, &good, false);
    lab.peer("exchange", &certs, API, NODE, &numbers).unwrap();
    lab.run("proxy", &["sysctl", "-qw", "net.ipv4.ip_forward=0"]);
    let mut attempt = lab.command(
        "api",
        &["timeout", "3", "bash", "-c", "exec 3<>/dev/tcp/10.0.2.233/10250"],
    );
    assert!(!attempt.output().unwrap().status.success(), "forwarding is not needed");
}
