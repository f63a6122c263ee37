//! Lines of the log that wait to be written together.
//!
//! Writing a line takes the system longer than making it. So where a thread of the runtime has more to do, lines wait until it
//! has nothing more, which under load is some hundred microseconds, or until there are so many that a pipe takes them in one piece.
//! All lines go through one place, so that they come in their order.

use std::cell::Cell;
use std::io::{self, Write as _};
use std::sync::{Mutex, PoisonError, TryLockError};

/// How much a pipe takes at once without what others write in between (POSIX's `PIPE_BUF`, on Linux), in bytes.
const PIECE: usize = 4096;

/// What waits.
static WAITING: Mutex<Vec<u8>> = Mutex::new(Vec::new());

thread_local! {
    /// Whether this thread tells when it has nothing more to do.
    static TELLS: Cell<bool> = const { Cell::new(false) };
}

/// Writes the lines that wait, because this thread has nothing more to do. Call it every time that this is so.
pub(crate) fn thread_rests() {
    TELLS.set(true);
    let mut waiting = match WAITING.try_lock() {
        Ok(waiting) => waiting,
        Err(TryLockError::Poisoned(waiting)) => waiting.into_inner(),
        // Who has them writes them, now or when that thread rests. A log that nobody reads must not stop one that has no line.
        Err(TryLockError::WouldBlock) => return,
    };
    // There is no other place to report that the log can't be written.
    let _ = write_out(&mut waiting);
}

/// Writes the lines that wait, at the end of the program.
pub(crate) fn write_waiting() {
    let mut waiting = WAITING.lock().unwrap_or_else(PoisonError::into_inner);
    let _ = write_out(&mut waiting);
}

/// Takes a `line`, with those that wait before it. One that is `urgent` does not wait.
pub(super) fn add(line: &[u8], urgent: bool) -> io::Result<()> {
    let mut waiting = WAITING.lock().unwrap_or_else(PoisonError::into_inner);
    if waiting.len() + line.len() > PIECE {
        write_out(&mut waiting)?;
    }
    waiting.extend_from_slice(line);
    if urgent || !TELLS.get() {
        write_out(&mut waiting)?;
    }
    Ok(())
}

fn write_out(waiting: &mut Vec<u8>) -> io::Result<()> {
    if waiting.is_empty() {
        return Ok(());
    }
    let written = io::stderr().write_all(waiting);
    waiting.clear();
    // One long line is no reason to keep as much for good.
    waiting.shrink_to(PIECE);
    written
}
