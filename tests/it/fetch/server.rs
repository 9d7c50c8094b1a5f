//! A small HTTP server on this machine that misbehaves on request.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// How one request is answered.
#[derive(Clone, Debug)]
pub enum Act {
    /// As a good server does, ranges and all.
    Serve,
    /// The whole file, whatever range was asked for.
    NoRange,
    /// The head of a good answer and this many bytes, then the connection is closed.
    Cut(usize),
    /// This many bytes, then nothing for a long time.
    Stall(usize),
    /// Everything, after a length that is too large by this.
    Longer(usize),
    /// All bytes but the last ones, as if there were no more.
    Shorter(usize),
    /// Other bytes.
    Wrong,
    /// A range that was not asked for.
    OtherRange,
    /// This status, these header lines.
    Status(u16, &'static str),
    /// To another URL; `{}` is this server.
    Redirect(&'static str),
    /// A few bytes at a time.
    Slow,
    /// Another version of the file, by its ETag; `If-Range` notices.
    OtherVersion,
}

use Act::{Cut, Longer, NoRange, OtherRange, OtherVersion, Redirect, Serve, Shorter, Slow, Stall, Status, Wrong};

/// A request that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    pub path: String,
    pub headers: BTreeMap<String, String>,
}

impl Ask {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// Where the range that was asked for begins.
    pub fn from(&self) -> usize {
        let range = self.header("range").strip_prefix("bytes=").unwrap_or("0-");
        range.trim_end_matches('-').parse().unwrap()
    }
}

#[derive(Default)]
struct State {
    files: BTreeMap<String, Vec<u8>>,
    /// The acts of a path in order; the last one stays.
    acts: BTreeMap<String, Vec<Act>>,
    asked: Vec<Ask>,
}

/// The server. It stops when it goes out of scope.
pub struct Server {
    pub url: String,
    state: Arc<Mutex<State>>,
    stop: Arc<AtomicBool>,
}

impl Server {
    pub fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Self {
            url: format!("http://{}", listener.local_addr().unwrap()),
            state: Arc::default(),
            stop: Arc::default(),
        };
        let (state, stop, url) = (Arc::clone(&server.state), Arc::clone(&server.stop), server.url.clone());
        thread::spawn(move || {
            for stream in listener.incoming() {
                if stop.load(Ordering::SeqCst) {
                    return;
                }
                let (state, stop, url) = (Arc::clone(&state), Arc::clone(&stop), url.clone());
                // A client that goes away is its own business.
                thread::spawn(move || stream.and_then(|stream| answer(&stream, &state, &stop, &url)));
            }
        });
        server
    }

    /// Has a file.
    pub fn file(&self, path: &str, bytes: &[u8]) {
        self.state.lock().unwrap().files.insert(path.into(), bytes.into());
    }

    /// Answers requests for `path` so, one after the other; the last act stays.
    pub fn acts(&self, path: &str, acts: &[Act]) {
        self.state.lock().unwrap().acts.insert(path.into(), acts.into());
    }

    /// The requests so far; forgets them.
    pub fn asked(&self) -> Vec<Ask> {
        std::mem::take(&mut self.state.lock().unwrap().asked)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.url.trim_start_matches("http://"));
    }
}

fn answer(stream: &TcpStream, state: &Mutex<State>, stop: &AtomicBool, url: &str) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let target = line.split(' ').nth(1).unwrap_or_default();
    // A proxy is asked for whole URLs.
    let path = target
        .strip_prefix("http://")
        .map_or(target, |rest| &rest[rest.find('/').unwrap_or(0)..]);
    let mut ask = Ask {
        path: path.to_owned(),
        headers: BTreeMap::new(),
    };
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 || line == "\r\n" {
            break;
        }
        if let Some((name, value)) = line.trim_end().split_once(": ") {
            ask.headers.insert(name.to_lowercase(), value.to_owned());
        }
    }
    if ask.path.is_empty() {
        return Ok(());
    }
    let (act, file) = {
        let mut state = state.lock().unwrap();
        state.asked.push(ask.clone());
        let act = match state.acts.get_mut(&ask.path) {
            Some(acts) if acts.len() > 1 => acts.remove(0),
            Some(acts) => acts[0].clone(),
            None => Serve,
        };
        (act, state.files.get(&ask.path).cloned())
    };
    let mut out = stream;
    let Some(file) = file else {
        return out.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    };
    play(&mut out, &act, &ask, &file, stop, url)
}

fn play(out: &mut impl Write, act: &Act, ask: &Ask, file: &[u8], stop: &AtomicBool, url: &str) -> std::io::Result<()> {
    let etag = if matches!(act, OtherVersion) {
        "\"v2\""
    } else {
        "\"v1\""
    };
    let same_version = ask.header("if-range").is_empty() || ask.header("if-range") == etag;
    let from = if matches!(act, NoRange | Wrong | Shorter(_)) || !same_version {
        0
    } else {
        ask.from()
    };
    let head = |out: &mut dyn Write, from: usize, len: usize| {
        let range = if from > 0 {
            let (last, all) = (file.len() - 1, file.len());
            format!("206 Partial Content\r\nContent-Range: bytes {from}-{last}/{all}")
        } else {
            "200 OK".to_owned()
        };
        write!(
            out,
            "HTTP/1.1 {range}\r\nETag: {etag}\r\nContent-Length: {len}\r\nConnection: close\r\n\r\n"
        )
    };
    if from >= file.len() {
        return out.write_all(b"HTTP/1.1 416 Range Not Satisfiable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    }
    let rest = &file[from..];
    match act {
        Serve | NoRange | OtherVersion => {
            head(out, from, rest.len())?;
            out.write_all(rest)
        }
        Cut(count) => {
            head(out, from, rest.len())?;
            out.write_all(&rest[..*count])
        }
        Stall(count) => {
            head(out, from, rest.len())?;
            out.write_all(&rest[..*count])?;
            out.flush()?;
            for _ in 0..600 {
                if stop.load(Ordering::SeqCst) {
                    break;
                }
                thread::sleep(Duration::from_millis(50));
            }
            Ok(())
        }
        Longer(more) => {
            head(out, from, rest.len() + more)?;
            out.write_all(rest)
        }
        Shorter(less) => {
            head(out, 0, file.len() - less)?;
            out.write_all(&file[..file.len() - less])
        }
        Wrong => {
            head(out, 0, file.len())?;
            out.write_all(&file.iter().map(|byte| !byte).collect::<Vec<u8>>())
        }
        OtherRange => {
            head(out, from + 1, rest.len() - 1)?;
            out.write_all(&rest[1..])
        }
        Status(code, more) => {
            write!(
                out,
                "HTTP/1.1 {code} Told\r\n{more}Content-Length: 0\r\nConnection: close\r\n\r\n"
            )
        }
        Redirect(to) => {
            let to = to.replace("{}", url);
            write!(
                out,
                "HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            )
        }
        Slow => {
            head(out, from, rest.len())?;
            for some in rest.chunks(1000) {
                out.write_all(some)?;
                out.flush()?;
                thread::sleep(Duration::from_millis(5));
            }
            Ok(())
        }
    }
}
