//! Which versions, where their jars come from, what is missing on this machine.

use std::env;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;

use crate::{Result, Trouble};

const COPY: &str = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies";
const SOURCES: [&str; 3] = ["Lifeline.java", "Driver.java", "Compare.java"];
/// One thread at a time fetches or compiles.
static FETCHING: Mutex<()> = Mutex::new(());

/// A pinned version of Apache RocketMQ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// The 4.x line: no POP, heartbeats of the first kind.
    V4_9_7,
    /// The 5.x line.
    V5_5_0,
}

impl Version {
    /// As Maven and the release pages write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V4_9_7 => "4.9.7",
            Self::V5_5_0 => "5.5.0",
        }
    }

    /// The class path of servers, tools, client and our own classes: fetched, compiled and cached on first use.
    pub fn class_path(self) -> Result<String> {
        let _one_at_a_time = FETCHING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let jars = match env::var_os("ROCKETMQ_LIB") {
            Some(directory) => PathBuf::from(directory),
            None => self.fetch()?,
        };
        let classes = self.compile(&jars)?;
        Ok(format!("{}:{}/*", classes.display(), jars.display()))
    }

    /// The directory of jars, filled by Maven if it is not there.
    fn fetch(self) -> Result<PathBuf> {
        let jars = cache().join(self.as_str());
        if jars.is_dir() {
            return Ok(jars);
        }
        need(
            "mvn",
            "Maven 3 fetches the jars of Apache RocketMQ; or set ROCKETMQ_LIB=DIRECTORY to jars you have",
        )?;
        need("java", "a JDK, 17 or newer, runs them")?;
        let fresh = cache().join(format!("{}.{}", self.as_str(), std::process::id()));
        eprintln!("fetching Apache RocketMQ {self} by Maven (once) ...");
        let output = Command::new("mvn")
            .args(["-q", "-B", "-f"])
            .arg(home().join("pom.xml"))
            .arg(format!("-Drocketmq={self}"))
            .arg(COPY)
            .arg("-DincludeScope=runtime")
            .arg(format!("-DoutputDirectory={}", fresh.display()))
            .stdin(Stdio::null())
            .output()?;
        if !output.status.success() {
            let _ = fs::remove_dir_all(&fresh);
            let said = String::from_utf8_lossy(&output.stdout);
            return Err(Trouble(format!("Maven could not fetch Apache RocketMQ {self}:\n{said}")));
        }
        // Another process may have been faster: then its directory is as good as ours.
        if fs::rename(&fresh, &jars).is_err() {
            let _ = fs::remove_dir_all(&fresh);
        }
        Ok(jars)
    }

    /// The directory of our own classes, compiled if a source is newer.
    fn compile(self, jars: &Path) -> Result<PathBuf> {
        let classes = cache().join(format!("{}-classes", self.as_str()));
        let stamp = classes.join("compiled");
        let sources: Vec<PathBuf> = SOURCES.iter().map(|name| home().join("java").join(name)).collect();
        let age = |path: &Path| fs::metadata(path).and_then(|found| found.modified()).ok();
        if age(&stamp)
            .is_some_and(|done| sources.iter().all(|source| age(source).is_some_and(|at| at <= done)))
        {
            return Ok(classes);
        }
        need("javac", "a JDK, 17 or newer, compiles the small Java driver (a mere runtime has no javac)")?;
        fs::create_dir_all(&classes)?;
        let output = Command::new("javac")
            .args(["-nowarn", "-proc:none", "-encoding", "UTF-8", "-cp"])
            .arg(format!("{}/*", jars.display()))
            .arg("-d")
            .arg(&classes)
            .args(&sources)
            .output()?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(Trouble(format!("javac against Apache RocketMQ {self}:\n{said}")));
        }
        fs::write(stamp, [])?;
        Ok(classes)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Where this crate's sources are.
fn home() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Where jars, classes and the directories of runs are.
pub(crate) fn cache() -> PathBuf {
    home().join("../../target/apache")
}

fn need(program: &str, why: &str) -> Result<()> {
    let found = Command::new(program).arg("-version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    match found {
        Ok(_) => Ok(()),
        Err(_) => Err(Trouble(format!("`{program}` is not installed: {why}"))),
    }
}
