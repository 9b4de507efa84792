//! The sandbox as a program of its own.

use clap::Parser;

#[tokio::main]
async fn main() -> Result<(), souk_sandbox::StartError> {
    tracing_subscriber::fmt().with_env_filter(tracing_subscriber::EnvFilter::from_default_env()).init();
    souk_sandbox::cli::run(souk_sandbox::cli::Args::parse()).await
}
