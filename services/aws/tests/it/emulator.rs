//! moto's server from the project's Python environment, on a port of its own, for as long as a test runs.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

pub struct Moto {
    process: Child,
    pub url: String,
}

impl Moto {
    pub fn start() -> Self {
        let venv = std::env::var_os("LAKEWARDEN_VENV")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../.venv"), PathBuf::from);
        let server = venv.join("bin/moto_server");
        assert!(
            server.exists(),
            "{} is missing: run `scripts/python-env` (or point LAKEWARDEN_VENV at an environment with moto)",
            server.display()
        );
        // Port 0: the system picks a free one and the server says which.
        let mut process = Command::new(server)
            .args(["-H", "127.0.0.1", "-p", "0"])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("start moto");
        let lines = BufReader::new(process.stderr.take().expect("stderr is piped"));
        let mut lines = lines.lines().map_while(Result::ok);
        let url = lines.by_ref().find_map(|line| line.split_once("Running on ").map(|(_, url)| url.trim().to_owned()));
        let url = url.expect("moto says where it listens");
        // Its log must be read on, or it stops when the pipe is full.
        std::thread::spawn(move || lines.for_each(drop));
        Self { process, url }
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
