//! The command line: thin shells over the pipeline. The only place that names the edge, and the only one that prints.

mod aws;
mod bake;
mod bootstrap;
mod bundle;
mod catalog;
mod check;
mod consent;
mod credentials;
mod deliver;
mod diff;
mod eni;
mod explain;
mod facts;
mod fetch;
mod golden;
mod goldens;
mod init;
mod install;
mod lambda;
mod load;
mod next;
mod page;
mod plugin;
mod plugins;
mod progress;
mod proxy;
mod render;
mod report;
mod revision;
mod rollback;
mod status;
mod table;
mod token;
mod ui;
mod uninstall;
mod up;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::builder::{PathBufValueParser, TypedValueParser};
use clap::{Args, Parser, Subcommand};

use crate::base::{Policy, closest};
use crate::cloud::Trouble;
use crate::edge::plugin::{SUPERVISE, supervise};
use crate::verify;
use load::Loaded;
use ui::Ui;

/// How a command ends, other than well.
#[derive(Debug)]
enum Failure {
    /// Findings or differences, already printed: exit code 1.
    Findings,
    /// Something with the world: exit code 3.
    World(anyhow::Error),
    /// A cloud refused, or could not be asked: exit code 4.
    Cloud(Trouble),
    /// Something that was told already, with the exit code it has.
    #[cfg_attr(
        not(feature = "credentials"),
        expect(dead_code, reason = "`credentials` tells by itself")
    )]
    Told(u8),
    /// The command was used wrongly: exit code 2.
    Usage(String),
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::World(error.into())
    }
}

type Outcome = Result<(), Failure>;

const AFTER_HELP: &str = "\
Exit codes: 0 fine, 1 findings or differences, 2 wrong usage, 3 a file could not
be read, written or loaded, 4 a cloud refused or could not be asked. stdout
carries data, stderr carries talk.";

/// Turns one reviewed node.yaml into everything a GPU machine outside AWS needs
/// to become a node of an EKS cluster.
#[derive(Debug, Parser)]
#[command(name = "nodebake", version, max_term_width = 80, after_help = AFTER_HELP, infer_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write a commented node.yaml and cluster.yaml to start from
    Init(init::Args),
    /// Show profiles, images, instance types, templates, checks and formats
    Catalog(catalog::Args),
    /// Show every value that was decided, and why
    Explain(explain::Args),
    /// Check a node.yaml and everything it makes
    Check(check::Args),
    /// Write the plain files of a node into a folder
    Render(render::Args),
    /// Say what a change of a node does to the machines
    Diff(diff::Args),
    /// Hold a folder of goldens to what its node renders
    Golden(golden::Args),
    /// Write an HTML page about a node or a fleet
    Report(page::Args),
    /// Load the artifacts of a node or a fleet into the cache
    Fetch(fetch::Args),
    /// Bake a node or a fleet
    Bake(bake::Args),
    /// Bring a node up: facts, interface, files, firewall, launch
    Up(Box<up::UpArgs>),
    /// Take back what `up` brought about
    Down(Box<up::DownArgs>),
    Facts(facts::Args),
    Eni(eni::Args),
    /// Pass the API server's connections on to nodes outside the VPC
    Proxy(proxy::Args),
    /// Bake a node and launch it at Lambda
    Launch(lambda::launch::Args),
    /// Show the instances that nodebake launched at Lambda
    Instances(lambda::instances::ListArgs),
    /// Restart an instance at Lambda
    Restart(lambda::instances::RestartArgs),
    /// Terminate instances at Lambda
    Terminate(lambda::instances::TerminateArgs),
    /// Show Lambda's instance types, their prices and where there is capacity
    InstanceTypes(lambda::types::Args),
    /// Show, add and delete SSH keys at Lambda
    SshKeys(lambda::ssh_keys::Args),
    /// Show Lambda's firewall, and let a proxy in
    Firewall(lambda::firewall::Args),
    /// Install an offline bundle on this machine, or into an image
    Install(install::Args),
    /// Say whether the machine still has what was installed
    Status(status::Args),
    /// Go back to what was before the last installation
    Rollback(rollback::Args),
    /// Take everything back that was installed
    Uninstall(uninstall::Args),
    /// Print a token for a cluster, as an exec plugin
    Token(token::Args),
    /// Keep and show a node's session with AWS
    Credentials(credentials::Args),
    /// Make, trust, test and run plugins
    Plugin(plugin::Args),
}

