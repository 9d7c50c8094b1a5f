//! Downloads over http. What comes is hashed as it comes; whatever goes wrong, the bytes that are here are kept and the
//! rest is asked for, and only the digest decides what is right.

use std::time::Duration;

use reqwest::header::{ACCEPT_ENCODING, CONTENT_RANGE, ETAG, HeaderMap, IF_RANGE, RANGE, RETRY_AFTER};
use reqwest::redirect::{Attempt, Policy};
use reqwest::{Client, Response, StatusCode, Url};
use tokio::runtime::{Builder, Runtime};

use super::cache::Cache;
use super::clock::System;
use super::download::{Event, Options, Want};
use super::part::Part;
use crate::cloud::Clock;

/// How long to wait for a connection.
const CONNECT: Duration = Duration::from_secs(20);

/// The first pause before another try; it doubles each time.
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// The longest pause, and the longest that a server may ask for.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// Most redirects that are followed.
const MAX_REDIRECTS: usize = 10;

/// More bytes than any artifact has: a server that never ends must not fill the disk.
const MAX_BYTES: u64 = 64 << 30;

/// What a thread downloads with.
pub(super) struct Web<'o> {
    options: &'o Options,
    /// Made when it is needed first.
    engine: Option<(Runtime, Client)>,
}

/// Why a transfer ended early.
enum Trouble {
    /// Asking again would not help.
    Final(String),
    /// It may; the server may have said when.
    Passing(String, Option<Duration>),
}

use Trouble::{Final, Passing};

impl<'o> Web<'o> {
    pub(super) fn new(options: &'o Options) -> Self {
        Self { options, engine: None }
    }

    /// Loads a blob from `url`, and gives its size.
    pub(super) fn load(
        &mut self,
        cache: &Cache,
        want: &Want,
        url: &str,
        tell: &dyn Fn(&Event<'_>),
    ) -> Result<u64, String> {
        let fail = |why: &str| format!("{url}: {why}");
        let parsed: Url = url.parse().map_err(|_| fail("is no URL"))?;
        check(&parsed, self.options.insecure_http).map_err(|why| fail(&why))?;
        let options = self.options;
        if self.engine.is_none() {
            self.engine = Some(engine(options).map_err(|why| fail(&why))?);
        }
        let Some((runtime, client)) = &self.engine else {
            return Err(fail("there is no downloader"));
        };
        let part = cache.load(&want.sha256, &|| tell(&Event::Waits));
        match part.map_err(|error| error.to_string())? {
            None => match cache.look(&want.sha256).map_err(|error| error.to_string())? {
                super::cache::Held::Whole(size) => Ok(size),
                _ => Err(fail("another process loaded it, and it is gone or damaged")),
            },
            Some(mut part) => {
                let mut transfer = Transfer {
                    client,
                    url: &parsed,
                    etag: None,
                    part: &mut part,
                    tell,
                };
                runtime
                    .block_on(transfer.run(want, options.retries))
                    .map_err(|why| fail(&why))?;
                part.finish().map_err(|error| error.to_string())
            }
        }
    }
}

/// Plain http is for this machine only, unless it was asked for, and no URL carries a password.
fn check(url: &Url, insecure_http: bool) -> Result<(), String> {
    if !url.username().is_empty() || url.password().is_some() {
        return Err("a URL with a user name or password is not asked".into());
    }
    match url.scheme() {
        "https" => Ok(()),
        "http" if insecure_http || is_loopback(url) => Ok(()),
        "http" => Err("plain http; allow it with --insecure-http".into()),
        other => Err(format!("is {other}, not https")),
    }
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
}

fn follow(attempt: Attempt<'_>, insecure_http: bool) -> reqwest::redirect::Action {
    let was_secure = attempt.previous().iter().any(|url| url.scheme() == "https");
    let wrong = if attempt.previous().len() > MAX_REDIRECTS {
        Some("is redirected without end".to_owned())
    } else if was_secure && attempt.url().scheme() != "https" {
        Some(format!("is redirected from https to {}", attempt.url().scheme()))
    } else {
        let checked = check(attempt.url(), insecure_http);
        checked.err().map(|why| format!("is redirected to a URL that {why}"))
    };
    match wrong {
        Some(why) => attempt.error(why),
        None => attempt.follow(),
    }
}

fn engine(options: &Options) -> Result<(Runtime, Client), String> {
    let insecure_http = options.insecure_http;
    let runtime = Builder::new_current_thread().enable_all().build();
    let client = Client::builder()
        .user_agent(concat!("nodebake/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT.min(options.stall))
        .read_timeout(options.stall)
        .redirect(Policy::custom(move |attempt| follow(attempt, insecure_http)))
        .build();
    Ok((runtime.map_err(|error| error.to_string())?, client.map_err(told)?))
}

/// One blob from one URL.
struct Transfer<'t> {
    client: &'t Client,
    url: &'t Url,
    /// What the server calls the version whose bytes are here.
    etag: Option<reqwest::header::HeaderValue>,
    part: &'t mut Part,
    tell: &'t dyn Fn(&Event<'_>),
}

impl Transfer<'_> {
    /// Until the part is whole.
    async fn run(&mut self, want: &Want, retries: u32) -> Result<(), String> {
        let mut tries = 0;
        let mut was_wrong = false;
        loop {
            // What an earlier process left may be all of it.
            if self.part.is_whole() {
                return Ok(());
            }
            let before = self.part.len();
            let (why, pause) = match self.once().await {
                // A server that lied about the length may have sent everything all the same.
                _ if self.part.is_whole() => return Ok(()),
                Ok(()) => {
                    let got = self.part.digest();
                    self.restart()?;
                    if was_wrong {
                        return Err(format!("wrong bytes: expected sha256 {}, got {got}", want.sha256));
                    }
                    was_wrong = true;
                    (self.tell)(&Event::Again("wrong bytes"));
                    continue;
                }
                Err(Final(why)) => return Err(why),
                Err(Passing(why, pause)) => (why, pause),
            };
            if self.part.len() > before {
                tries = 0;
            }
            if tries >= retries {
                return Err(why);
            }
            (self.tell)(&Event::Again(&why));
            tokio::time::sleep(pause.unwrap_or_else(|| backoff(tries))).await;
            tries += 1;
        }
    }

