//! How many files, and so connections, the system lets this process have open.

/// What else needs a file: the store, calls to Smartsheet, the log.
const OTHERS: usize = 400;

/// Asks the system for as many open files as it gives (the usual limit of 1,024 is there for programs that can't deal with
/// more), and says how many connections of `wanted` there can be.
#[cfg(unix)]
pub(super) fn make_room_for(wanted: usize) -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let needed = u64::try_from(wanted.saturating_add(OTHERS)).unwrap_or(u64::MAX);
    let Some(had) = current.filter(|current| *current < needed) else {
        return wanted;
    };
    let target = maximum.map_or(needed, |maximum| maximum.min(needed));
    let raised = Rlimit {
        current: Some(target),
        maximum,
    };
    let files = if setrlimit(Resource::Nofile, raised).is_ok() {
        target
    } else {
        had
    };
    if files >= needed {
        return wanted;
    }
    let files = usize::try_from(files).unwrap_or(usize::MAX);
    let possible = files.saturating_sub(OTHERS).max(files / 2).clamp(1, wanted);
    tracing::warn!(
        "server.max_connections is {wanted}, but the system lets this process open {files} files (ulimit -n): \
         {possible} connections at most"
    );
    possible
}

/// Elsewhere there is no such limit to raise.
#[cfg(not(unix))]
pub(super) fn make_room_for(wanted: usize) -> usize {
    let _ = OTHERS;
    wanted
}
