//! `souk dev`: service, worker and sandbox in one process, on SQLite, with nothing to set up.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::ExitCode,
};

use chrono::TimeDelta;
use poem::Route;
use secrecy::ExposeSecret;
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
use tokio_util::sync::CancellationToken;

use super::{
    Outcome,
    client::{Client, text},
    dev_state::{DevFile, Endpoint, Secrets, Tokens, WebhookSecrets},
    dev_stripe::{DevStripe, StripeArgs},
    shop,
    webhooks::{self, Side},
};

type Failed = Box<dyn std::error::Error + Send + Sync>;

/// How long the tokens of `dev.json` are good.
const TOKENS_LIVE: TimeDelta = TimeDelta::days(30);

/// `souk dev`
#[derive(clap::Args, Clone)]
pub(crate) struct Args {
    /// Where the API listens; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:8080")]
    pub(crate) listen: SocketAddr,
    #[command(flatten)]
    pub(crate) stripe: StripeArgs,
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
    stripe: DevStripe,
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
        let stripe = DevStripe::start(&args.stripe, &args.data_dir).await?;
        if DevFile::read(&args.data_dir).is_ok_and(|file| file.sandbox.is_some() != stripe.is_sandbox) {
            let dir = args.data_dir.display();
            return Err(format!("what is in {dir} lives at another Stripe: give another --data-dir").into());
        }
        // 2. An address of our own, which the webhooks need to know before we listen.
        let listen = settled_address(args.listen)?;
        let url = format!("http://{listen}");
        // 3. Webhooks.
        if stripe.is_sandbox {
            let (config, _) = settings(&args.data_dir, &secrets, &stripe, listen, &url)?.check()?;
            register(&config, &url, &mut secrets).await?;
            secrets.write(&args.data_dir)?;
        }
        // 4. The service.
        let (config, seal) = settings(&args.data_dir, &secrets, &stripe, listen, &url)?.check()?;
        let issuer = TokenIssuer::new(&config, Clock::default())?;
        let pages = shop::pages(&args.data_dir, &stripe);
        let (ctx, listening, working, stop) = service(config, seal, pages).await?;
        // 5. Somebody to play with.
        let file = seeded(args, &ctx, &issuer, &stripe, &url).await?;
        file.write(&args.data_dir)?;
        Ok(Self { file, stripe, listening, working, stop })
    }

    /// Finishes what is under way and stops everything.
    pub(crate) async fn stop(self) -> Result<(), Failed> {
        self.stop.cancel();
        self.listening.drained().await?;
        self.working.await?;
        self.stripe.stop().await;
        Ok(())
    }

    fn introduce(&self, data_dir: &Path) -> Result<(), Failed> {
        let path = DevFile::path(data_dir);
        let text = std::fs::read_to_string(&path)?;
        println!("{text}");
        println!("That is {}. Souk runs; three things to try next:", path.display());
        if self.stripe.is_sandbox {
            println!(
                "  1. walk through the whole story:  souk demo --api {} --data-dir {}",
                self.file.api,
                data_dir.display()
            );
        } else {
            // What no webhook brings is read from Stripe's list of events, minutes later.
            println!(
                "  1. have Stripe's events brought:  stripe listen --forward-to {0}/webhooks/stripe/platform \
                 --forward-connect-to {0}/webhooks/stripe/connect",
                self.file.api
            );
        }
        println!("  2. buy something in a browser:    {}/shop/", self.file.api);
        println!("     or read the API there:         {}/docs", self.file.api);
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
    stripe: &DevStripe,
    listen: SocketAddr,
    url: &str,
) -> Result<Settings, Failed> {
    let secrets_of = |side: Side| {
        let endpoints = secrets.endpoints.iter().filter(|endpoint| endpoint.url == side.url(url));
        let registered = endpoints.map(|endpoint| endpoint.secret.clone().into());
        registered.chain(stripe.webhook_secrets.iter().cloned()).collect()
    };
    let database = data_dir.join("souk.sqlite");
    Ok(Settings {
        database_url: format!("sqlite://{}", database.display()).into(),
        database_connections: 8,
        stripe_secret_key: stripe.secret_key.clone(),
        stripe_publishable_key: stripe.publishable_key.clone(),
        stripe_api_base: stripe.base.parse()?,
        stripe_budget_s: 10,
        oversight: OversightSettings::HOURLY,
        stripe_calls: StripeCallSettings::default(),
        stripe_webhook_secrets: secrets_of(Side::Platform),
        stripe_connect_webhook_secrets: secrets_of(Side::Connect),
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
    pages: Route,
) -> Result<(Context, app::Listening, tokio::task::JoinHandle<()>, CancellationToken), Failed> {
    let ctx = app::context(config, seal).await?;
    db::migrate(&ctx.db).await?;
    let stop = CancellationToken::new();
    let listening = app::listen_with(ctx.clone(), pages, stop.clone()).await?;
    let working = app::work(ctx.clone(), stop.clone());
    Ok((ctx, listening, working, stop))
}

/// One seller and one buyer, created through our own API: under the same keys at each start, so that a restart
/// finds them again.
async fn seeded(
    args: &Args,
    ctx: &Context,
    issuer: &TokenIssuer,
    stripe: &DevStripe,
    url: &str,
) -> Result<DevFile, Failed> {
    let token = |role: Role, subject: &str| issuer.issue(role, subject, TOKENS_LIVE);
    let service = token(Role::Service, "dev")?;
    let client = Client::new(url, stripe.sandbox_url());
    let earlier = DevFile::read(&args.data_dir).ok();
    let (seller_id, buyer_id) = match earlier {
        Some(file) => (file.seller_id, file.buyer_id),
        None => (
            seed(&client, &service, "sellers", json!({"email": "seller@example.com", "country": "US"}))
                .await?,
            seed(&client, &service, "buyers", json!({"email": "buyer@example.com"})).await?,
        ),
    };
    // What is Stripe's own is not written down.
    let exposed = |secrets: &[secrecy::SecretString]| {
        secrets.iter().filter(|_| stripe.is_sandbox).map(|secret| secret.expose_secret().to_owned()).collect()
    };
    Ok(DevFile {
        api: url.to_owned(),
        sandbox: stripe.sandbox_url().map(str::to_owned),
        stripe_secret_key: stripe.is_sandbox.then(|| stripe.secret_key.expose_secret().to_owned()),
        stripe_publishable_key: stripe.publishable_key.clone(),
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

async fn seed(client: &Client, token: &str, noun: &str, body: Value) -> Result<String, Failed> {
    let key = format!("dev-seed-{noun}");
    text(&client.create(token, &format!("/v1/{noun}"), &key, &body).await?, "id")
}
