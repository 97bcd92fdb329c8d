//! The directories of a run, kept when a test fails.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::{Result, jars};

/// A file of this name keeps a directory from being cleared away.
const FAILED: &str = "FAILED";
static NEXT: AtomicU32 = AtomicU32::new(0);

/// A directory under `target/apache/run`, removed when dropped, but not when a test has failed in it.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
}

impl Scratch {
    /// Makes a new one, and clears away those of processes that are gone.
    pub fn new(name: &str) -> Result<Self> {
        let root = jars::cache().join("run");
        fs::create_dir_all(&root)?;
        let root = root.canonicalize()?;
        sweep(&root);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = root.join(format!("{}-{number}-{name}", std::process::id()));
        fs::create_dir_all(&path)?;
        Ok(Self { path })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Keeps it, with the servers' logs in it.
    pub fn keep(&self) {
        if fs::write(self.path.join(FAILED), []).is_ok() {
            eprintln!("servers' logs and stores are kept in {}", self.path.display());
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.keep();
        }
        if !self.path.join(FAILED).exists() {
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

/// Removes what processes left that cannot clear up any more (a shared cluster lives in a static, which is never
/// dropped). What failed stays until the next build directory.
fn sweep(root: &Path) {
    let Ok(entries) = fs::read_dir(root) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.split('-').next()) else { continue };
        let alive = Path::new("/proc").join(pid).exists() || !Path::new("/proc/self").exists();
        if !alive && !entry.path().join(FAILED).exists() {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}
