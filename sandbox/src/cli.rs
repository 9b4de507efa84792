//! The command line.

use std::{net::SocketAddr, path::PathBuf};

use crate::{Config, PayoutInterval, Sandbox, Settings, StartError};

/// Run a stateful Stripe with Connect on this machine.
#[derive(Clone, Debug, clap::Parser)]
#[command(name = "souk-sandbox")]
pub struct Args {
    /// Address to listen on; port 0 takes a free one.
    #[arg(long, env = "SOUK_SANDBOX_LISTEN", default_value = "127.0.0.1:12111")]
    pub listen: SocketAddr,
    /// Directory to keep the state in; without it, it is gone when the program ends.
    #[arg(long, env = "SOUK_SANDBOX_DATA_DIR")]
    pub data_dir: Option<PathBuf>,
    /// Draw ids and secrets from this number, so that the same calls give the same ids.
    #[arg(long)]
    pub seed: Option<u64>,
    /// How browsers reach the sandbox, if not at the address it listens on.
    #[arg(long)]
    pub public_url: Option<String>,
    /// Stripe's fee on a charge, in basis points.
    #[arg(long, default_value_t = Settings::default().fee_basis_points)]
    pub fee_basis_points: i64,
    /// Stripe's fixed fee on a charge, in minor units.
    #[arg(long, default_value_t = Settings::default().fee_fixed)]
    pub fee_fixed: i64,
    /// Days until the funds of a charge are available.
    #[arg(long, default_value_t = Settings::default().settlement_days)]
    pub settlement_days: i64,
    /// Days until a standard payout arrives.
    #[arg(long, default_value_t = Settings::default().payout_days)]
    pub payout_days: i64,
    /// Milliseconds until an asynchronous capture completes.
    #[arg(long, default_value_t = Settings::default().async_capture_ms)]
    pub async_capture_ms: i64,
    /// How new connected accounts are paid out.
    #[arg(long, value_enum, default_value = "manual")]
    pub default_payout_schedule: PayoutInterval,
}

impl From<Args> for Config {
    fn from(args: Args) -> Self {
        Self {
            listen: args.listen,
            data_dir: args.data_dir,
            seed: args.seed,
            public_url: args.public_url.map(|url| url.trim_end_matches('/').to_owned()),
            settings: Settings {
                fee_basis_points: args.fee_basis_points,
                fee_fixed: args.fee_fixed,
                settlement_days: args.settlement_days,
                payout_days: args.payout_days,
                async_capture_ms: args.async_capture_ms,
                default_payout_schedule: args.default_payout_schedule,
                ..Settings::default()
            },
        }
    }
}

/// Runs a sandbox until the process is told to stop.
///
/// # Errors
///
/// If it cannot start.
pub async fn run(args: Args) -> Result<(), StartError> {
    let config = Config::from(args);
    let kept = match &config.data_dir {
        Some(dir) => format!("state in {}", dir.display()),
        None => "state in memory".to_owned(),
    };
    let sandbox = Sandbox::start(config).await?;
    println!("Stripe sandbox on {} ({kept}); any key sk_test_NAME opens the platform NAME", sandbox.url());
    stop_signal().await;
    sandbox.shutdown().await;
    Ok(())
}

async fn stop_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let interrupt = tokio::signal::ctrl_c();
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => {
            tokio::select! {
                _ = interrupt => {}
                _ = terminate.recv() => {}
            }
        }
        Err(_) => drop(interrupt.await),
    }
}
