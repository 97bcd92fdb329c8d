//! One JVM: started, watched, killed when its owner goes.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::{Result, Trouble};

/// Less start-up work and less memory than a server's own flags; the exports are what the servers need on JDK 17.
const JVM: [&str; 8] = [
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:-UsePerfData",
    "--add-exports=java.base/jdk.internal.ref=ALL-UNNAMED",
    "--add-opens=java.base/java.nio=ALL-UNNAMED",
    "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED",
    "--add-opens=java.base/java.util=ALL-UNNAMED",
    "--add-opens=java.base/java.lang=ALL-UNNAMED",
];

/// A running JVM. Dropping kills it at once: an orderly end of a broker takes up to 40 s.
///
/// Its standard input is a pipe of ours that it reads to the end, so it also dies with a test process that was killed.
#[derive(Debug)]
pub struct Jvm {
    child: Child,
    stdin: Option<ChildStdin>,
    what: String,
    home: PathBuf,
}

/// What to run.
#[derive(Debug)]
pub struct Program<'a> {
    /// Name for messages and log files.
    pub what: &'a str,
    /// Class path.
    pub class_path: &'a str,
    /// `ROCKETMQ_HOME` and `user.home`; must differ from process to process.
    pub home: &'a Path,
    /// Flags of the JVM beside the common ones.
    pub flags: &'a [&'a str],
    /// Main class and arguments.
    pub command: Vec<String>,
}

impl Jvm {
    /// Starts it. Standard output goes to `OUT` in its home directory, or to the caller when `piped`.
    pub fn start(program: Program<'_>, piped: bool) -> Result<Self> {
        std::fs::create_dir_all(program.home)?;
        let file = |name: &str| File::create(program.home.join(name));
        let stdout = if piped { Stdio::piped() } else { Stdio::from(file("stdout.log")?) };
        let mut child = Command::new("java")
            .env("ROCKETMQ_HOME", program.home)
            .arg(format!("-Duser.home={}", program.home.display()))
            .args(JVM)
            .args(program.flags)
            .args(["-cp", program.class_path])
            .args(program.command)
            .current_dir(program.home)
            .stdin(Stdio::piped())
            .stdout(stdout)
            .stderr(file("stderr.log")?)
            .spawn()
            .map_err(|error| {
                Trouble(format!("`java` cannot be started ({error}): install a JDK, 17 or newer"))
            })?;
        let stdin = child.stdin.take();
        Ok(Self { child, stdin, what: program.what.to_owned(), home: program.home.to_owned() })
    }

    /// Its standard output, once, if it was started `piped`.
    pub fn take_stdout(&mut self) -> Option<ChildStdout> {
        self.child.stdout.take()
    }

    /// Its standard input. Closing it ends the process.
    pub fn stdin(&mut self) -> Option<&mut ChildStdin> {
        self.stdin.as_mut()
    }

    /// Process id, for signals.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// An error if it is not running any more.
    pub fn check(&mut self) -> Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => {
                Err(Trouble(format!("{} ended by itself: {status}; {}", self.what, self.last_words())))
            }
        }
    }

    /// The end of what it wrote.
    fn last_words(&self) -> String {
        let lines = |name: &str| {
            let text = std::fs::read_to_string(self.home.join(name)).unwrap_or_default();
            let mut lines: Vec<String> = text.lines().rev().take(5).map(str::to_owned).collect();
            lines.reverse();
            lines
        };
        let all = [lines("stdout.log"), lines("stderr.log")].concat();
        if all.is_empty() { "it said nothing".into() } else { format!("it said last:\n{}", all.join("\n")) }
    }

    /// Waits until it ends by itself.
    pub fn wait(&mut self) -> Result<()> {
        let status = self.child.wait()?;
        if status.success() { Ok(()) } else { Err(Trouble(format!("{} failed: {status}", self.what))) }
    }

    /// Kills it as `kill -9` does and waits for its end.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Sends a signal by name (`STOP`, `CONT`, `TERM`).
    pub fn signal(&self, name: &str) -> Result<()> {
        let done = Command::new("kill").arg(format!("-{name}")).arg(self.id().to_string()).status()?;
        if done.success() { Ok(()) } else { Err(Trouble(format!("kill -{name} {}: {done}", self.what))) }
    }
}

impl Drop for Jvm {
    fn drop(&mut self) {
        self.kill();
    }
}
