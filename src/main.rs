//! The `nodebake` program: parse, run, exit.

use std::process::ExitCode;

fn main() -> ExitCode {
    nodebake::cli::main()
}
