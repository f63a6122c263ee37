//! The sealing key that is made on first start, so that nobody has to make one to try the app.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

use rand::Rng as _;
use secrecy::SecretString;

use crate::one_line::{self, NoValue};
use crate::seal::Sealer;

/// The key in `file`, made (mode 0600) if there is none.
///
/// Two processes that start at once get the same key: it is written beside its place and then linked there, which fails
/// for whoever comes second, and a reader never sees half a key. Each writes to a name of its own: in containers all have the
/// same process id, and one that was killed leaves its file behind.
///
/// # Errors
///
/// When the file can't be read or made, or holds anything but one line.
pub fn read_or_make_key(file: &Path) -> io::Result<SecretString> {
    match read(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        key => return key,
    }
    make_private_file(file, &format!("{}\n", Sealer::new_key()))?;
    read(file)
}

/// Makes `file` (mode 0600) with `content`, unless it is there: then it stays as it is. Nobody ever sees a part of it.
///
/// # Errors
///
/// When it can't be made.
pub fn make_private_file(file: &Path, content: &str) -> io::Result<()> {
    if let Some(folder) = file.parent().filter(|path| !path.as_os_str().is_empty()) {
        crate::sqlite::make_private_folder(folder)?;
    }
    let beside = file.with_extension(format!("new-{}", own_name()));
    let made = make(&beside, content).and_then(|()| match fs::hard_link(&beside, file) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    });
    // Whether it is linked now or another process was first, this name of it has served.
    let _ = fs::remove_file(&beside);
    made
}

/// 64 random bits in hex: nobody else chooses the same.
fn own_name() -> String {
    let mut bytes = [0; 8];
    rand::rng().fill_bytes(&mut bytes);
    hex::encode(bytes)
}

fn read(file: &Path) -> io::Result<SecretString> {
    match one_line::read(file) {
        Ok(key) => Ok(key.as_str().into()),
        Err(NoValue::Unreadable(error)) => Err(error),
        Err(problem) => Err(io::Error::other(format!("it {problem}"))),
    }
}

fn make(file: &Path, content: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    let mut file = options.open(file)?;
    file.write_all(content.as_bytes())?;
    file.sync_all()
}
