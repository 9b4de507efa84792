//! From rows to what an engineer reads.

use chrono::{DateTime, Duration, Utc};
use sea_orm::ActiveEnum;
use serde::Deserialize;
use souk_entity::{
    Currency, Money, event, idempotency_key, job, ledger_account, ledger_entry, ledger_transaction, order,
    stripe_event,
    stripe_request::{self, State},
};
use uuid::Uuid;

use super::{
    Entry, Kind, Timeline,
    collect::{Found, Posting},
    subject::Subject,
};
use crate::{
    context::Context,
    seal::SealError,
    stripe::{Expandable, ObjectRef, events::Event},
};

/// A delay beyond this is none: Stripe's clock and the wall's are not the same, as in the sandbox.
const LONGEST_DELAY: Duration = Duration::days(3);
/// Stripe's times are whole seconds: a shorter delay is not known.
const NOTEWORTHY_DELAY: Duration = Duration::seconds(2);
/// How the codes of clearing accounts begin; their key tells which it is.
const CLEARING: &str = "clearing_";

/// What of a payload may be shown, and where it leads.
#[derive(Clone, Debug, Default)]
pub(super) struct Told {
    pub(super) charge: Option<String>,
    pub(super) payment_intent: Option<String>,
    state: Option<String>,
    failure: Option<String>,
}

/// The fields of objects that states and failures are read from; nothing else leaves the payload.
#[derive(Default, Deserialize)]
struct Object {
    status: Option<String>,
    latest_charge: Option<Expandable<ObjectRef>>,
    payment_intent: Option<Expandable<ObjectRef>>,
    last_payment_error: Option<Error>,
    failure_code: Option<String>,
}

#[derive(Deserialize)]
struct Error {
    code: Option<String>,
    decline_code: Option<String>,
}

impl Told {
    /// What an event tells.
    pub(super) fn by(ctx: &Context, event: &stripe_event::Model) -> Result<Self, SealError> {
        let payload = ctx.seal.open(&event.id, &event.payload_sealed)?;
        let Ok(envelope) = serde_json::from_slice::<Event>(&payload) else { return Ok(Self::default()) };
        let object: Object = serde_json::from_str(envelope.data.object.get()).unwrap_or_default();
        let error = object.last_payment_error.map(|error| join(&[error.code, error.decline_code], " "));
        Ok(Self {
            charge: object.latest_charge.map(|charge| charge.id().to_owned()),
            payment_intent: object.payment_intent.map(|intent| intent.id().to_owned()),
            state: object.status,
            failure: error.or(object.failure_code),
        })
    }
}

/// Puts it all in order.
pub(super) fn timeline(ctx: &Context, subject: &Subject, found: &Found) -> Result<Timeline, SealError> {
    let mut entries: Vec<Entry> = written(subject).into_iter().collect();
    for key in &found.keys {
        let request = found.requests.iter().find(|request| request.idempotency_id == Some(key.id));
        entries.push(asked(key, request));
    }
    for request in &found.requests {
        entries.push(sent(request));
        entries
            .extend(answered(request, found.keys.iter().find(|key| Some(key.id) == request.idempotency_id)));
    }
    for event in &found.events {
        entries.push(heard(event, &Told::by(ctx, event)?));
    }
    entries.extend(found.postings.iter().map(posted));
    entries.extend(found.told.iter().map(told));
    entries.extend(found.jobs.iter().map(to_do));
    entries.sort_by_key(|entry| (entry.at.timestamp_millis(), entry.kind));
    Ok(Timeline { title: title(subject), facts: facts(subject, found), attention: attention(found), entries })
}

fn title(subject: &Subject) -> String {
    match subject {
        Subject::Order(order, _) => {
            format!("{}: {}, {}", order.id, order.status.to_value(), order.total())
        }
        Subject::Payout(payout) => {
            format!("{}: {}, {}", payout.id, payout.status.to_value(), money(payout.amount, payout.currency))
        }
        Subject::Seller(seller) => format!("{}: {}", seller.id, seller.status.to_value()),
        Subject::Request(request) => format!("{}: {}", request.id, request.state.to_value()),
        Subject::Stranger { object_id, .. } => format!("{object_id}: of nothing that was made here"),
    }
}

