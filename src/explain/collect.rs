//! Gathers the rows of a timeline: what names its subject, then what names those.

use std::collections::BTreeSet;

use souk_entity::{
    Scope, event, idempotency_key, job, ledger_account, ledger_entry, ledger_transaction, payout, seller,
    stripe_event, stripe_request,
};

use super::{ExplainError, describe::Told, store, subject::Subject};
use crate::context::Context;

/// A posting with its legs, and the accounts that they are on.
#[derive(Clone, Debug)]
pub(super) struct Posting {
    pub(super) head: ledger_transaction::Model,
    pub(super) legs: Vec<(ledger_entry::Model, Option<ledger_account::Model>)>,
}

/// The rows that tell what happened.
#[derive(Clone, Debug, Default)]
pub(super) struct Found {
    pub(super) sellers: Vec<seller::Model>,
    pub(super) payouts: Vec<payout::Model>,
    pub(super) keys: Vec<idempotency_key::Model>,
    pub(super) requests: Vec<stripe_request::Model>,
    pub(super) events: Vec<stripe_event::Model>,
    pub(super) jobs: Vec<job::Model>,
    pub(super) postings: Vec<Posting>,
    pub(super) told: Vec<event::Model>,
}

/// Reads all of it.
pub(super) async fn collect(ctx: &Context, subject: &Subject) -> Result<Found, ExplainError> {
    let id = subject.id();
    let mut found = Found { sellers: store::sellers(ctx, &sellers(subject)).await?, ..Found::default() };
    // 1. What was asked of us, and what we asked of Stripe.
    found.requests = store::requests(ctx, &id).await?;
    if let Subject::Request(request) = subject {
        found.requests = vec![(**request).clone()];
    }
    if let Subject::Seller(seller) = subject {
        found.payouts = store::newest_payouts(ctx, seller.id).await?;
        found.requests.extend(store::held(ctx, &subject.scope(), &id).await?);
    }
    let keys: Vec<_> = found.requests.iter().filter_map(|request| request.idempotency_id).collect();
    found.keys = store::keys(ctx, keys).await?;
    // 2. What Stripe told: of the objects that our rows name, and of those that these events name.
    let mut objects: BTreeSet<String> = subject.objects().into_iter().collect();
    objects.extend(found.requests.iter().filter_map(|request| request.stripe_object_id.clone()));
    found.events = store::events(ctx, &subject.scope(), &objects).await?;
    let known = objects.clone();
    for event in &found.events {
        objects.extend(Told::by(ctx, event)?.charge);
    }
    let more: BTreeSet<String> = objects.difference(&known).cloned().collect();
    found.events.extend(store::events(ctx, &subject.scope(), &more).await?);
    // A request that has no answer may have an event.
    for request in found.requests.iter().filter(|request| request.stripe_object_id.is_none()) {
        let named = store::events_of_request(ctx, request.id).await?;
        found.events.extend(named.into_iter().filter(|event| !objects.contains(&event.object_id)));
    }
    // 3. The books, of each side.
    if !matches!(subject, Subject::Seller(_)) {
        found.postings = postings(ctx, subject, &found.sellers, objects).await?;
    }
    // 4. What is still to be done, and what the marketplace was told.
    let scopes = books(subject, &found.sellers);
    found.jobs =
        store::jobs(ctx, [id.clone()].into_iter().chain(scopes.iter().map(ToString::to_string))).await?;
    found.told = store::told(ctx, &id).await?;
    Ok(found)
}

/// A posting of ours names more of Stripe's objects than our rows do, and Stripe's own postings name those: the
/// second look finds them all.
async fn postings(
    ctx: &Context,
    subject: &Subject,
    sellers: &[seller::Model],
    mut keys: BTreeSet<String>,
) -> Result<Vec<Posting>, ExplainError> {
    let accounts = store::accounts(ctx, &books(subject, sellers)).await?;
    let sources = [format!("sale:{}", subject.id())];
    let sale = store::postings_from(ctx, &books(subject, sellers), &sources).await?;
    let legs = store::legs(ctx, sale).await?;
    keys.extend(legs.into_iter().map(|leg| leg.key).filter(|key| !key.is_empty()));
    let all = store::postings_under(ctx, &accounts, &keys).await?;
    let heads = store::heads(ctx, all.clone()).await?;
    let legs = store::legs(ctx, all).await?;
    let posting = |head: ledger_transaction::Model| Posting {
        legs: legs
            .iter()
            .filter(|leg| leg.transaction_id == head.id)
            .map(|leg| (leg.clone(), accounts.iter().find(|account| account.id == leg.account_id).cloned()))
            .collect(),
        head,
    };
    Ok(heads.into_iter().map(posting).collect())
}

fn sellers(subject: &Subject) -> Vec<souk_entity::SellerId> {
    match subject {
        Subject::Order(_, shares) => shares.iter().map(|share| share.seller_id).collect(),
        Subject::Payout(payout) => vec![payout.seller_id],
        Subject::Seller(seller) => vec![seller.id],
        Subject::Request(_) | Subject::Stranger { .. } => Vec::new(),
    }
}

/// Whose books may tell of it.
fn books(subject: &Subject, sellers: &[seller::Model]) -> Vec<Scope> {
    let accounts = sellers.iter().filter_map(|seller| seller.stripe_account_id.clone());
    let mut books: BTreeSet<Scope> = accounts.map(Scope::Connected).collect();
    books.insert(subject.scope());
    if matches!(subject, Subject::Order(..)) {
        // The commission is the platform's, whoever's the charge is.
        books.insert(Scope::Platform);
    }
    books.into_iter().collect()
}
