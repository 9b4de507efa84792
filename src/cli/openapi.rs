//! `souk openapi`: the specification as a file that is checked in, and that CI compares.

use std::{fs, path::PathBuf, process::ExitCode};

use souk::server;

use super::Outcome;

/// `souk openapi`
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The file.
    #[arg(default_value = "openapi/souk.json")]
    file: PathBuf,
    /// Change nothing; fail if the file is not what the code says.
    #[arg(long)]
    check: bool,
}

pub(crate) fn run(args: &Args) -> Outcome {
    let specification = server::specification();
    let file = args.file.display();
    if !args.check {
        fs::write(&args.file, specification)?;
        println!("wrote {file}");
        return Ok(ExitCode::SUCCESS);
    }
    if fs::read_to_string(&args.file)? == specification {
        println!("{file} is current");
        return Ok(ExitCode::SUCCESS);
    }
    Err(format!("{file} is not what the code says: run `cargo run -- openapi` and commit it").into())
}