/// What every command that reads a node takes.
#[derive(Debug, Args)]
struct Common {
    /// A folder whose profiles/, images/ and templates/ are laid over the
    /// built-in catalog
    #[arg(long, value_name = "DIR")]
    catalog: Option<PathBuf>,
    /// Take warnings for errors
    #[arg(long)]
    strict: bool,
    /// Take the errors of this rule for warnings, and drop its warnings
    #[arg(long, value_name = "ID")]
    allow: Vec<String>,
    /// Take the warnings of this rule for errors
    #[arg(long, value_name = "ID")]
    deny: Vec<String>,
    /// One line for each finding, as editors read it
    #[arg(long)]
    short: bool,
    #[command(flatten)]
    plugins: plugins::PluginArgs,
}

/// Rules that cannot be allowed: without what they ask for there is nothing to go on with.
const FORM: [&str; 8] = [
    "spec/", "facts/", "catalog/", "render/", "bake/", "lock/", "plugin/", "secret/",
];

impl Common {
    /// The policy these words ask for.
    fn policy(&self) -> Result<Policy, Failure> {
        for id in self.allow.iter().chain(&self.deny) {
            if verify::check(id).is_none() {
                let near = closest(id, verify::checks().map(|check| check.id));
                let hint = near.map(|near| format!(", did you mean `{near}`?")).unwrap_or_default();
                return Err(Failure::Usage(format!(
                    "there is no rule `{id}`{hint} `nodebake catalog checks` lists them"
                )));
            }
        }
        if let Some(id) = self
            .allow
            .iter()
            .find(|id| FORM.iter().any(|area| id.starts_with(area)))
        {
            return Err(Failure::Usage(format!(
                "`{id}` cannot be allowed: nothing could be baked without it"
            )));
        }
        let set = |ids: &[String]| ids.iter().cloned().collect();
        Ok(Policy {
            strict: self.strict,
            allow: set(&self.allow),
            deny: set(&self.deny),
        })
    }
}

/// A file to write. Others mean stdout by `-`; here it is taken if there is no `-o`, and no file of that name appears.
fn to_write() -> impl TypedValueParser<Value = PathBuf> {
    PathBufValueParser::new().try_map(|path| match path.as_os_str().as_encoded_bytes() {
        b"-" => Err("leave -o out for stdout"),
        _ => Ok(path),
    })
}

/// What was asked for, if it is one of the commands that are run most and nothing is wrong with it. To set up the
/// arguments of all thirty takes longer than a token does; all else, help and mistakes, is told by the whole.
fn alone(given: &[OsString]) -> Option<Cli> {
    fn one<T: Args>(given: &[OsString], make: fn(T) -> Command) -> Option<Cli> {
        let args = T::augment_args(clap::Command::new("nodebake"));
        let matches = args.try_get_matches_from(given).ok()?;
        let command = make(T::from_arg_matches(&matches).ok()?);
        Some(Cli { command })
    }
    let given = given.get(1..)?;
    match given.first()?.to_str()? {
        "bake" => one(given, Command::Bake),
        "check" => one(given, Command::Check),
        "token" => one(given, Command::Token),
        _ => None,
    }
}

