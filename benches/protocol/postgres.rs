//! A PostgreSQL of our own, gone when it is dropped: on disk, with `fsync` and `synchronous_commit` on.

use std::{
    fs::{self, File},
    os::unix::{
        fs::{MetadataExt, PermissionsExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

use crate::Failure;

/// A disk, where `/tmp` may be memory.
const DISK: &str = "/var/tmp";
const SETTINGS: [&str; 4] = ["fsync=on", "synchronous_commit=on", "full_page_writes=on", "listen_addresses="];
const PATIENCE: Duration = Duration::from_secs(60);

/// The server.
pub(crate) struct Postgres {
    programs: PathBuf,
    server: Child,
    user: Option<u32>,
    // Last: it goes when the server is gone.
    directory: TempDir,
}

impl Postgres {
    /// Starts the programs in `SOUK_PG_BIN`, with an empty database `souk`.
    pub(crate) fn start() -> Result<Self, Failure> {
        let programs =
            std::env::var_os("SOUK_PG_BIN").ok_or("SOUK_PG_BIN names no directory: run scripts/bench")?;
        let programs = PathBuf::from(programs);
        let directory = tempfile::Builder::new().prefix("souk-bench-").tempdir_in(DISK)?;
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755))?;
        // PostgreSQL refuses to run as root. Whoever creates a file owns it.
        let user = if fs::metadata(directory.path())?.uid() == 0 { Some(nobody()?) } else { None };
        chown(directory.path(), user, user)?;
        let data = directory.path().join("data");
        let mut initdb = command(&programs.join("initdb"), directory.path(), user);
        initdb
            .args(["--auth=trust", "--username=souk", "--encoding=UTF8", "--locale=C", "--pgdata"])
            .arg(&data);
        succeed(&mut initdb)?;

        let log = File::create(directory.path().join("log"))?;
        let mut server = command(&programs.join("postgres"), directory.path(), user);
        server.arg("-D").arg(&data).arg("-k").arg(directory.path());
        server.args(SETTINGS.iter().flat_map(|setting| ["-c", setting]));
        let server = server.stdout(log.try_clone()?).stderr(log).spawn()?;
        let postgres = Self { programs, server, user, directory };
        postgres.wait_until_ready(&data.join("postmaster.pid"))?;
        succeed(postgres.client("createdb").arg("souk"))?;
        Ok(postgres)
    }

    /// The server writes its state into its pid file.
    fn wait_until_ready(&self, pid_file: &Path) -> Result<(), Failure> {
        let deadline = Instant::now() + PATIENCE;
        while !fs::read_to_string(pid_file).unwrap_or_default().lines().any(|line| line.trim() == "ready") {
            if Instant::now() > deadline {
                return Err(fs::read_to_string(self.directory.path().join("log"))?.into());
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// One of PostgreSQL's clients, on its way to this server.
    pub(crate) fn client(&self, program: &str) -> Command {
        let mut client = command(&self.programs.join(program), self.directory.path(), self.user);
        client.env("PGHOST", self.directory.path()).env("PGUSER", "souk");
        client
    }

    /// A directory that its clients may write to.
    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The database `souk`, for the service: over the same socket as its neighbours here.
    pub(crate) fn url(&self) -> Result<String, Failure> {
        let directory = self.directory.path().to_str().ok_or("a directory that is not UTF-8")?;
        Ok(url::Url::parse_with_params("postgres://souk@localhost/souk", [("host", directory)])?.into())
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // `fast`: nobody is waited for. It may be gone already; either way nothing is left to do.
        let data = self.directory.path().join("data");
        let _ = self.client("pg_ctl").args(["stop", "-m", "fast", "-s", "-D"]).arg(data).status();
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn command(program: &Path, directory: &Path, user: Option<u32>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(directory).stdin(Stdio::null());
    if let Some(user) = user {
        command.uid(user).gid(user);
    }
    command
}

fn nobody() -> Result<u32, Failure> {
    let answer = Command::new("id").args(["-u", "nobody"]).output()?;
    Ok(String::from_utf8(answer.stdout)?
        .trim()
        .parse()
        .map_err(|_| "there is no user `nobody` to run PostgreSQL")?)
}

/// Runs a command to its end, and gives what it printed.
pub(crate) fn succeed(command: &mut Command) -> Result<String, Failure> {
    let output = command.output().map_err(|error| format!("{}: {error}", command.get_program().display()))?;
    if output.status.success() {
        return Ok(String::from_utf8(output.stdout)?);
    }
    let errors = String::from_utf8_lossy(&output.stderr);
    Err(format!("{}: {errors}", command.get_program().display()).into())
}