fn facts(subject: &Subject, found: &Found) -> Vec<(&'static str, String)> {
    let mut facts = Vec::new();
    match subject {
        Subject::Order(order, shares) => {
            facts.extend(order.buyer_id.map(|buyer| ("buyer", buyer.to_string())));
            facts.push(("payment", payment(order)));
            facts.extend(
                (order.charge_model == order::ChargeModel::Separate)
                    .then(|| ("release", order.release_type.to_value())),
            );
            facts.extend(order.stripe_charge_id.clone().map(|charge| ("charge", charge)));
            let failure = join(&[order.decline_error.clone(), order.decline_code.clone()], " ");
            facts.extend((!failure.is_empty()).then_some(("declined", failure)));
            for share in shares {
                let sum = money(share.net, share.currency);
                let by =
                    share.stripe_transfer_id.as_deref().map_or_else(String::new, |id| format!(" by {id}"));
                let held = share.hold_reason.as_deref().map_or_else(String::new, |why| format!(", {why}"));
                facts.push((
                    "share",
                    format!("{} of {}: {}{by}{held}", sum, share.seller_id, share.state.to_value()),
                ));
            }
        }
        Subject::Payout(payout) => {
            facts.extend(payout.stripe_payout_id.clone().map(|id| ("payout", id)));
            let failure = join(&[payout.failure_code.clone(), payout.failure_message.clone()], ": ");
            facts.extend((!failure.is_empty()).then_some(("failed", failure)));
        }
        Subject::Request(request) => facts.push(("for", request.subject.clone())),
        Subject::Stranger { scope, .. } => facts.push(("scope", scope.to_string())),
        Subject::Seller(seller) => {
            let yes = |yes: bool| if yes { "yes" } else { "no" };
            facts.push(("charges", yes(seller.charges_enabled).to_owned()));
            facts.push(("payouts", yes(seller.payouts_enabled).to_owned()));
            let reason = seller.requirements.get("disabled_reason").and_then(|reason| reason.as_str());
            facts.extend(reason.map(|reason| ("disabled", reason.to_owned())));
        }
    }
    for seller in &found.sellers {
        let account = seller.stripe_account_id.as_ref().map_or("no account yet", |account| account.as_str());
        facts.push(("seller", format!("{}, {account}", seller.id)));
    }
    for payout in &found.payouts {
        let sum = money(payout.amount, payout.currency);
        facts.push(("paid out", format!("{} {sum}: {}", payout.id, payout.status.to_value())));
    }
    facts
}

fn payment(order: &order::Model) -> String {
    let intent = order.stripe_payment_intent_id.as_deref().unwrap_or("no intent yet");
    let status = order.payment_status.as_deref().map_or_else(String::new, |status| format!(", {status}"));
    format!("{intent} of {}{status}", order.payment_scope)
}

/// What is not done, and would not be seen among what is.
fn attention(found: &Found) -> Vec<String> {
    let requests = found.requests.iter().filter_map(|request| {
        let why = join(&[request.error_code.clone(), request.error_message.clone()], ": ");
        match request.state {
            State::Unknown => Some(format!(
                "HELD {} of {}: {why}. Nobody can tell whether Stripe did it; an event of Stripe's or a person ends it",
                request.kind, request.subject
            )),
            State::Pending => {
                let next = request.next_at.format("%H:%M:%S");
                let tried = times(request.attempts);
                Some(format!("WAITS {} of {}: sent {tried}, next at {next}; {why}", request.kind, request.subject))
            }
            State::Succeeded | State::Refused => None,
        }
    });
    let events = found.events.iter().filter_map(|event| {
        let word = match event.state {
            stripe_event::State::Dead => "DEAD",
            stripe_event::State::Waiting | stripe_event::State::Pending => "WAITS",
            _ => return None,
        };
        let reason = event.reason.as_deref().unwrap_or("not handled yet");
        Some(format!("{word} {} {}: {reason}", event.event_type, event.id))
    });
    let jobs = found.jobs.iter().map(|job| {
        let word = if job.state == job::State::Dead { "DEAD" } else { "WAITS" };
        let reason = job.last_error.as_deref().unwrap_or("not run yet");
        format!("{word} job {} of {}: {reason}", job.kind, job.key)
    });
    requests.chain(events).chain(jobs).collect()
}

fn written(subject: &Subject) -> Option<Entry> {
    let (id, text) = match subject {
        Subject::Order(order, shares) => {
            let commission: i64 = shares.iter().map(|share| share.commission).sum();
            let commission = money(commission, order.currency);
            let model = order.charge_model.to_value();
            (order.id.uuid(), format!("order over {}, {commission} of it commission, {model}", order.total()))
        }
        Subject::Payout(payout) => {
            let sum = money(payout.amount, payout.currency);
            (payout.id.uuid(), format!("payout of {sum}, {}, from {}", payout.method, payout.scope))
        }
        Subject::Seller(seller) => {
            let kind = seller.account_type.to_value();
            (seller.id.uuid(), format!("seller in {}, {kind}", seller.country))
        }
        Subject::Request(_) | Subject::Stranger { .. } => return None,
    };
    Some(Entry { at: made_at(id)?, kind: Kind::Written, text, details: Vec::new() })
}

fn asked(key: &idempotency_key::Model, request: Option<&stripe_request::Model>) -> Entry {
    let mut details = vec![format!("Idempotency-Key {:?}", key.key)];
    let named = request.and_then(|request| request.caller_request_id.as_deref());
    details.extend(named.map(|id| format!("request {id} in our logs")));
    Entry { at: key.created_at, kind: Kind::Asked, text: format!("by {}", key.caller), details }
}

fn sent(request: &stripe_request::Model) -> Entry {
    let mut details = vec![
        format!("{}, to Stripe as {}", request.id, request.id.uuid().hyphenated()),
        format!(
            "{} {} of {}, version {}",
            request.method, request.path, request.scope, request.stripe_version
        ),
    ];
    details.extend(request.waits_for.map(|first| format!("after {first}, which makes what it names")));
    details.extend(request.retry_of.map(|earlier| format!("instead of {earlier}, which never took effect")));
    Entry { at: request.created_at, kind: Kind::Sent, text: request.kind.clone(), details }
}

