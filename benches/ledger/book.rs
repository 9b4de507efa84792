//! A book in a database of its own, posted to and read through the ledger as the service does.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use clap::Parser;
use souk::{
    app,
    config::Settings,
    context::Context,
    db,
    ledger::{
        self, Account,
        postings::{SeparateSale, ShareOfSale},
    },
};
use souk_entity::{Currency, Money, OrderId, OrderShareId, Scope};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::{
    Failure,
    postgres::{Postgres, succeed},
};

/// Entries of a sale to one seller: the charge, the share, the commission.
const LEGS: u64 = 3;
/// Transactions that the generator writes in one statement.
const BATCH: u64 = 50_000;
/// Days over which the facts of a filled book are spread.
const DAYS: u64 = 1_000;
/// Left to be added up by whoever reads, as in a book that is at work.
const UNSUMMED: u64 = 100;

#[derive(Parser)]
struct Given {
    #[command(flatten)]
    settings: Settings,
}

pub(crate) struct Book {
    ctx: Context,
    name: String,
    clients: u64,
}

impl Book {
    /// An empty, migrated book; its accounts are open.
    pub(crate) async fn open(postgres: &Postgres, name: &str, clients: u64) -> Result<Self, Failure> {
        succeed(postgres.client("createdb").arg(name))?;
        let mut url = url::Url::parse(&postgres.url()?)?;
        url.set_path(name);
        let (url, data_key) = (url.to_string(), "5e".repeat(32));
        let connections = (clients + 2).to_string();
        // Nobody calls Stripe here.
        let given = Given::try_parse_from([
            "bench",
            "--database-url",
            &url,
            "--database-connections",
            &connections,
            "--stripe-secret-key",
            "sk_test_bench",
            "--stripe-publishable-key",
            "pk_test_bench",
            "--stripe-api-base",
            "http://127.0.0.1:1",
            "--public-url",
            "http://127.0.0.1:1",
            "--jwt-secret",
            "a secret of benchmarks, of more than 32 bytes",
            "--data-key",
            &data_key,
        ])?;
        let (config, seal) = given.settings.check()?;
        let ctx = app::context(config, seal).await?;
        db::migrate(&ctx.db).await?;
        let book = Self { ctx, name: name.to_owned(), clients };
        sell(&book.ctx).await?;
        Ok(book)
    }

    /// All clients post sales, one after the other each; tells how many a second. The worker sums up beside them.
    pub(crate) async fn post_for(&self, duration: Duration) -> Result<u64, Failure> {
        let (count, begun) = (Arc::new(AtomicU64::new(0)), Instant::now());
        let mut tasks = JoinSet::new();
        for _ in 0..self.clients {
            let (ctx, count) = (self.ctx.clone(), Arc::clone(&count));
            tasks.spawn(async move {
                while begun.elapsed() < duration {
                    sell(&ctx).await?;
                    count.fetch_add(1, Ordering::Relaxed);
                }
                Ok::<(), Failure>(())
            });
        }
        let ctx = self.ctx.clone();
        tasks.spawn(async move {
            while begun.elapsed() < duration {
                if ledger::sum_up_due(&ctx).await? == 0 {
                    tokio::time::sleep(Duration::from_millis(500)).await;
                }
            }
            Ok(())
        });
        while let Some(task) = tasks.join_next().await {
            task??;
        }
        let millis = u64::try_from(begun.elapsed().as_millis())?;
        Ok(count.load(Ordering::Relaxed) * 1_000 / millis.max(1))
    }

    /// Writes a history of so many entries, sums it up but for the last, and has the database look at it.
    pub(crate) async fn fill(&self, postgres: &Postgres, entries: u64) -> Result<(), Failure> {
        let sales = entries / LEGS;
        for first in (1..=sales).step_by(usize::try_from(BATCH)?) {
            let last = (first + BATCH - 1).min(sales);
            succeed(postgres.client("psql").args(["-qc", &history(first, last, sales), &self.name]))?;
            while ledger::sum_up(&self.ctx.db).await? > 0 {}
        }
        succeed(postgres.client("psql").args(["-qc", "VACUUM ANALYZE", &self.name]))?;
        for _ in 0..UNSUMMED {
            sell(&self.ctx).await?;
        }
        Ok(())
    }

    /// How long it takes to read a balance, microseconds: the middle of so many.
    pub(crate) async fn read(&self, reads: usize) -> Result<u64, Failure> {
        let mut took = Vec::with_capacity(reads);
        for _ in 0..reads {
            let begun = Instant::now();
            let balance =
                ledger::balance(&self.ctx.db, &Scope::Platform, Account::Commission, usd()?).await?;
            took.push(u64::try_from(begun.elapsed().as_micros())?);
            if balance.amount >= 0 {
                return Err(format!("a commission of {balance}").into());
            }
        }
        took.sort_unstable();
        Ok(took.get(reads / 2).copied().unwrap_or_default())
    }
}

/// Posts a sale to one seller in a transaction of its own.
async fn sell(ctx: &Context) -> Result<(), Failure> {
    let money = |amount| Ok::<_, Failure>(Money::new(amount, usd()?));
    let (order, share) = (Uuid::now_v7(), OrderShareId::from_uuid(Uuid::now_v7()));
    let sale = SeparateSale {
        order: OrderId::from_uuid(order),
        charge: format!("ch_{}", order.simple()),
        gross: money(10_000)?,
        shares: vec![ShareOfSale { share, net: money(9_000)?, commission: money(1_000)? }],
        occurred_at: ctx.clock.business(),
    };
    let tx = db::begin_write(&ctx.db).await?;
    ledger::post(&tx, ctx, sale.of_platform()?).await?;
    souk::db::commit(tx, "bench", "commit").await?;
    Ok(())
}

fn usd() -> Result<Currency, Failure> {
    Ok("usd".parse()?)
}

/// Sales as [`sell`] makes them, written by the database itself under its own guards.
fn history(first: u64, last: u64, sales: u64) -> String {
    format!(
        "SET synchronous_commit = off; \
         WITH sales AS (SELECT n, CAST('01' || lpad(to_hex(n), 30, '0') AS UUID) AS id, \
             TIMESTAMPTZ '2023-01-01 12:00+00' + (n * {DAYS} / {sales}) * INTERVAL '1 day' AS occurred_at \
             FROM generate_series(CAST({first} AS BIGINT), {last}) AS n), \
         heads AS (INSERT INTO ledger_transactions (id, book, source, kind, occurred_at, posted_at) \
             SELECT id, 'platform', 'sale:' || n, 'separate_sale', occurred_at, occurred_at FROM sales) \
         INSERT INTO ledger_entries (transaction_id, position, account_id, key, amount) \
             SELECT s.id, l.position, a.id, CASE WHEN l.prefix = '' THEN '' ELSE l.prefix || s.n END, l.amount \
             FROM sales s, (VALUES (0, 'clearing_charge', 'ch_', 10000), (1, 'payable', 'share_', -9000), \
                 (2, 'commission', '', -1000)) AS l (position, code, prefix, amount) \
             JOIN ledger_accounts a ON a.book = 'platform' AND a.code = l.code"
    )
}
