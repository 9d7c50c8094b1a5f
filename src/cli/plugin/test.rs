//! `nodebake plugin test`

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::super::plugins::PluginArgs;
use super::super::{Failure, Outcome, Ui};
use super::{describe, stranger};
use crate::base::PluginKind;
use crate::edge::fs;
use crate::edge::plugin::Runner;
use crate::plugin::{Op, Pin, Reply, cases, judge, read_reply, tame, verdict};

/// Test a plugin: that it describes itself, its own cases (tests/NAME with
/// request.json and reply.json), and with the first of them whether it bears
/// requests that are hostile, large or slow, and answers the same each time.
/// It runs as it would for a node, with what it asks for itself.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Its folder, with the executable `plugin` in it
    folder: PathBuf,
    #[command(flatten)]
    plugins: PluginArgs,
}

/// Seconds that any of the common cases may take: some are as large as a request of a whole fleet's files.
const QUICK: u32 = 10;

/// Results, told as they come.
struct Tally<'u> {
    ui: &'u Ui,
    good: usize,
    bad: usize,
}

impl Tally<'_> {
    fn result(&mut self, name: &str, result: Result<(), String>) {
        match result {
            Ok(()) => {
                self.good += 1;
                self.ui.talk(&format!("ok    {name}"));
            }
            Err(why) => {
                self.bad += 1;
                self.ui.talk(&format!("FAIL  {name}: {}", tame(&why, 500)));
            }
        }
    }
}

pub(super) fn run(ui: &Ui, args: &Args) -> Outcome {
    if let Err(why) = args.plugins.may_run() {
        let hint = why.hint.unwrap_or_default();
        return Err(Failure::Usage(format!("the plugin {}: {hint}", why.message)));
    }
    let program = args.folder.join("plugin");
    if !fs::exists(&program) {
        let build = if fs::exists(&args.folder.join("Cargo.toml")) {
            "; build it first: cargo build --release && cp target/release/NAME plugin"
        } else {
            ""
        };
        return Err(Failure::World(anyhow::anyhow!(
            "there is no {}{build}",
            program.display()
        )));
    }
    let runner = args.plugins.runner(&args.folder);
    let runner = runner.map_err(|finding| Failure::World(anyhow::anyhow!(finding.message)))?;
    let (copy, sha256) = runner.store().keep(&program)?;
    let own = own_cases(&args.folder)?;
    let Some((_, good, _)) = own.first() else {
        let message = "a plugin comes with a case: tests/NAME/request.json and tests/NAME/reply.json";
        return Err(Failure::World(anyhow::anyhow!("{message}")));
    };
    let text = |key| good.get(key).and_then(Value::as_str).unwrap_or_default();
    let Ok(kind) = text("kind").parse::<PluginKind>() else {
        return Err(Failure::World(anyhow::anyhow!("request.json names no kind of plugin")));
    };
    let mut pin = stranger(kind, text("name"), sha256);
    let mut tally = Tally { ui, good: 0, bad: 0 };
    match describe(&runner, &pin, &copy) {
        Ok(described) => {
            pin.access = described.access;
            tally.result("it describes itself", Ok(()));
        }
        Err(why) => tally.result("it describes itself", Err(format!("it {}", why.message))),
    }
    let mut reference = None;
    for (name, request, wanted) in &own {
        let told = case(&runner, &pin, &copy, request, wanted);
        let result = told.map(|reply| {
            reference.get_or_insert(reply);
        });
        tally.result(&format!("tests/{name}"), result);
    }
    if let Some(reference) = reference {
        common(&runner, &pin, &copy, good, &reference, &mut tally);
    }
    let (good, bad) = (tally.good, tally.bad);
    ui.talk(&format!("{good} passed, {bad} failed"));
    if bad == 0 { Ok(()) } else { Err(Failure::Findings) }
}

/// The plugin's own case; its reply.
fn case(runner: &Runner, pin: &Pin, program: &Path, request: &Value, wanted: &Value) -> Result<Reply, String> {
    let bytes = request.to_string().into_bytes();
    let ended = runner.run_program(pin, program, &bytes, None, artifact(request));
    let reply = judge(pin, Op::Run, &ended).map_err(|why| format!("it {}", why.message))?;
    let wanted = read_reply(pin.kind, Op::Run, wanted.to_string().as_bytes());
    let wanted = wanted.map_err(|why| format!("reply.json is no reply: it {}", why.message))?;
    if reply == wanted {
        return Ok(reply);
    }
    let shown = |reply: &Reply| serde_json::to_string(reply).unwrap_or_default();
    Err(format!("it answered {}, not {}", shown(&reply), shown(&wanted)))
}

/// The file that a deliver plugin is to take away.
fn artifact(request: &Value) -> Option<&str> {
    request.pointer("/artifact/path").and_then(Value::as_str)
}

/// What every plugin must bear.
fn common(runner: &Runner, pin: &Pin, program: &Path, good: &Value, reference: &Reply, tally: &mut Tally<'_>) {
    let mut quick = pin.clone();
    if pin.kind != PluginKind::Deliver {
        quick.access.seconds = Some(QUICK);
    }
    for case in cases(good) {
        let ended = runner.run_program(&quick, program, &case.input, case.pace, artifact(good));
        tally.result(case.name, verdict(pin, &case, &ended, reference));
    }
}

type Own = (String, Value, Value);

/// The cases in tests/, by name.
fn own_cases(folder: &Path) -> Result<Vec<Own>, Failure> {
    let tests = folder.join("tests");
    let mut own = Vec::new();
    for name in fs::marked_folders(&tests, "request.json")? {
        let read = |file: &str| -> Result<Value, Failure> {
            let path = tests.join(&name).join(file);
            let bytes = fs::read_bytes(&path)?;
            serde_json::from_slice(&bytes)
                .map_err(|error| Failure::World(anyhow::anyhow!("{}: {error}", path.display())))
        };
        let mut request = read("request.json")?;
        // Of a case for deliver the artifact lies beside it.
        if let Some(Value::String(path)) = request.pointer_mut("/artifact/path") {
            *path = fs::whole_path(&tests.join(&name).join(&*path))?.display().to_string();
        }
        own.push((name.clone(), request, read("reply.json")?));
    }
    Ok(own)
}
