//! The binary `lakewarden`: one command, one message where it fails, one exit code.

use std::process::ExitCode;

use clap::Parser as _;
use lakewarden_server::cli::Cli;

#[tokio::main]
async fn main() -> ExitCode {
    match lakewarden_server::run(Cli::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("lakewarden: {failure}");
            failure.exit_code()
        }
    }
}
