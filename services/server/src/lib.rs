//! The library behind the binary `lakewarden`: configuration, commands and the demo.

mod bench;
pub mod cli;
pub mod client;
mod command;
pub mod config;
mod database;
pub mod demo;
pub mod failure;
mod logging;
mod progress;
mod service;

use cli::{Cli, Command, PolicyCommand};
use config::Config;
use failure::Failure;

/// Runs one command to its end.
pub async fn run(cli: Cli) -> Result<(), Failure> {
    // What needs no configuration works without one.
    match &cli.command {
        Command::Demo(args) => return demo::run(args).await,
        Command::Bench(command) => return bench::run(command).await,
        _ => {}
    }
    let config = Config::load(cli.config.as_deref())?;
    if matches!(cli.command, Command::Serve(_) | Command::Worker) {
        logging::start(&config.log)?;
    }
    match cli.command {
        Command::Serve(args) => command::serve::serve(&config, &args).await,
        Command::Worker => command::serve::work(&config).await,
        Command::Migrate => command::database::migrate(&config).await,
        Command::Verify => command::database::verify(&config).await,
        Command::Import(args) => command::import::import(&config, &args).await,
        Command::WhoOwns { asset } => command::policy::who_owns(&config, &asset),
        Command::Policy(PolicyCommand::Check { folder }) => command::policy::check(&folder.unwrap_or(config.policies)),
        Command::Policy(PolicyCommand::List { folder }) => command::policy::list(&folder.unwrap_or(config.policies)),
        Command::Token(command) => command::token::token(&config, command).await,
        Command::CheckConfig => command::check_config::check_config(&config),
        Command::Openapi => command::openapi::openapi(&config).await,
        Command::Demo(_) | Command::Bench(_) => Ok(()),
    }
}
