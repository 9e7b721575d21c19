//! `check-config`: what the configuration means, in the words of what will happen.

use crate::config::{Config, LogFormat};
use crate::failure::Failure;

pub fn check_config(config: &Config) -> Result<(), Failure> {
    for (key, value) in lines(config) {
        println!("{key:<14} {value}");
    }
    super::policy::check(&config.policies)
}

fn lines(config: &Config) -> Vec<(&'static str, String)> {
    let database = match &config.database.url {
        Some(_) => "the Postgres of DATABASE_URL".to_owned(),
        None => format!("embedded, in {}", config.data_dir.join("postgres").display()),
    };
    let format = if config.log.format == LogFormat::Json { "json" } else { "text" };
    let password = if config.administrator.password.is_some() { "given" } else { "made up at the first start" };
    let mut lines = vec![
        ("pages", format!("{} (listening on {})", config.base_url(), config.listen)),
        ("database", database),
        ("policies", config.policies.display().to_string()),
        ("administrator", format!("{}, password {password}", config.administrator.username)),
        ("log", format!("{format}, {}", config.log.filter)),
    ];
    if !config.unknown_variables.is_empty() {
        lines
            .push(("not settings", format!("{} (unless alerts.toml names them)", config.unknown_variables.join(", "))));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_says_where_things_are_and_no_secret() {
        let lines: Vec<String> =
            lines(&Config::default()).into_iter().map(|(key, value)| format!("{key} {value}")).collect();
        let text = lines.join(
            "
",
        );
        assert!(text.contains("http://127.0.0.1:8080") && text.contains("embedded, in .lakewarden/postgres"), "{text}");
    }
}
