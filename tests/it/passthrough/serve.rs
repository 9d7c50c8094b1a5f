//! What `nodebake proxy serve` does beyond passing streams on.

use std::process::Command;

use super::forms::{Form, SETUP, Setup};
use super::lab::{API, Lab, NODE, SECOND, STRANGER, eventually, possible};
use crate::support::{nodebake, stderr};

const PLAIN: &str = "\
apiVersion: nodebake/v1
kind: Passthrough
spec:
  sources: any
  routes:
    - { name: a, listen: 127.0.0.1:10250, to: 203.0.113.9:10250 }
";
const FEW: [&str; 3] = ["7", "1000", "1000"];

fn lab() -> Option<(Lab, String)> {
    if !possible(&[]) {
        return None;
    }
    let lab = Lab::new();
    let certs = lab.folder.path().display().to_string();
    Some((lab, certs))
}

#[test]
fn a_wrong_file_is_told_and_not_taken() {
    let Some((lab, certs)) = lab() else { return };
    let _node = lab.node(&certs);
    let running = Form::Serve.start(&lab, &SETUP);
    let mut stream = lab.lines(&certs, NODE);
    stream.works("before");
    lab.folder.write(
        "proxy.conf",
        Form::Serve
            .text(&lab, &Setup { second: true, ..SETUP })
            .replace("to:", "too:"),
    );
    lab.signal("form", "HUP");
    running.metric("reloads_total{result=\"refused\"} 1");
    let log = lab.log("form");
    assert!(
        log.contains("`too` is not a key") && log.contains("stays as it was"),
        "{log}"
    );
    // A port that another program has: nothing of the new file is taken.
    let mut taken = lab.start(
        "proxy",
        "taken",
        &[
            "python3",
            "-c",
            "import socket, time; s = socket.create_server(('10.0.2.234', 10250)); time.sleep(60)",
        ],
    );
    eventually("the other program listens", || {
        lab.run("proxy", &["ss", "-Htln"]).contains(SECOND)
    });
    let without_the_first = Form::Serve
        .text(&lab, &Setup { second: true, ..SETUP })
        .replace("10.0.2.233:10250", "10.0.2.235:10250");
    lab.folder.write("proxy.conf", without_the_first);
    lab.signal("form", "HUP");
    running.metric("reloads_total{result=\"refused\"} 2");
    lab.peer("exchange", &certs, API, NODE, &FEW).unwrap();
    stream.works("after");
    lab.signal("taken", "KILL");
    taken.wait().unwrap();
    running.reload(&Setup { second: true, ..SETUP });
    running.metric("reloads_total{result=\"taken\"} 1");
    lab.peer("exchange", &certs, API, SECOND, &FEW).unwrap();
    stream.works("at the end");
}

#[test]
fn a_route_that_leads_elsewhere_keeps_its_streams() {
    let Some((lab, certs)) = lab() else { return };
    let _node = lab.node(&certs);
    let running = Form::Serve.start(&lab, &SETUP);
    let mut stream = lab.lines(&certs, NODE);
    stream.works("before");
    lab.folder.write(
        "proxy.conf",
        Form::Serve.text(&lab, &SETUP).replace("203.0.113.9", "203.0.113.10"),
    );
    lab.signal("form", "HUP");
    running.metric("reloads_total{result=\"taken\"} 1");
    let said = lab.peer("exchange", &certs, API, NODE, &FEW).unwrap();
    assert!(said.contains("\"at\": \"203.0.113.10\""), "{said}");
    stream.works("after");
    // Without the route its streams go on, and no new one comes.
    lab.folder.write(
        "proxy.conf",
        Form::Serve.text(&lab, &SETUP).replace("10.0.2.233", "10.0.2.235"),
    );
    lab.signal("form", "HUP");
    running.metric("reloads_total{result=\"taken\"} 2");
    lab.peer("exchange", &certs, API, NODE, &FEW).unwrap_err();
    stream.works("still");
}

