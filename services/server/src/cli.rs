//! The commands of `lakewarden`, with examples in their help.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Proves that a multi-tenant AWS data lake keeps every customer's data apart, correct and paid for.
#[derive(Debug, Parser)]
#[command(
    name = "lakewarden",
    version,
    after_help = "Examples:\n  lakewarden demo                                    look at a generated lake, no AWS account needed\n  lakewarden serve                                   run the service\n  lakewarden token create airflow --ingest           a token for a pipeline\n  lakewarden import cloudtrail trails/               read trail files\n  lakewarden who-owns s3://lake-raw/acme/orders.csv  whose is it, and why\n\nExit codes: 0 done; 1 failed; 2 wrong usage; 65 some input was quarantined; 78 the configuration or the machine lacks something."
)]
pub struct Cli {
    /// The configuration file; without it ./lakewarden.toml, if there is one.
    #[arg(long, global = true, env = "LAKEWARDEN_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve the pages and the API, and do the work in the background.
    #[command(
        after_help = "Examples:\n  lakewarden serve\n  LAKEWARDEN_LISTEN=0.0.0.0:8080 DATABASE_URL=postgres://… lakewarden serve --no-worker"
    )]
    Serve(ServeArgs),
    /// Do the work in the background only: deliver alerts, judge, reload policies.
    Worker,
    /// Show a generated lake with planted breaches, from empty to ready in a minute.
    #[command(
        after_help = "Examples:\n  lakewarden demo\n  lakewarden demo --port 9090 --keep\n  lakewarden demo --list-planted\n  lakewarden demo --write-to /tmp/lake    only write the files: events, trail, catalog, costs"
    )]
    Demo(DemoArgs),
    /// Bring the database up to date, and stop.
    Migrate,
    /// Read files into the service.
    #[command(
        after_help = "Examples:\n  lakewarden import openlineage events.ndjson\n  lakewarden import cloudtrail AWSLogs/ extra.json.gz\n  aws glue get-tables --database-name acme_raw > tables.json && lakewarden import glue tables.json\n  lakewarden import cost september/*.json\n  lakewarden import cloudtrail trails/ --url https://lakewarden.example --token-file token\n\nReading the same files again changes nothing. Exit code 65: something could not be read and is in quarantine on the\nsources page; all the rest was taken."
    )]
    Import(ImportArgs),
    /// Say who owns an asset, and by which rule of tenants.toml.
    #[command(
        after_help = "Examples:\n  lakewarden who-owns s3://lake-raw/acme/orders/part-0.csv\n  lakewarden who-owns glue:111122223333/acme_raw.orders\n  lakewarden who-owns role:111122223333/acme-etl\n  lakewarden who-owns job:airflow-prod/acme.daily"
    )]
    WhoOwns {
        /// What is asked about.
        asset: String,
    },
    /// Look at the policies folder.
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// Tokens by which pipelines post and programs read.
    #[command(subcommand)]
    Token(TokenCommand),
    /// Read the configuration and say what it means, or what is wrong with it.
    CheckConfig,
    /// Print the API as OpenAPI 3.1.
    Openapi,
    /// Check the hash chain of the audit log from its first entry to its last.
    Verify,
    /// Measure a running service.
    #[command(subcommand, hide = true)]
    Bench(BenchCommand),
}

#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Leave the background work to other processes (`lakewarden worker`).
    #[arg(long)]
    pub no_worker: bool,
}

