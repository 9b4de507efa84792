//! `souk token`: a token for the API, for development and for the first steps of an installation.

use std::{path::PathBuf, process::ExitCode};

use chrono::TimeDelta;
use secrecy::SecretString;
use souk::{
    api::{Role, TokenIssuer},
    clock::Clock,
};

use super::{Outcome, dev_state::Secrets};

/// `souk token`
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Who may do what: operator, service, seller or buyer.
    #[arg(long, value_enum)]
    role: Role,
    /// The seller's or buyer's id; else a name. The role's own name if not given.
    #[arg(long)]
    subject: Option<String>,
    /// How long it is good, in hours.
    #[arg(long, default_value_t = 24)]
    hours: u32,
    /// The secret to sign with; that of the data directory if not given.
    #[arg(long, env = "SOUK_JWT_SECRET", hide_env_values = true)]
    jwt_secret: Option<SecretString>,
    /// The `iss` of the token.
    #[arg(long, env = "SOUK_JWT_ISSUER", default_value = "souk")]
    jwt_issuer: String,
    /// The `aud` of the token.
    #[arg(long, env = "SOUK_JWT_AUDIENCE", default_value = "souk")]
    jwt_audience: String,
    /// Where `souk dev` keeps its state.
    #[arg(long, default_value = "./var")]
    data_dir: PathBuf,
}

pub(crate) fn run(args: &Args) -> Outcome {
    let secret = match &args.jwt_secret {
        Some(secret) => secret.clone(),
        None => Secrets::read(&args.data_dir)?.jwt_secret.into(),
    };
    let issuer = TokenIssuer::with_secret(&secret, &args.jwt_issuer, &args.jwt_audience, Clock::default());
    let subject = args.subject.clone().unwrap_or_else(|| args.role.to_string());
    println!("{}", issuer.issue(args.role, &subject, TimeDelta::hours(args.hours.into()))?);
    Ok(ExitCode::SUCCESS)
}
