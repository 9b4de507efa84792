//! The sandbox as a program of its own.

use std::process::ExitCode;

use clap::Parser;
use souk_sandbox::cli::{Args, run};

/// Rendering objects is mostly small allocations, and this one makes them at half the price of the system's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt().with_env_filter(tracing_subscriber::EnvFilter::from_default_env()).init();
    match run(Args::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("souk-sandbox: {error}");
            ExitCode::FAILURE
        }
    }
}