#[test]
fn limits_refuse_and_count() {
    let Some((lab, certs)) = lab() else { return };
    let _node = lab.node(&certs);
    let setup = Setup {
        second: true,
        limits: "    connections: 3\n    connectionsPerRoute: 2\n",
        ..SETUP
    };
    let running = Form::Serve.start(&lab, &setup);
    let mut streams = vec![lab.lines(&certs, NODE), lab.lines(&certs, NODE)];
    let refused = |from: &str, to: &str| {
        let why = lab.peer("exchange", &certs, from, to, &FEW).unwrap_err();
        assert!(why.starts_with("Connection"), "{why}");
    };
    refused(API, NODE);
    running.metric("refused_total{route=\"first\",cause=\"route_limit\"} 1");
    streams.push(lab.lines(&certs, SECOND));
    refused(API, SECOND);
    running.metric("refused_total{route=\"second\",cause=\"limit\"} 1");
    for _ in 0..20 {
        refused(STRANGER, SECOND);
    }
    running.metric("refused_total{route=\"second\",cause=\"source\"} 20");
    running.metric("connections{route=\"first\"} 2");
    let log = lab.log("form");
    assert_eq!(log.matches("192.168.7.7 may not connect").count(), 1, "{log}");
    for stream in &mut streams {
        stream.works("those that are in stay in");
    }
    // Who leaves makes room.
    streams.clear();
    running.metric("connections{route=\"first\"} 0");
    lab.peer("exchange", &certs, API, NODE, &FEW).unwrap();
    running.metric("connections_total{route=\"first\"} 3");
}

#[test]
fn a_node_that_is_not_there_is_told_at_once_and_once() {
    let Some((lab, _)) = lab() else { return };
    let running = Form::Serve.start(&lab, &SETUP);
    for _ in 0..20 {
        let why = lab.peer("exchange", "plain", API, NODE, &FEW).unwrap_err();
        assert!(why.starts_with("Connection"), "{why}");
    }
    running.metric("failures_total{route=\"first\",cause=\"connect_refused\"} 20");
    let log = lab.log("form");
    assert_eq!(log.matches("cannot be reached").count(), 1, "{log}");
    // One whose wire is cut answers nothing at all.
    running.reload(&Setup {
        limits: "    connectSeconds: 1\n",
        ..SETUP
    });
    running.metric("reloads_total{result=\"taken\"} 1");
    lab.run("node", &["ip", "link", "set", "outside", "down"]);
    lab.run(
        "proxy",
        &[
            "ip",
            "neighbour",
            "replace",
            "203.0.113.9",
            "lladdr",
            "02:00:00:00:00:01",
            "dev",
            "outside",
        ],
    );
    lab.peer("exchange", "plain", API, NODE, &FEW).unwrap_err();
    eventually("a timeout or an unreachable node is counted", || {
        let text = std::fs::read_to_string(lab.folder.path().join("metrics.prom")).unwrap();
        let lines = text
            .lines()
            .filter(|line| line.contains("connect_timeout") || line.contains("connect_other"));
        lines.filter(|line| line.ends_with(" 1")).count() == 1
    });
}

/// The wire is cut and nobody says good-bye: the probes find out.
#[test]
fn a_node_that_vanishes_is_found_out_by_probes() {
    let Some((lab, certs)) = lab() else { return };
    let _node = lab.node(&certs);
    let running = Form::Serve.start(
        &lab,
        &Setup {
            limits: "    keepaliveSeconds: 1\n",
            ..SETUP
        },
    );
    let mut stream = lab.lines(&certs, NODE);
    stream.works("before");
    lab.run("node", &["ip", "link", "set", "outside", "down"]);
    assert!(stream.hears_the_end());
    running.metric("failures_total{route=\"first\",cause=\"node_broken\"} 1");
}

