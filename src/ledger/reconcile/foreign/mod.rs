//! What others did on the same Stripe account: somebody in Stripe's dashboard, or other software. Stripe moved money
//! for it, and no fact of ours will ever say what for, so its keys would be open for ever. Once such a key is an hour
//! old, Stripe is asked what is behind it; if nothing there carries a name of ours, it is posted to
//! `foreign_activity`. If it turns out to be ours after all, a posting of ours opens the key again, and the foreign one
//! is reversed.

mod store;

use std::collections::BTreeSet;

use chrono::{DateTime, Duration, Utc};
use futures_util::future::join_all;
use sea_orm::{DatabaseConnection, DbErr};
use souk_entity::{Money, Scope};

use self::store::Foreign;
use super::{Difference, MOST_LISTED, kind, store::OpenKey};
use crate::{
    clock::Clock,
    db,
    ledger::{
        chart::Account,
        feed::Feed,
        posting::{LedgerError, Posted, PostingError, post_at},
        postings::ForeignActivity,
        reversal::reverse_at,
    },
    stripe::{Expandable, Failure},
};

/// What is ours is posted within seconds; an hour is long enough for what is bound late.
const WAITS: Duration = Duration::hours(1);
/// For so long it stands in the reports: every closing of a month sees it.
const LISTED: Duration = Duration::days(30);
/// Objects that are asked about side by side.
const ABREAST: usize = 4;
/// Objects behind an object: the refund of what a transfer became, of a charge with an intent, is five steps away.
const MOST_STEPS: usize = 8;

/// Whose an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whose {
    /// It, or something behind it, carries a name of ours: our posting is late or lost, and a person must look.
    Ours,
    /// Nothing behind it does.
    Others,
    /// Not all that is behind it can be read: Stripe refuses, or its answer makes no sense.
    Untold,
    /// Stripe gives no answer now.
    NobodyTells,
}

/// Posts what is foreign of a book's open keys, and takes back what turned out to be ours. Tells whether anything
/// was posted.
pub(super) async fn settle<F: Feed>(
    feed: &F,
    db: &DatabaseConnection,
    clock: &Clock,
    scope: &Scope,
    keys: &[OpenKey],
) -> Result<bool, LedgerError> {
    let mut posted = false;
    // 1. Our own posting came after all.
    let of_ours: BTreeSet<&str> =
        keys.iter().filter(|open| open.ours > 0).map(|open| open.key.as_str()).collect();
    for key in &of_ours {
        posted |= take_back(db, clock, scope, key).await?;
    }
    // 2. Whose is the rest? No transaction is open while Stripe is asked.
    let now = clock.business();
    let rest = keys.iter().filter(|open| may_be_foreign(open, now) && !of_ours.contains(open.key.as_str()));
    let rest: Vec<&OpenKey> = rest.collect();
    for some in rest.chunks(ABREAST) {
        let mut asked = Vec::with_capacity(some.len());
        for open in some {
            asked.push(whose(feed, db, scope, open));
        }
        let mut is_away = false;
        // 3. Each key by itself: what is posted stays, whatever comes of the others.
        for (open, whose) in some.iter().zip(join_all(asked).await) {
            match whose? {
                Whose::Others => posted |= post(db, clock, scope, open).await?,
                Whose::Ours | Whose::Untold => {}
                Whose::NobodyTells => is_away = true,
            }
        }
        // The next reconciliation goes on.
        if is_away {
            break;
        }
    }
    Ok(posted)
}

/// Whether only Stripe speaks of it, and for long enough. Payouts are nobody's secret: their events are booked,
/// whoever made them.
fn may_be_foreign(open: &OpenKey, now: DateTime<Utc>) -> bool {
    let account = Account::from_code(&open.code);
    let is_object = !matches!(account, None | Some(Account::InTransit | Account::Suspense));
    is_object && open.ours == 0 && open.theirs > 0 && now - open.last >= WAITS
}