    fn restart(&mut self) -> Result<(), String> {
        self.etag = None;
        self.part.restart().map_err(|error| error.to_string())
    }

    /// Asks for what is missing.
    async fn once(&mut self) -> Result<(), Trouble> {
        let from = self.part.len();
        let mut request = self.client.get(self.url.clone()).header(ACCEPT_ENCODING, "identity");
        if from > 0 {
            request = request.header(RANGE, format!("bytes={from}-"));
            if let Some(etag) = &self.etag {
                request = request.header(IF_RANGE, etag);
            }
        }
        let mut answer = request.send().await.map_err(trouble)?;
        match answer.status() {
            StatusCode::OK => {
                if from > 0 {
                    self.restart().map_err(Final)?;
                }
            }
            StatusCode::PARTIAL_CONTENT if from > 0 => {
                if range_start(answer.headers()) != Some(from) {
                    self.restart().map_err(Final)?;
                    return Err(Passing("another range came than was asked for".into(), None));
                }
            }
            StatusCode::RANGE_NOT_SATISFIABLE if from > 0 => {
                self.restart().map_err(Final)?;
                return Err(Passing("there is less than an earlier try brought".into(), None));
            }
            status => return Err(refusal(status, answer.headers())),
        }
        self.etag = strong_etag(answer.headers());
        self.body(&mut answer).await
    }

    async fn body(&mut self, answer: &mut Response) -> Result<(), Trouble> {
        let total = answer.content_length().map(|rest| self.part.len().saturating_add(rest));
        (self.tell)(&Event::Has(self.part.len(), total));
        while let Some(bytes) = answer.chunk().await.map_err(trouble)? {
            self.part.write(&bytes).map_err(|error| Final(error.to_string()))?;
            if self.part.len() > MAX_BYTES {
                self.restart().map_err(Final)?;
                return Err(Final(format!("more than {} GiB came", MAX_BYTES >> 30)));
            }
            (self.tell)(&Event::Has(self.part.len(), total));
        }
        Ok(())
    }
}

/// Where the range begins that came, by `Content-Range: bytes FIRST-LAST/TOTAL`.
fn range_start(headers: &HeaderMap) -> Option<u64> {
    let range = headers.get(CONTENT_RANGE)?.to_str().ok()?.strip_prefix("bytes ")?;
    range.split_once('-')?.0.trim().parse().ok()
}

/// An ETag that stands for exact bytes; a weak one must not be used with a range.
fn strong_etag(headers: &HeaderMap) -> Option<reqwest::header::HeaderValue> {
    headers
        .get(ETAG)
        .filter(|etag| etag.as_bytes().starts_with(b"\""))
        .cloned()
}

fn refusal(status: StatusCode, headers: &HeaderMap) -> Trouble {
    let why = format!("the server answers {status}");
    let passing = status.is_server_error()
        || matches!(
            status,
            StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY
        );
    if !passing || status == StatusCode::NOT_IMPLEMENTED {
        return Final(why);
    }
    // In seconds; who gives a date gets the usual pause.
    let asked = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok());
    let asked = asked
        .and_then(|value| value.trim().parse().ok())
        .map(Duration::from_secs);
    match asked {
        Some(asked) if asked > LONGEST_PAUSE => Final(format!("{why}, and asks to wait {} s", asked.as_secs())),
        asked => Passing(why, asked),
    }
}

fn trouble(error: reqwest::Error) -> Trouble {
    if error.is_redirect() || error.is_builder() {
        Final(told(error))
    } else {
        Passing(told(error), None)
    }
}

/// The cause of an error. Not the URL, which whoever tells it names, and not the layers between.
fn told(error: reqwest::Error) -> String {
    if error.is_timeout() {
        return "nothing came for too long".into();
    }
    let error = error.without_url();
    let mut cause: &dyn std::error::Error = &error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

/// The pause before another try: anything up to twice as long as the time before, so that many machines which failed
/// together do not come back together.
fn backoff(tries: u32) -> Duration {
    let most = FIRST_PAUSE.saturating_mul(1 << tries.min(16)).min(LONGEST_PAUSE);
    most.mul_f64(0.5 + System.dice() / 2.0)
}
