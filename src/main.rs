//! The command line.

mod cli;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The payments side of a marketplace, on Stripe Connect.
#[derive(Parser)]
#[command(name = "souk", version, about)]
struct Line {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run everything on this machine: service, worker and a Stripe of our own, on SQLite.
    Dev(cli::dev::Args),
    /// Walk through the whole story, from onboarding to the seller's bank account.
    Demo(cli::demo::Args),
    /// Run the API.
    Serve(cli::serve::ServeArgs),
    /// Run the background work.
    Work(cli::serve::WorkArgs),
    /// Bring the database's schema up to date.
    Migrate(cli::serve::MigrateArgs),
    /// Write the API's specification to openapi/souk.json.
    Openapi(cli::openapi::Args),
    /// Make a token for the API.
    Token(cli::token::Args),
    /// Import Stripe's balance transactions and compare its books with ours; with `events`, find missed events.
    Reconcile(cli::reconcile::Args),
    /// Tell what happened to an order, a payout, a seller or a write to Stripe.
    Explain(cli::explain::Args),
    /// Tell Stripe where to deliver its events.
    #[command(subcommand)]
    Webhooks(cli::webhooks::Command),
    /// Check keys, permissions, webhook endpoints, clock and database, and say what is wrong and what to do.
    Doctor(cli::doctor::Args),
    /// Run the sandbox alone: a stateful Stripe for laptops and tests.
    Sandbox(souk_sandbox::cli::Args),
}

#[tokio::main]
async fn main() -> ExitCode {
    let line = Line::parse();
    // One TLS provider for the process; every client finds it there.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let outcome = match line.command {
        Command::Dev(args) => cli::dev::run(args).await,
        Command::Demo(args) => cli::demo::run(args).await,
        Command::Serve(args) => cli::serve::serve(args).await,
        Command::Work(args) => cli::serve::work(args).await,
        Command::Migrate(args) => cli::serve::migrate(args).await,
        Command::Openapi(args) => cli::openapi::run(&args),
        Command::Token(args) => cli::token::run(&args),
        Command::Reconcile(args) => cli::reconcile::run(args).await,
        Command::Explain(args) => cli::explain::run(args).await,
        Command::Webhooks(command) => cli::webhooks::run(command).await,
        Command::Doctor(args) => cli::doctor::run(args).await,
        Command::Sandbox(args) => cli::sandbox(args).await,
    };
    match outcome {
        Ok(code) => code,
        Err(error) => {
            // One clear line: what is wrong, for a person at a terminal or in a log.
            eprintln!("souk: {error}");
            ExitCode::FAILURE
        }
    }
}
