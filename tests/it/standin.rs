//! A small HTTP server on this machine that stands in for a cloud: what it answers is a function of the request, and it
//! can end the program that asks at any request, before or after the request is carried out.

#![allow(clippy::disallowed_methods, reason = "tests start and end processes")]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// A request that came.
#[derive(Clone, Debug)]
pub struct Ask {
    pub method: String,
    /// With its query.
    pub path: String,
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

impl Ask {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// The connection is closed in place of an answer: it was carried out, and nobody learns of it.
    pub lost: bool,
}

impl Reply {
    pub fn new(status: u16, kind: &str, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            headers: vec![("Content-Type".into(), kind.into())],
            body: body.into(),
            lost: false,
        }
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    pub fn lost() -> Self {
        Self {
            lost: true,
            ..Self::new(500, "text/plain", "")
        }
    }
}

/// When, at the request of the number `at` (from 0), the program under test is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kill {
    /// Before the request is carried out.
    Before(usize),
    /// After it, before its answer.
    After(usize),
}

#[derive(Default)]
struct State {
    asked: Vec<Ask>,
    kill: Option<(Kill, u32)>,
}

/// The server. It stops when it goes out of scope.
pub struct Server {
    pub url: String,
    state: Arc<Mutex<State>>,
    stop: Arc<AtomicBool>,
}

impl Server {
    /// A server that answers by `handler`. Requests are carried out one at a time.
    pub fn new(handler: impl FnMut(&Ask) -> Reply + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Self {
            url: format!("http://{}", listener.local_addr().unwrap()),
            state: Arc::default(),
            stop: Arc::default(),
        };
        let (state, stop) = (Arc::clone(&server.state), Arc::clone(&server.stop));
        let handler = Arc::new(Mutex::new(handler));
        thread::spawn(move || {
            for stream in listener.incoming() {
                if stop.load(Ordering::SeqCst) {
                    return;
                }
                let (state, handler) = (Arc::clone(&state), Arc::clone(&handler));
                // A client that goes away is its own business.
                thread::spawn(move || stream.and_then(|stream| answer(&stream, &state, &handler)));
            }
        });
        server
    }

    /// The requests so far; forgets them.
    pub fn asked(&self) -> Vec<Ask> {
        std::mem::take(&mut self.state.lock().unwrap().asked)
    }

    /// Runs the program, which is to ask this server, and ends it (SIGKILL) as `kill` says. Its number of requests begins
    /// at 0 anew.
    pub fn run(&self, command: &mut Command, kill: Option<Kill>) -> Output {
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        // No request is carried out before the number of the process is known.
        let mut state = self.state.lock().unwrap();
        let child = command.spawn().unwrap();
        state.asked.clear();
        state.kill = kill.map(|kill| (kill, child.id()));
        drop(state);
        let output = child.wait_with_output().unwrap();
        self.state.lock().unwrap().kill = None;
        output
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.url.trim_start_matches("http://"));
    }
}

fn answer<H: FnMut(&Ask) -> Reply>(
    stream: &TcpStream,
    state: &Mutex<State>,
    handler: &Mutex<H>,
) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split(' ');
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let mut ask = Ask {
        method: method.into(),
        path: path.into(),
        headers: BTreeMap::new(),
        body: Vec::new(),
    };
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 || line == "\r\n" {
            break;
        }
        if let Some((name, value)) = line.trim_end().split_once(':') {
            ask.headers.insert(name.to_lowercase(), value.trim().to_owned());
        }
    }
    if ask.path.is_empty() {
        return Ok(());
    }
    let length = ask.header("content-length").parse().unwrap_or(0);
    ask.body.resize(length, 0);
    reader.read_exact(&mut ask.body)?;
    // One at a time, in the order in which they came.
    let mut handler = handler.lock().unwrap();
    let (number, kill) = {
        let mut state = state.lock().unwrap();
        state.asked.push(ask.clone());
        (state.asked.len() - 1, state.kill)
    };
    let end = |when: Kill| match kill {
        Some((kill, process)) if kill == when => {
            let done = Command::new("kill")
                .args(["-9", &process.to_string()])
                .status()
                .unwrap();
            assert!(done.success());
            true
        }
        _ => false,
    };
    if end(Kill::Before(number)) {
        return Ok(());
    }
    let reply = handler(&ask);
    drop(handler);
    if end(Kill::After(number)) || reply.lost {
        return Ok(());
    }
    let mut out = stream;
    write!(out, "HTTP/1.1 {} Told\r\n", reply.status)?;
    for (name, value) in &reply.headers {
        write!(out, "{name}: {value}\r\n")?;
    }
    write!(out, "Content-Length: {}\r\nConnection: close\r\n\r\n", reply.body.len())?;
    out.write_all(&reply.body)
}
