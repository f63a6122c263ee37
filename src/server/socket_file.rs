//! A socket in the file system: taken once, replaced when whoever listened there is gone, removed at the end.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use std::time::Duration;

use tokio::net::{UnixSocket, UnixStream};
use tokio::time::timeout;

use super::listener::{BACKLOG, Listener};
use super::removed_file::Removed;

/// The owner and the group, which the proxy is in, may connect.
const MODE: u32 = 0o660;

/// A socket whose queue is full is not answered at once.
const PATIENCE: Duration = Duration::from_secs(1);

/// A path that is taken and not listened at yet.
///
/// A lock on the file `PATH.lock` says that a process of this app has the path, or is about to. The socket alone could not: from
/// binding until listening it refuses connections, as one does that was left behind. The file stays when the lock is gone.
pub(crate) struct SocketFile {
    socket: UnixSocket,
    removed: Removed,
}

impl SocketFile {
    /// Takes `path`.
    ///
    /// # Errors
    ///
    /// A line without the name of the setting: when somebody listens there, when it is something else than a socket, or when the
    /// folder can't be written.
    pub(crate) async fn take(path: &Path) -> Result<Self, String> {
        let lock = lock_beside(path)?;
        remove_stale(path).await?;
        let removed = Removed::new(path, lock);
        let bound = UnixSocket::new_stream().and_then(|socket| {
            socket.bind(path)?;
            // Before anybody can connect, for which somebody has to listen.
            fs::set_permissions(path, fs::Permissions::from_mode(MODE))?;
            Ok(socket)
        });
        let socket = bound.map_err(|error| cannot_listen(path, &error))?;
        Ok(Self { socket, removed })
    }

    pub(crate) fn path(&self) -> &Path {
        self.removed.path()
    }

    pub(crate) fn listen(self) -> Result<Listener, String> {
        let Self { socket, removed } = self;
        let listener = socket
            .listen(BACKLOG)
            .map_err(|error| cannot_listen(removed.path(), &error))?;
        let path = removed.path().to_owned();
        Ok(Listener::unix(listener, &path, Some(removed)))
    }
}

fn lock_beside(path: &Path) -> Result<File, String> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let mut private = OpenOptions::new();
    private.write(true).create(true).truncate(false).mode(0o600);
    let file = private
        .open(&name)
        .map_err(|error| cannot_listen(path, &error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(is_live(path)),
        Err(TryLockError::Error(error)) => Err(cannot_listen(path, &error)),
    }
}

/// Removes the socket of a process that is gone.
async fn remove_stale(path: &Path) -> Result<(), String> {
    let kind = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata.file_type(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(cannot_listen(path, &error)),
    };
    if !kind.is_socket() {
        return Err(format!(
            "can't listen on {}: there is something else than a socket; expected a path that is free",
            path.display()
        ));
    }
    match timeout(PATIENCE, UnixStream::connect(path)).await {
        Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => {
            fs::remove_file(path).map_err(|error| cannot_listen(path, &error))
        }
        Ok(Err(error)) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Ok(Err(error)) if error.kind() == io::ErrorKind::PermissionDenied => {
            Err(cannot_listen(path, &error))
        }
        _ => Err(is_live(path)),
    }
}

fn is_live(path: &Path) -> String {
    format!(
        "can't listen on {}: another process does; expected a path that is free",
        path.display()
    )
}

fn cannot_listen(path: &Path, error: &io::Error) -> String {
    format!(
        "can't listen on {}: {error}; expected a path in a folder that this user may write",
        path.display()
    )
}