#[test]
fn it_ends_when_its_streams_have() {
    let Some((lab, certs)) = lab() else { return };
    let _node = lab.node(&certs);
    let running = Form::Serve.start(&lab, &SETUP);
    let mut stream = lab.lines(&certs, NODE);
    stream.works("before");
    lab.signal("form", "TERM");
    eventually("it listens no more", || {
        !lab.run("proxy", &["ss", "-Htln"]).contains(NODE)
    });
    let why = lab.peer("exchange", &certs, API, NODE, &FEW).unwrap_err();
    assert!(why.starts_with("Connection"), "{why}");
    stream.works("while it ends");
    drop(stream);
    assert_eq!(running.ends(), Some(0));
    let log = lab.log("form");
    assert!(log.contains("1 streams have 30 s") && !log.contains("cut"), "{log}");
}

#[test]
fn what_does_not_end_is_cut_at_the_deadline_or_by_a_second_signal() {
    for (limits, signals) in [("    drainSeconds: 1\n", 1), ("", 2)] {
        let Some((lab, certs)) = lab() else { return };
        let _node = lab.node(&certs);
        let running = Form::Serve.start(&lab, &Setup { limits, ..SETUP });
        let mut stream = lab.lines(&certs, NODE);
        stream.works("before");
        for _ in 0..signals {
            lab.signal("form", "TERM");
            eventually("it listens no more", || {
                !lab.run("proxy", &["ss", "-Htln"]).contains(NODE)
            });
        }
        assert_eq!(running.ends(), Some(0), "{limits}");
        assert!(stream.hears_the_end());
        let log = lab.log("form");
        assert!(log.contains("1 streams cut"), "{log}");
        let metrics = std::fs::read_to_string(lab.folder.path().join("metrics.prom")).unwrap();
        assert!(metrics.contains("cause=\"cut\"} 1"), "{metrics}");
    }
}

#[test]
fn too_few_descriptors_are_told_before_the_first_stream() {
    let folder = crate::support::TempDir::new();
    folder.write("p.yaml", PLAIN);
    let output = Command::new("bash")
        .args([
            "-c",
            "ulimit -n 400; exec \"$0\" proxy serve --config p.yaml",
            env!("CARGO_BIN_EXE_nodebake"),
        ])
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    assert!(stderr(&output).contains("LimitNOFILE="), "{}", stderr(&output));
    // An address this machine does not have.
    let words = [
        "proxy",
        "serve",
        "--listen",
        "203.0.113.77:10250",
        "--to",
        "203.0.113.9:10250",
        "--source",
        "any",
    ];
    let output = nodebake(&words, folder.path());
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    assert!(
        stderr(&output).contains("listening on 203.0.113.77:10250"),
        "{}",
        stderr(&output)
    );
}

/// `Type=notify`: the unit is up once every listener is.
#[test]
fn systemd_hears_when_it_listens() {
    use std::os::unix::net::UnixDatagram;
    let folder = crate::support::TempDir::new();
    let path = folder.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket
        .set_read_timeout(Some(std::time::Duration::from_secs(30)))
        .unwrap();
    let free = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .to_string();
    let mut child = Command::new(env!("CARGO_BIN_EXE_nodebake"))
        .args([
            "proxy",
            "serve",
            "--listen",
            &free,
            "--to",
            "127.0.0.1:9",
            "--source",
            "any",
        ])
        .env("NOTIFY_SOCKET", &path)
        .spawn()
        .unwrap();
    let mut said = [0; 64];
    let size = socket.recv(&mut said).unwrap();
    assert_eq!(&said[..size], b"READY=1");
    std::net::TcpStream::connect(&free).unwrap();
    let number = child.id().to_string();
    assert!(Command::new("kill").arg(&number).status().unwrap().success());
    let size = socket.recv(&mut said).unwrap();
    assert_eq!(&said[..size], b"STOPPING=1");
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