#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Port of the pages; Slack messages show on the next one.
    #[arg(long, default_value_t = 8080)]
    pub port: u16,
    /// Keep what an earlier demo left, and start it without feeding it again.
    #[arg(long)]
    pub keep: bool,
    /// Where the demo keeps its database and files.
    #[arg(long, default_value = ".lakewarden/demo", value_name = "DIR")]
    pub dir: PathBuf,
    /// How many CloudTrail records to make.
    #[arg(long, default_value_t = 200_000, value_name = "COUNT")]
    pub records: usize,
    /// Another seed makes another lake.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Stop once everything is ready: for tests.
    #[arg(long)]
    pub exit_when_ready: bool,
    /// Print what is wrong in the lake on purpose, as JSON, and stop.
    #[arg(long)]
    pub list_planted: bool,
    /// Only write the generated files to this folder, and stop.
    #[arg(long, value_name = "DIR")]
    pub write_to: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct ImportArgs {
    /// What the files hold.
    pub kind: ImportKind,
    /// Files, or folders whose files are all read.
    #[arg(required = true)]
    pub paths: Vec<PathBuf>,
    /// Send the files to this service over HTTP, instead of into the database of this machine.
    #[arg(long, requires = "token_file")]
    pub url: Option<String>,
    /// The file with the token to send them with.
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// Costs: the name of the source on the sources page, where there are several payers.
    #[arg(long, value_name = "NAME")]
    pub source: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ImportKind {
    /// OpenLineage events: one a line, or an array.
    Openlineage,
    /// CloudTrail files as delivered to S3: .json.gz or .json.
    Cloudtrail,
    /// What `aws glue` and `aws lakeformation` print.
    Glue,
    /// What `aws ce get-cost-and-usage` prints.
    Cost,
}

#[derive(Debug, Subcommand)]
pub enum PolicyCommand {
    /// Parse every policy and run the tests beside them.
    Check {
        /// Instead of the configured folder.
        folder: Option<PathBuf>,
    },
    /// List the policies in force.
    List {
        /// Instead of the configured folder.
        folder: Option<PathBuf>,
    },
}

#[derive(Debug, Subcommand)]
pub enum TokenCommand {
    /// Make a token and print it once.
    #[command(
        after_help = "Examples:\n  lakewarden token create airflow --ingest\n  lakewarden token create acme-auditor --tenant acme --days 90\n  lakewarden token create grafana --all"
    )]
    Create(CreateToken),
    /// List tokens: never their secrets.
    List,
    /// Make a token useless.
    Revoke { name: String },
}

#[derive(Debug, Args)]
pub struct CreateToken {
    /// Who will use it: shown as the origin of what it posts.
    pub name: String,
    #[command(flatten)]
    pub reach: ReachArgs,
    /// Ends by itself after so many days.
    #[arg(long)]
    pub days: Option<u16>,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct ReachArgs {
    /// May post observations and read nothing.
    #[arg(long)]
    pub ingest: bool,
    /// May read what belongs to this tenant, and nothing else.
    #[arg(long, value_name = "TENANT")]
    pub tenant: Option<String>,
    /// May post, and read everything.
    #[arg(long)]
    pub all: bool,
}

#[derive(Debug, Subcommand)]
pub enum BenchCommand {
    /// Fetch every page at a steady rate and print the times.
    Pages {
        #[arg(long, default_value = "http://127.0.0.1:8080")]
        url: String,
        /// The file with a token that may read everything.
        #[arg(long, value_name = "FILE")]
        token_file: PathBuf,
        /// Requests a second.
        #[arg(long, default_value_t = 100)]
        rate: u32,
        #[arg(long, default_value_t = 20)]
        seconds: u32,
    },
    /// Post OpenLineage events over many connections and print the times.
    Lineage {
        #[arg(long, default_value = "http://127.0.0.1:8080")]
        url: String,
        /// The file with a token that may post.
        #[arg(long, value_name = "FILE")]
        token_file: PathBuf,
        /// Events, one a line.
        #[arg(long, value_name = "FILE")]
        events: PathBuf,
        #[arg(long, default_value_t = 64)]
        connections: usize,
    },
}

/// The two addresses of a demo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DemoAddresses {
    pub pages: SocketAddr,
    pub webhooks: SocketAddr,
}

impl DemoArgs {
    pub fn addresses(&self) -> DemoAddresses {
        let at = |port| SocketAddr::from(([127, 0, 0, 1], port));
        DemoAddresses { pages: at(self.port), webhooks: at(self.port.saturating_add(1)) }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_token_has_exactly_one_reach() {
        let parse = |args: &[&str]| Cli::try_parse_from([&["lakewarden", "token", "create", "x"], args].concat());
        assert!(parse(&["--ingest"]).is_ok());
        assert!(parse(&["--tenant", "acme", "--days", "30"]).is_ok());
        assert!(parse(&[]).is_err());
        assert!(parse(&["--ingest", "--all"]).is_err());
    }
}
