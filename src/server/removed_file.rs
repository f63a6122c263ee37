//! The end of a socket's file.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// Removes the socket's file when it is dropped, before others may take the path.
#[derive(Debug)]
pub(crate) struct Removed {
    path: PathBuf,
    _lock: File,
}

impl Removed {
    /// The file at `path`, which `lock` keeps for this process.
    pub(super) fn new(path: &Path, lock: File) -> Self {
        Self {
            path: path.to_owned(),
            _lock: lock,
        }
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Removed {
    fn drop(&mut self) {
        // One that stays is replaced by whoever comes next.
        let _ = fs::remove_file(&self.path);
    }
}
