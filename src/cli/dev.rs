//! `souk dev`: service, worker and sandbox in one process, on SQLite, with nothing to set up.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::ExitCode,
};

use chrono::TimeDelta;
use serde_json::{Value, json};
use souk::{
    api::{Role, TokenIssuer},
    app,
    clock::Clock,
    config::{CheckoutSettings, Config, OversightSettings, Settings, StripeCallSettings},
    context::Context,
    db,
    seal::Seal,
    stripe::Gateway,
    telemetry::{self, LogFormat},
};
use souk_sandbox::Sandbox;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::{
    Outcome,
    dev_state::{DevFile, Endpoint, Secrets, Tokens, WebhookSecrets},
    webhooks::{self, Side},
};

type Failed = Box<dyn std::error::Error + Send + Sync>;

const SECRET_KEY: &str = "sk_test_souk";
const PUBLISHABLE_KEY: &str = "pk_test_souk";
/// How long the tokens of `dev.json` are good.
const TOKENS_LIVE: TimeDelta = TimeDelta::days(30);

/// `souk dev`
#[derive(clap::Args, Clone)]
pub(crate) struct Args {
    /// Where the API listens; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:8080")]
    pub(crate) listen: SocketAddr,
    /// Where the sandbox listens; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:12111")]
    pub(crate) sandbox_listen: SocketAddr,
    /// Use a sandbox that runs elsewhere.
    #[arg(long)]
    pub(crate) sandbox: Option<Url>,
    /// Where everything is kept.
    #[arg(long, default_value = "./var")]
    pub(crate) data_dir: PathBuf,
}

pub(crate) async fn run(args: Args) -> Outcome {
    telemetry::init(LogFormat::Auto)?;
    let dev = Dev::start(&args).await?;
    dev.introduce(&args.data_dir)?;
    app::asked_to_stop().await;
    dev.stop().await?;
    Ok(ExitCode::SUCCESS)
}

/// Everything, running.
pub(crate) struct Dev {
    pub(crate) file: DevFile,
    sandbox: Option<Sandbox>,
    listening: app::Listening,
    working: tokio::task::JoinHandle<()>,
    stop: CancellationToken,
}

impl Dev {
    /// Starts everything, or goes on where it was.
    pub(crate) async fn start(args: &Args) -> Result<Self, Failed> {
        std::fs::create_dir_all(&args.data_dir)
            .map_err(|error| format!("{}: {error}", args.data_dir.display()))?;
        let mut secrets = Secrets::read_or_make(&args.data_dir)?;
        // 1. A Stripe.
        let (sandbox, sandbox_url) = stripe(args).await?;
        // 2. An address of our own, which the webhooks need to know before we listen.
        let listen = settled_address(args.listen)?;
        let url = format!("http://{listen}");
        // 3. Webhooks.
        let (config, _) = settings(&args.data_dir, &secrets, &sandbox_url, listen, &url)?.check()?;
        register(&config, &url, &mut secrets).await?;
        secrets.write(&args.data_dir)?;
        // 4. The service.
        let (config, seal) = settings(&args.data_dir, &secrets, &sandbox_url, listen, &url)?.check()?;
        let issuer = TokenIssuer::new(&config, Clock::default())?;
        let (ctx, listening, working, stop) = service(config, seal).await?;
        // 5. Somebody to play with.
        let file = seeded(args, &ctx, &issuer, &sandbox_url, &url).await?;
        file.write(&args.data_dir)?;
        Ok(Self { file, sandbox, listening, working, stop })
    }

    /// Finishes what is under way and stops everything.
    pub(crate) async fn stop(self) -> Result<(), Failed> {
        self.stop.cancel();
        self.listening.drained().await?;
        self.working.await?;
        if let Some(sandbox) = self.sandbox {
            sandbox.shutdown().await;
        }
        Ok(())
    }

    fn introduce(&self, data_dir: &Path) -> Result<(), Failed> {
        let path = DevFile::path(data_dir);
        let text = std::fs::read_to_string(&path)?;
        println!("{text}");
        println!("That is {}. Souk runs; three things to try next:", path.display());
        println!(
            "  1. walk through the whole story:  souk demo --api {} --data-dir {}",
            self.file.api,
            data_dir.display()
        );
        println!("  2. read the API in a browser:     {}/docs", self.file.api);
        println!(
            "  3. onboard the seller by hand:    curl -X POST -H \"Authorization: Bearer $(souk token --role seller \
             --subject {} --data-dir {})\" -H 'Content-Type: application/json' -d '{{}}' {}/v1/sellers/{}/onboarding-links",
            self.file.seller_id,
            data_dir.display(),
            self.file.api,
            self.file.seller_id
        );
        println!("Ctrl-C stops it; the next start goes on where it was.");
        Ok(())
    }
}

async fn stripe(args: &Args) -> Result<(Option<Sandbox>, String), Failed> {
    if let Some(url) = &args.sandbox {
        return Ok((None, url.as_str().trim_end_matches('/').to_owned()));
    }
    let config = souk_sandbox::Config {
        listen: args.sandbox_listen,
        data_dir: Some(args.data_dir.join("sandbox")),
        ..souk_sandbox::Config::default()
    };
    let sandbox = Sandbox::start(config).await?;
    let url = sandbox.url();
    Ok((Some(sandbox), url))
}

/// A free port, if any will do: it is settled here, because the webhooks carry it.
fn settled_address(asked: SocketAddr) -> Result<SocketAddr, Failed> {
    if asked.port() != 0 {
        return Ok(asked);
    }
    Ok(std::net::TcpListener::bind(asked)?.local_addr()?)
}

