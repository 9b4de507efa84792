//! One temporary directory for everything that this run of the tests leaves on disk, and the
//! watchdog that clears it away.
//!
//! A destructor can't do that: statics are never dropped, and a killed process runs nothing. So a
//! small shell process holds the reading end of a pipe whose writing end is ours. However we end,
//! by return, panic or SIGKILL, the kernel closes the pipe and the shell does the work.

use std::error::Error;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, Stdio};
use std::sync::LazyLock;

/// What the harness fails with: a sentence for the person who ran the tests.
pub(crate) type Trouble = Box<dyn Error + Send + Sync>;

/// A socket's path may have 103 bytes on macOS, 107 on Linux; this leaves room for our own part.
const LONGEST_BASE: usize = 60;

/// `$1` is the run's directory, `$2` PostgreSQL's pid file in it (which may never come to be).
/// The pid file goes away when the server has ended, so it also tells how long to wait; both loops
/// give up after ten seconds. Removing is repeated because a dying `initdb` may still write.
const WATCHDOG: &str = r#"
trap '' HUP INT TERM
cat >/dev/null
read -r pid 2>/dev/null <"$2" && kill -QUIT "$pid"
tries=0
while [ -e "$2" ] && [ "$tries" -lt 200 ]; do sleep 0.05; tries=$((tries + 1)); done
tries=0
until rm -rf "$1" || [ "$tries" -ge 200 ]; do sleep 0.05; tries=$((tries + 1)); done
"#;

struct Scratch {
    directory: PathBuf,
    _watchdog: ChildStdin,
}

static SCRATCH: LazyLock<Result<Scratch, String>> =
    LazyLock::new(|| Scratch::new().map_err(|trouble| trouble.to_string()));

/// The run's directory. It is gone soon after the test process is.
pub(crate) fn directory() -> Result<&'static Path, Trouble> {
    match &*SCRATCH {
        Ok(scratch) => Ok(&scratch.directory),
        Err(trouble) => Err(format!("no temporary directory for the tests: {trouble}").into()),
    }
}

/// Where PostgreSQL keeps its cluster, and the pid file that the watchdog looks for.
pub(crate) fn cluster_in(directory: &Path) -> PathBuf {
    directory.join("postgres").join("data")
}

/// Whether we are root: whoever creates a file owns it.
pub(crate) fn is_root(directory: &Path) -> Result<bool, Trouble> {
    Ok(fs::metadata(directory)?.uid() == 0)
}

impl Scratch {
    fn new() -> Result<Self, Trouble> {
        let mut directory = create_in(&std::env::temp_dir())?;
        // Root's server runs as another user, who may not be let into root's own TMPDIR.
        if directory.as_os_str().len() > LONGEST_BASE || is_root(&directory)? {
            fs::remove_dir(&directory)?;
            directory = create_in(Path::new("/tmp"))?;
        }
        fs::set_permissions(&directory, Permissions::from_mode(0o711))?;
        let watchdog = Command::new("sh")
            .args(["-c", WATCHDOG, "souk-test-watchdog"])
            .arg(&directory)
            .arg(cluster_in(&directory).join("postmaster.pid"))
            .current_dir("/")
            // A group of its own: Ctrl-C in the terminal must end us, not the watchdog.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let pipe = watchdog.stdin.ok_or("the watchdog has no pipe")?;
        Ok(Self { directory, _watchdog: pipe })
    }
}

fn create_in(base: &Path) -> Result<PathBuf, Trouble> {
    let directory = tempfile::Builder::new()
        .prefix("souk-it-")
        .tempdir_in(base)
        .map_err(|e| format!("can't create a directory in {}: {e}", base.display()))?;
    Ok(directory.keep())
}
