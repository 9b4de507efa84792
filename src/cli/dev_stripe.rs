//! The Stripe of a `souk dev`: the sandbox, in this process or elsewhere, or Stripe itself in test mode.

use std::{net::SocketAddr, path::Path};

use secrecy::{ExposeSecret, SecretString};
use souk_sandbox::Sandbox;
use url::Url;

type Failed = Box<dyn std::error::Error + Send + Sync>;

/// Opens a platform at the sandbox.
const SECRET_KEY: &str = "sk_test_souk";
const PUBLISHABLE_KEY: &str = "pk_test_souk";

const STRIPE: &str = "https://api.stripe.com";

/// Which Stripe.
#[derive(clap::Args, Clone)]
pub(crate) struct StripeArgs {
    /// Where the sandbox listens; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:12111")]
    pub(crate) sandbox_listen: SocketAddr,
    /// Use a sandbox that runs elsewhere.
    #[arg(long)]
    pub(crate) sandbox: Option<Url>,
    /// Use Stripe itself in place of the sandbox, in test mode, with the keys and secrets below.
    #[arg(long, conflicts_with = "sandbox")]
    pub(crate) stripe: bool,
    /// With --stripe: a secret or restricted test key.
    #[arg(long, env = "STRIPE_SECRET_KEY", hide_env_values = true)]
    pub(crate) stripe_secret_key: Option<SecretString>,
    /// With --stripe: the publishable test key.
    #[arg(long, env = "STRIPE_PUBLISHABLE_KEY")]
    pub(crate) stripe_publishable_key: Option<String>,
    /// With --stripe: what `stripe listen --print-secret` says, for both endpoints.
    #[arg(long, env = "STRIPE_WEBHOOK_SECRETS", value_delimiter = ',', hide_env_values = true)]
    pub(crate) stripe_webhook_secrets: Vec<SecretString>,
}

impl StripeArgs {
    /// A sandbox in this process, on an address.
    pub(crate) fn sandbox_on(sandbox_listen: SocketAddr) -> Self {
        Self {
            sandbox_listen,
            sandbox: None,
            stripe: false,
            stripe_secret_key: None,
            stripe_publishable_key: None,
            stripe_webhook_secrets: Vec::new(),
        }
    }
}

/// A Stripe that is there.
pub(crate) struct DevStripe {
    pub(crate) base: String,
    pub(crate) secret_key: SecretString,
    pub(crate) publishable_key: String,
    /// What Stripe's own tool signs with as it forwards events; the sandbox's endpoints have secrets of their own.
    pub(crate) webhook_secrets: Vec<SecretString>,
    /// Whether it is a sandbox, with a clock and controls.
    pub(crate) is_sandbox: bool,
    running: Option<Sandbox>,
}

impl DevStripe {
    /// Starts a sandbox, unless another Stripe is asked for.
    pub(crate) async fn start(args: &StripeArgs, data_dir: &Path) -> Result<Self, Failed> {
        if args.stripe {
            return Self::itself(args);
        }
        if let Some(url) = &args.sandbox {
            return Ok(Self::sandbox(url.as_str().trim_end_matches('/').to_owned(), None));
        }
        let config = souk_sandbox::Config {
            listen: args.sandbox_listen,
            data_dir: Some(data_dir.join("sandbox")),
            ..souk_sandbox::Config::default()
        };
        let sandbox = Sandbox::start(config).await?;
        Ok(Self::sandbox(sandbox.url(), Some(sandbox)))
    }

    fn sandbox(base: String, running: Option<Sandbox>) -> Self {
        Self {
            base,
            secret_key: SECRET_KEY.into(),
            publishable_key: PUBLISHABLE_KEY.to_owned(),
            webhook_secrets: Vec::new(),
            is_sandbox: true,
            running,
        }
    }

    fn itself(args: &StripeArgs) -> Result<Self, Failed> {
        let (Some(secret_key), Some(publishable_key)) =
            (args.stripe_secret_key.clone(), args.stripe_publishable_key.clone())
        else {
            return Err("--stripe needs STRIPE_SECRET_KEY and STRIPE_PUBLISHABLE_KEY".into());
        };
        // What people play with must not be money.
        let test = |key: &str| key.starts_with("sk_test_") || key.starts_with("rk_test_");
        if !test(secret_key.expose_secret()) {
            return Err(
                "souk dev takes test keys only: STRIPE_SECRET_KEY must begin with sk_test_ or rk_test_"
                    .into(),
            );
        }
        Ok(Self {
            base: STRIPE.to_owned(),
            secret_key,
            publishable_key,
            webhook_secrets: args.stripe_webhook_secrets.clone(),
            is_sandbox: false,
            running: None,
        })
    }

    /// Where a sandbox is.
    pub(crate) fn sandbox_url(&self) -> Option<&str> {
        self.is_sandbox.then_some(&self.base)
    }

    /// Stops what was started.
    pub(crate) async fn stop(self) {
        if let Some(sandbox) = self.running {
            sandbox.shutdown().await;
        }
    }
}