/// Runs the program.
pub fn main() -> ExitCode {
    let given: Vec<OsString> = std::env::args_os().collect();
    if given.get(1).is_some_and(|word| word == SUPERVISE) {
        return match supervise() {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                Ui::new().talk(&format!("error: {error}"));
                ExitCode::from(2)
            }
        };
    }
    let cli = match alone(&given).map_or_else(|| Cli::try_parse_from(&given), Ok) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are data; everything else is talk.
            let code = if error.use_stderr() { 2 } else { 0 };
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    let ui = Ui::new();
    let outcome = match cli.command {
        Command::Init(args) => init::run(&ui, &args),
        Command::Catalog(args) => catalog::run(&ui, &args),
        Command::Explain(args) => explain::run(&ui, &args),
        Command::Check(args) => check::run(&ui, &args),
        Command::Render(args) => render::run(&ui, &args),
        Command::Diff(args) => diff::run(&ui, &args),
        Command::Golden(args) => golden::run(&ui, &args),
        Command::Report(args) => page::run(&ui, &args),
        Command::Fetch(args) => fetch::run(&ui, &args),
        Command::Bake(args) => bake::run(&ui, &args),
        Command::Facts(args) => facts::run(&ui, &args),
        Command::Eni(args) => eni::run(&ui, &args),
        Command::Plugin(args) => plugin::run(&ui, &args),
        Command::Proxy(args) => proxy::run(&ui, &args),
        Command::Install(args) => install::run(&ui, &args),
        Command::Status(args) => status::run(&ui, &args),
        Command::Rollback(args) => rollback::run(&ui, &args),
        Command::Uninstall(args) => uninstall::run(&ui, &args),
        Command::Up(args) => up::up(&ui, &args),
        Command::Down(args) => up::down(&ui, &args),
        Command::Launch(args) => lambda::launch::run(&ui, &args),
        Command::Instances(args) => lambda::instances::list(&ui, &args),
        Command::Restart(args) => lambda::instances::restart(&ui, &args),
        Command::Terminate(args) => lambda::instances::terminate(&ui, &args),
        Command::InstanceTypes(args) => lambda::types::run(&ui, &args),
        Command::SshKeys(args) => lambda::ssh_keys::run(&ui, &args),
        Command::Firewall(args) => lambda::firewall::run(&ui, &args),
        Command::Token(args) => token::run(&ui, &args),
        Command::Credentials(args) => credentials::run(&ui, &args),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Findings) => ExitCode::from(1),
        Err(Failure::Told(code)) => ExitCode::from(code),
        Err(Failure::Usage(message)) => {
            ui.talk(&format!("error: {message}"));
            ExitCode::from(2)
        }
        Err(Failure::Cloud(trouble)) => {
            ui.talk(&format!("error: {trouble}"));
            ExitCode::from(4)
        }
        Err(Failure::World(error)) => {
            ui.talk(&format!("error: {error:#}"));
            ExitCode::from(3)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_alone_is_what_the_whole_makes_of_it() {
        let told = |cli: Option<Cli>| cli.map(|cli| format!("{cli:?}"));
        for (line, is_good) in [
            ("bake node.yaml", true),
            (
                "bake -o out --format nocloud --strict --allow plan/two-addresses node.yaml",
                true,
            ),
            ("bake node.yaml --deliver scp --output=x -- ", true),
            ("check a.yaml", true),
            ("token --cluster gh62", true),
            ("bake", false),
            ("bake --help", false),
            ("bake -h node.yaml", false),
            ("bake node.yaml --deliver scp", false),
            ("bake node.yaml -o -", false),
            ("check --no-such-thing", false),
            ("check --version", false),
            ("token", false),
        ] {
            let given: Vec<OsString> = ["nodebake"]
                .into_iter()
                .chain(line.split_whitespace())
                .map(OsString::from)
                .collect();
            let alone = told(alone(&given));
            assert_eq!(alone, told(Cli::try_parse_from(&given).ok()), "{line}");
            assert_eq!(alone.is_some(), is_good, "{line}");
        }
        assert!(alone(&["nodebake".into(), "render".into()]).is_none() && alone(&[]).is_none());
    }
}