fn settings(
    data_dir: &Path,
    secrets: &Secrets,
    sandbox_url: &str,
    listen: SocketAddr,
    url: &str,
) -> Result<Settings, Failed> {
    let secret_of = |side: Side| {
        let endpoints = secrets.endpoints.iter().filter(|endpoint| endpoint.url == side.url(url));
        endpoints.map(|endpoint| endpoint.secret.clone().into()).collect()
    };
    let database = data_dir.join("souk.sqlite");
    Ok(Settings {
        database_url: format!("sqlite://{}", database.display()).into(),
        database_connections: 8,
        stripe_secret_key: SECRET_KEY.into(),
        stripe_publishable_key: PUBLISHABLE_KEY.to_owned(),
        stripe_api_base: sandbox_url.parse()?,
        stripe_budget_s: 10,
        oversight: OversightSettings::HOURLY,
        stripe_calls: StripeCallSettings::default(),
        stripe_webhook_secrets: secret_of(Side::Platform),
        stripe_connect_webhook_secrets: secret_of(Side::Connect),
        public_url: url.parse()?,
        // Apps under development run on this machine, on ports that nobody knows beforehand.
        allowed_redirect_origins: ["http://localhost:3000", "http://localhost:5173", url]
            .into_iter()
            .map(str::parse)
            .collect::<Result<_, _>>()?,
        listen,
        jwt_secret: Some(secrets.jwt_secret.clone().into()),
        jwt_public_key: None,
        jwt_issuer: "souk".to_owned(),
        jwt_audience: "souk".to_owned(),
        data_key: secrets.data_key.clone().into(),
        event_retention_days: 90,
        commission_bps: 1_000,
        checkout: CheckoutSettings::default(),
    })
}

/// Makes sure that the sandbox delivers to us, and that we know what it signs with.
async fn register(config: &Config, url: &str, secrets: &mut Secrets) -> Result<(), Failed> {
    let gateway = Gateway::new(config, Clock::default())?;
    let mut endpoints = Vec::new();
    for side in [Side::Platform, Side::Connect] {
        let address = side.url(url);
        let there = webhooks::existing(&gateway, &address).await?;
        let known =
            secrets.endpoints.iter().find(|known| there.iter().any(|endpoint| endpoint.id == known.id));
        if let Some(known) = known {
            for endpoint in there.iter().filter(|endpoint| endpoint.id == known.id) {
                webhooks::update(&gateway, side, endpoint).await?;
            }
            endpoints.push(known.clone());
            continue;
        }
        for endpoint in there {
            webhooks::delete(&gateway, &endpoint).await?;
        }
        let made = webhooks::create(&gateway, side, &address, None).await?;
        webhooks::mark_kept(&gateway, &made).await?;
        endpoints.push(Endpoint { id: made.id, url: address, secret: made.secret.unwrap_or_default() });
    }
    secrets.endpoints = endpoints;
    Ok(())
}

async fn service(
    config: Config,
    seal: Seal,
) -> Result<(Context, app::Listening, tokio::task::JoinHandle<()>, CancellationToken), Failed> {
    let ctx = app::context(config, seal).await?;
    db::migrate(&ctx.db).await?;
    let stop = CancellationToken::new();
    let listening = app::listen(ctx.clone(), stop.clone()).await?;
    let working = app::work(ctx.clone(), stop.clone());
    Ok((ctx, listening, working, stop))
}

/// One seller and one buyer, created through our own API: under the same keys at each start, so that a restart
/// finds them again.
async fn seeded(
    args: &Args,
    ctx: &Context,
    issuer: &TokenIssuer,
    sandbox: &str,
    url: &str,
) -> Result<DevFile, Failed> {
    let token = |role: Role, subject: &str| issuer.issue(role, subject, TOKENS_LIVE);
    let service = token(Role::Service, "dev")?;
    let earlier = DevFile::read(&args.data_dir).ok();
    let (seller_id, buyer_id) = match earlier {
        Some(file) => (file.seller_id, file.buyer_id),
        None => (
            create(url, &service, "sellers", &json!({"email": "seller@example.com", "country": "US"}))
                .await?,
            create(url, &service, "buyers", &json!({"email": "buyer@example.com"})).await?,
        ),
    };
    let exposed = |secrets: &[secrecy::SecretString]| {
        secrets.iter().map(|secret| secrecy::ExposeSecret::expose_secret(secret).to_owned()).collect()
    };
    Ok(DevFile {
        api: url.to_owned(),
        sandbox: sandbox.to_owned(),
        stripe_secret_key: SECRET_KEY.to_owned(),
        stripe_publishable_key: PUBLISHABLE_KEY.to_owned(),
        webhook_secrets: WebhookSecrets {
            platform: exposed(&ctx.config.platform_webhook_secrets),
            connect: exposed(&ctx.config.connect_webhook_secrets),
        },
        tokens: Tokens {
            operator: token(Role::Operator, "dev")?,
            seller: token(Role::Seller, &seller_id)?,
            buyer: token(Role::Buyer, &buyer_id)?,
            service,
        },
        seller_id,
        buyer_id,
    })
}

async fn create(url: &str, token: &str, noun: &str, body: &Value) -> Result<String, Failed> {
    let response = reqwest::Client::new()
        .post(format!("{url}/v1/{noun}"))
        .bearer_auth(token)
        .header("Idempotency-Key", format!("dev-seed-{noun}"))
        .json(body)
        .send()
        .await?;
    let (status, answer): (_, Value) = (response.status(), response.json().await?);
    match answer["id"].as_str() {
        Some(id) if status.is_success() => Ok(id.to_owned()),
        _ => Err(format!("could not seed {noun}: {answer}").into()),
    }
}