fn answered(request: &stripe_request::Model, key: Option<&idempotency_key::Model>) -> Option<Entry> {
    let made = request.stripe_object_id.as_deref().map_or_else(String::new, |id| format!(", {id}"));
    let text = format!("{} {}{made}", request.kind, request.state.to_value());
    let mut details = Vec::new();
    let call = request.stripe_request_id.as_deref().unwrap_or("told by an event");
    details.push(format!("sent {}, Stripe's request {call}", times(request.attempts)));
    if request.state == State::Refused {
        details.push(join(&[request.error_code.clone(), request.error_message.clone()], ": "));
    }
    details.extend(key.and_then(|key| key.status).map(|status| format!("the caller's answer is {status}")));
    Some(Entry { at: request.settled_at?, kind: Kind::Answered, text, details })
}

fn heard(event: &stripe_event::Model, told: &Told) -> Entry {
    let mut details = vec![format!("{} of {}", event.id, event.object_id)];
    let because = told.failure.as_ref().map(|failure| format!("because of {failure}"));
    let state = join(&[told.state.clone(), because], " ");
    details.extend((!state.is_empty()).then_some(state));
    let late = event.received_at - event.stripe_created_at;
    if (NOTEWORTHY_DELAY..LONGEST_DELAY).contains(&late) {
        details.push(format!("came {} after Stripe made it", span(late)));
    }
    let mut became = event.state.to_value();
    if let Some(done) = event.processed_at {
        became.push_str(&format!(" after {}", span(done - event.received_at)));
    }
    let tried = if event.attempts > 1 { format!(", tried {}", times(event.attempts)) } else { String::new() };
    let reason = event.reason.as_deref().map_or_else(String::new, |reason| format!(": {reason}"));
    details.push(format!("{became}{tried}{reason}"));
    Entry { at: event.received_at, kind: Kind::Event, text: event.event_type.clone(), details }
}

fn posted(posting: &Posting) -> Entry {
    let ledger_transaction::Model { id, book, source, kind, posted_at, .. } = &posting.head;
    let mut details = vec![format!("from {source}")];
    details.extend(posting.legs.iter().map(|(leg, account)| leg_of(leg, account.as_ref())));
    let at = made_at(id.uuid()).unwrap_or(*posted_at);
    Entry { at, kind: Kind::Posted, text: format!("{kind} in the book of {book}"), details }
}

/// A leg as the books' own documentation writes it: `Dr 100.00 USD  K(ch_1)`.
fn leg_of(leg: &ledger_entry::Model, account: Option<&ledger_account::Model>) -> String {
    let side = if leg.amount < 0 { "Cr" } else { "Dr" };
    let Some(account) = account else { return format!("{side} {} on {}", leg.amount.abs(), leg.account_id) };
    let sum = money(leg.amount.abs(), account.currency).to_string();
    let place = match (account.code.starts_with(CLEARING), &*leg.key) {
        (true, key) => format!("K({key})"),
        (false, "") => account.code.clone(),
        (false, key) => format!("{}({key})", account.code),
    };
    format!("{side} {sum:>14}  {place}")
}

fn told(event: &event::Model) -> Entry {
    let at = made_at(event.id.uuid()).unwrap_or(event.created_at);
    Entry { at, kind: Kind::Told, text: format!("{} as {}", event.event_type, event.id), details: Vec::new() }
}

fn to_do(job: &job::Model) -> Entry {
    let text = format!("{} of {} is {}", job.kind, job.key, job.state.to_value());
    let mut details =
        vec![format!("failed {}, due at {}", times(job.attempts), job.next_at.format("%H:%M:%S"))];
    details.extend(job.last_error.clone());
    Entry { at: job.created_at, kind: Kind::Job, text, details }
}

/// When an id was drawn: wall time, which the time in the row need not be.
fn made_at(id: Uuid) -> Option<DateTime<Utc>> {
    let (seconds, nanoseconds) = id.get_timestamp()?.to_unix();
    DateTime::from_timestamp(i64::try_from(seconds).ok()?, nanoseconds)
}

fn money(amount: i64, currency: Currency) -> Money {
    Money::new(amount, currency)
}

fn times(count: i32) -> String {
    if count == 1 { "once".to_owned() } else { format!("{count} times") }
}

/// A stretch of time, in its own unit.
pub(super) fn span(of: Duration) -> String {
    match of.num_milliseconds() {
        ms if ms < 1_000 => format!("{} ms", ms.max(0)),
        ms if ms < 120_000 => format!("{}.{} s", ms / 1_000, ms % 1_000 / 100),
        ms if ms < 7_200_000 => format!("{} min", ms / 60_000),
        ms => format!("{} h", ms / 3_600_000),
    }
}

fn join(parts: &[Option<String>], between: &str) -> String {
    parts.iter().flatten().map(String::as_str).collect::<Vec<_>>().join(between)
}