/// Asks Stripe what is behind a key, step by step.
async fn whose<F: Feed>(
    feed: &F,
    db: &DatabaseConnection,
    scope: &Scope,
    open: &OpenKey,
) -> Result<Whose, DbErr> {
    let moved = store::moved_under(db, scope, &open.code, &open.key).await?;
    let Some(first) = moved.first() else { return Ok(Whose::Untold) };
    Ok(asked(feed, scope, &first.txn).await.unwrap_or_else(|failure| {
        tracing::warn!(%scope, object = open.key, %failure, "Stripe did not tell whose this is");
        match failure {
            Failure::Refused(_) | Failure::Unreadable(_) => Whose::Untold,
            _ => Whose::NobodyTells,
        }
    }))
}

async fn asked<F: Feed>(feed: &F, scope: &Scope, transaction: &str) -> Result<Whose, Failure> {
    let Some(Expandable::Object(origin)) = feed.movement(scope, transaction).await?.source else {
        return Ok(Whose::Untold);
    };
    let (mut is_ours, mut behind) = (origin.is_named_by_us(), origin.behind(scope));
    for _ in 0..MOST_STEPS {
        if is_ours {
            return Ok(Whose::Ours);
        }
        let Some((scope, path)) = behind.pop() else { return Ok(Whose::Others) };
        let origin = feed.origin(&scope, &path).await?;
        is_ours = origin.is_named_by_us();
        behind.extend(origin.behind(&scope));
    }
    Ok(Whose::Untold)
}

/// Posts the other half of each of a key's balance transactions.
async fn post(
    db: &DatabaseConnection,
    clock: &Clock,
    scope: &Scope,
    open: &OpenKey,
) -> Result<bool, LedgerError> {
    let (tx, mut is_new) = (db::begin_write(db).await?, false);
    for moved in store::moved_under(&tx, scope, &open.code, &open.key).await? {
        let on_key = Money::new(moved.amount, moved.currency);
        let activity = ForeignActivity {
            book: scope.clone(),
            transaction: moved.txn,
            object: open.key.clone(),
            amount: Money::zero(moved.currency).checked_sub(on_key).map_err(PostingError::from)?,
            occurred_at: moved.occurred_at,
        };
        let posted = post_at(&tx, clock.wall(), &activity.posting()?).await?;
        is_new |= matches!(posted, Posted::New(_));
    }
    db::commit(tx, ForeignActivity::KIND, "post").await?;
    if is_new {
        tracing::info!(%scope, object = open.key, "not ours: posted to foreign_activity");
    }
    Ok(is_new)
}

/// Reverses what called an object foreign.
async fn take_back(
    db: &DatabaseConnection,
    clock: &Clock,
    scope: &Scope,
    key: &str,
) -> Result<bool, LedgerError> {
    let told = store::told_foreign(db, scope, key).await?;
    if told.is_empty() {
        return Ok(false);
    }
    let tx = db::begin_write(db).await?;
    for source in told {
        reverse_at(&tx, clock.wall(), scope, &source, clock.business()).await?;
    }
    db::commit(tx, ForeignActivity::KIND, "take_back").await?;
    tracing::info!(%scope, object = key, "ours after all: taken back from foreign_activity");
    Ok(true)
}

/// Names what others did of late, though its keys are zero: whoever looks after the books shall know of it.
pub(super) async fn listed(
    db: &DatabaseConnection,
    scope: &Scope,
    now: DateTime<Utc>,
) -> Result<Vec<Difference>, DbErr> {
    let found = store::foreign_activity(db, scope, now - LISTED, MOST_LISTED).await?;
    Ok(found.into_iter().map(|one| named(scope, &one)).collect())
}

fn named(scope: &Scope, foreign: &Foreign) -> Difference {
    let amount = Money::new(foreign.amount, foreign.currency);
    let detail = format!(
        "Stripe moved money of {scope} for an object that is not ours: foreign_activity stands at {amount} under this id"
    );
    Difference::new(kind::FOREIGN, scope, &foreign.key, Some(amount), detail).since(foreign.first)
}
