//! The embedded cluster, in a child process: this program again, with a hidden argument.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::{Child, Command, ExitCode, Stdio};

use rocketmq_testkit::TcpCluster;

/// The hidden argument.
pub(crate) const SERVE: &str = "--serve-cluster";

pub(crate) struct ChildCluster {
    child: Child,
    name_server: String,
}

impl ChildCluster {
    pub(crate) fn start() -> Result<Self, String> {
        let failed = |error: io::Error| format!("the embedded cluster cannot be started: {error}");
        let program = std::env::current_exe().map_err(failed)?;
        let mut child = Command::new(program)
            .arg(SERVE)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        let mut name_server = String::new();
        if let Some(stdout) = child.stdout.take() {
            BufReader::new(stdout).read_line(&mut name_server).map_err(failed)?;
        }
        let name_server = name_server.trim().to_owned();
        if name_server.is_empty() {
            let _ = child.kill();
            return Err("the embedded cluster ended before it was ready".into());
        }
        Ok(Self { child, name_server })
    }

    pub(crate) fn name_server(&self) -> &str {
        &self.name_server
    }
}

impl Drop for ChildCluster {
    fn drop(&mut self) {
        // The child ends when its standard input does; this is for one that hangs.
        drop(self.child.stdin.take());
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The child: serves until its parent is gone.
pub(crate) fn serve() -> ExitCode {
    let cluster = match TcpCluster::start() {
        Ok(cluster) => cluster,
        Err(error) => {
            eprintln!("the embedded cluster cannot be started: {error}");
            return ExitCode::FAILURE;
        }
    };
    println!("{}", cluster.name_server());
    let _ = io::stdout().flush();
    let _ = io::stdin().read_to_end(&mut Vec::new());
    ExitCode::SUCCESS
}
