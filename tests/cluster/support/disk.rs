//! A small file system in memory, to be filled. It takes root to mount.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Command;

/// A file system of its own. Unmounted when it is dropped.
pub(crate) struct Disk(pub(crate) PathBuf);

impl Disk {
    /// One of so many megabytes; `None`, with words, where that may not be mounted.
    pub(crate) fn mount(at: PathBuf, megabytes: u32) -> Option<Self> {
        fs::create_dir(&at).unwrap();
        let size = format!("size={megabytes}m,mode=700");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &size, "tmpfs"])
            .arg(&at)
            .output();
        if mounted.is_ok_and(|mounted| mounted.status.success()) {
            return Some(Self(at));
        }
        println!("skipped: a file system can't be mounted here; run the tests as root");
        None
    }

    /// Fills it to the last page.
    pub(crate) fn fill(&self) {
        let mut filler = File::options()
            .create(true)
            .append(true)
            .open(self.0.join("filler"))
            .unwrap();
        for size in [64 * 1024, 4096, 1] {
            while filler.write_all(&vec![0; size]).is_ok() {}
        }
    }

    pub(crate) fn free(&self) {
        fs::remove_file(self.0.join("filler")).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: a process that was killed a moment ago may still have files open.
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}
