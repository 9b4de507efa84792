//! Which balance transactions make a difference: Stripe's list beside what was imported, newest first, until the
//! difference is explained.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, Utc};
use sea_orm::DatabaseConnection;
use souk_entity::{Currency, Money, Scope, balance_transaction};

use super::{
    super::{feed::Feed, posting::LedgerError},
    Difference, kind, store,
};
use crate::stripe::{
    Failure,
    balance_transactions::{BalanceTransaction, Page},
};

/// A difference that is older than a hundred thousand transactions is left to people.
const MOST_PAGES: u32 = 1_000;

/// Why there is no list.
#[derive(Debug, thiserror::Error)]
pub(super) enum AuditError {
    #[error(transparent)]
    Stripe(#[from] Failure),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl From<sea_orm::DbErr> for AuditError {
    fn from(error: sea_orm::DbErr) -> Self {
        Self::Ledger(error.into())
    }
}

/// What is to be explained: by currency, ours less Stripe's in minor units.
pub(super) type Unexplained = BTreeMap<Currency, i128>;

/// Names the balance transactions that explain a difference, as far as there are any.
pub(super) async fn audit<F: Feed>(
    feed: &F,
    db: &DatabaseConnection,
    scope: &Scope,
    mut unexplained: Unexplained,
) -> Result<Vec<Difference>, AuditError> {
    let mut found = Vec::new();
    let mut listed: HashSet<String> = HashSet::new();
    let (mut until, mut at): (Option<DateTime<Utc>>, Option<String>) = (None, None);
    for _ in 0..MOST_PAGES {
        if unexplained.values().all(|amount| *amount == 0) {
            break;
        }
        // 1. Stripe's next older page, and what we have of its time.
        let from = at.as_deref().map_or(Page::Newest, Page::OlderThan);
        let page = feed.page(scope, from).await?;
        listed.extend(page.data.iter().map(|one| one.id.clone()));
        // A second can go on on the next page: what is as old as the oldest is looked at then.
        let after = page.data.last().filter(|_| page.has_more).map(|oldest| oldest.created);
        let ids = page.data.iter().map(|one| one.id.as_str());
        let ours: HashMap<String, balance_transaction::Model> = store::imported(db, scope, ids, after, until)
            .await?
            .into_iter()
            .map(|row| (row.id.clone(), row))
            .collect();

        // 2. Theirs that we lack or have otherwise; ours that they lack.
        for theirs in &page.data {
            found.extend(compared(scope, theirs, ours.get(&theirs.id), &mut unexplained));
        }
        for row in ours.values().filter(|row| !listed.contains(&row.id)) {
            let net = Money::new(row.net, row.currency);
            explain(&mut unexplained, row.currency, -i128::from(row.net));
            let detail =
                format!("we have a balance transaction of {scope} over {net} that Stripe does not list");
            found.push(
                Difference::new(kind::MISSING_THERE, scope, &row.id, Some(net), detail)
                    .since(row.stripe_created_at)
                    .with_action(NOT_LISTED),
            );
        }
        let (Some(oldest), true) = (page.data.last(), page.has_more) else { break };
        (until, at) = (after, Some(oldest.id.clone()));
    }
    found.sort_by(|one, other| (&one.kind, &one.object).cmp(&(&other.kind, &other.object)));
    Ok(found)
}

const NOT_LISTED: &str = "ask Stripe for this balance transaction; if it is not there, find out who wrote the row, and \
                          reverse its posting";
const NOT_IMPORTED: &str = "delete the scope's row of import_cursors: the next import reads all of Stripe's list again \
                            and posts nothing twice";

/// One balance transaction of Stripe's beside ours.
fn compared(
    scope: &Scope,
    theirs: &BalanceTransaction,
    ours: Option<&balance_transaction::Model>,
    unexplained: &mut Unexplained,
) -> Option<Difference> {
    let net = Money::new(theirs.net, theirs.currency);
    let Some(ours) = ours else {
        explain(unexplained, theirs.currency, i128::from(theirs.net));
        let detail =
            format!("Stripe lists a balance transaction of {scope} over {net} that was not imported");
        let amount = Money::zero(net.currency).checked_sub(net).ok();
        let found = Difference::new(kind::MISSING_HERE, scope, &theirs.id, amount, detail);
        return Some(found.since(theirs.created).with_action(NOT_IMPORTED));
    };
    let imported = Money::new(ours.net, ours.currency);
    if imported == net {
        return None;
    }
    explain(unexplained, ours.currency, -i128::from(ours.net));
    explain(unexplained, theirs.currency, i128::from(theirs.net));
    let kind = if imported.currency == net.currency { kind::AMOUNT } else { kind::CURRENCY };
    let detail = format!("we imported {imported} for {scope}, Stripe lists {net}");
    let found = Difference::new(kind, scope, &theirs.id, imported.checked_sub(net).ok(), detail);
    Some(found.since(theirs.created))
}

fn explain(unexplained: &mut Unexplained, currency: Currency, by: i128) {
    *unexplained.entry(currency).or_default() += by;
}
