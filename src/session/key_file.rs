//! The sealing key that is made on first start, so that nobody has to make one to try the app.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

use secrecy::{SecretString, zeroize::Zeroizing};

use crate::seal::Sealer;

/// The key in `file`, made (mode 0600) if there is none.
///
/// Two processes that start at once get the same key: it is written beside its place and then linked there, which fails
/// for whoever comes second, and a reader never sees half a key.
///
/// # Errors
///
/// When the file can't be read or made.
pub fn read_or_make_key(file: &Path) -> io::Result<SecretString> {
    match read(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        key => return key,
    }
    if let Some(folder) = file.parent().filter(|path| !path.as_os_str().is_empty()) {
        crate::sqlite::make_private_folder(folder)?;
    }
    let beside = file.with_extension(format!("new-{}", std::process::id()));
    let made = make(&beside).and_then(|()| match fs::hard_link(&beside, file) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    });
    // Whether it is linked now or another process was first, this name of it has served.
    let _ = fs::remove_file(&beside);
    made?;
    read(file)
}

fn read(file: &Path) -> io::Result<SecretString> {
    let text = Zeroizing::new(fs::read_to_string(file)?);
    Ok(text.trim().into())
}

fn make(file: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    let mut file = options.open(file)?;
    writeln!(file, "{}", Sealer::new_key())?;
    file.sync_all()
}
