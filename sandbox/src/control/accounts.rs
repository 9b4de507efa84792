//! What happens to accounts and payouts from outside: Stripe asks for more, a seller leaves, a bank returns money.

use std::collections::BTreeMap;

use poem::http::StatusCode;
use serde::Deserialize;

use super::{Answer, Refused, bad, connected, platform_account, read};
use crate::{
    due,
    json::{Value, json},
    resources::{
        account::{self, Account, Raised, RaisedAs},
        capability::{Capability, Status},
        payout::{self, Payout, Status as PayoutStatus},
    },
    server::Shared,
    store::Tx,
};

/// Stripe's lists, by requirement. What is currently due is overdue when the clock has passed `deadline_seconds`;
/// what is due in future becomes currently due then. `met` takes requirements back.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Requirements {
    currently_due: Vec<String>,
    eventually_due: Vec<String>,
    past_due: Vec<String>,
    pending_verification: Vec<String>,
    future_due: Vec<String>,
    met: Vec<String>,
    deadline_seconds: Option<i64>,
}

pub(super) fn requirements(shared: &Shared, platform: Option<&str>, id: &str, body: &[u8]) -> Answer {
    let given: Requirements = read(body)?;
    change(shared, platform, id, |tx, account| {
        let deadline_ms = given.deadline_seconds.map(|seconds| tx.now_ms + seconds * 1000);
        let lists = [
            (given.eventually_due, RaisedAs::EventuallyDue, None),
            (given.currently_due, RaisedAs::CurrentlyDue, deadline_ms),
            (given.past_due, RaisedAs::PastDue, None),
            (given.pending_verification, RaisedAs::PendingVerification, None),
            (given.future_due, RaisedAs::Future, deadline_ms),
        ];
        let raised = lists.into_iter().flat_map(|(names, state, deadline_ms)| {
            names.into_iter().map(move |name| Raised { name, state, deadline_ms })
        });
        // Stripe tells of what is no longer asked for, too.
        let before = account.render(tx.tables);
        account::satisfy(tx, &account.id, &given.met);
        account::refresh(tx, &account.id, &before);
        let raised = raised.collect();
        account::raise(tx, &account.id, raised);
    })
}

pub(super) fn capabilities(shared: &Shared, platform: Option<&str>, id: &str, body: &[u8]) -> Answer {
    let given: BTreeMap<String, Option<Status>> = read(body)?;
    if let Some(name) = given.keys().find(|name| !Capability::NAMES.contains(&name.as_str())) {
        return Err(bad(format!("There is no capability {name}")));
    }
    change(shared, platform, id, |tx, account| {
        let before = account.render(tx.tables);
        let (id, now) = (account.id.clone(), tx.now());
        let mut account = account;
        for (name, status) in given {
            if status == Some(Status::Unrequested) {
                account.request_capability(&name, false, now);
                continue;
            }
            account.request_capability(&name, true, now);
            if let Some(capability) = account.capabilities.get_mut(&name) {
                capability.forced = status;
            }
        }
        tx.put(account);
        account::refresh(tx, &id, &before);
    })
}

pub(super) fn deauthorize(shared: &Shared, platform: Option<&str>, id: &str) -> Answer {
    change(shared, platform, id, account::leave)
}

/// Does something to a connected account, and answers with what it became.
fn change(
    shared: &Shared,
    platform: Option<&str>,
    id: &str,
    work: impl FnOnce(&mut Tx<'_>, Account),
) -> Answer {
    let mut world = shared.world();
    due::catch_up(&mut world);
    let account = connected(&world, platform, id)?;
    let changed = world.quietly(|tx| {
        work(tx, account);
        tx.get::<Account>(id).map_or(Value::Null, |account| account.render(tx.tables))
    });
    drop(world);
    shared.wake_deliveries();
    Ok(changed)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Failure {
    failure_code: String,
}

impl Default for Failure {
    fn default() -> Self {
        Self { failure_code: "could_not_process".into() }
    }
}

pub(super) fn fail_payout(shared: &Shared, platform: Option<&str>, id: &str, body: &[u8]) -> Answer {
    let given: Failure = read(body)?;
    let mut world = shared.world();
    due::catch_up(&mut world);
    let tenant = platform_account(&world, platform)?;
    let payout = world.tables.get::<Payout>(id).filter(|payout| {
        let owner = world.tables.get::<Account>(&payout.account);
        tenant.is_none_or(|tenant| owner.is_some_and(|owner| owner.platform == tenant))
    });
    let payout =
        payout.cloned().ok_or_else(|| Refused(StatusCode::NOT_FOUND, format!("No such payout: {id}")))?;
    if matches!(payout.status, PayoutStatus::Failed | PayoutStatus::Canceled) {
        return Err(bad("this payout came back already"));
    }
    let failed = world.quietly(|tx| {
        payout::fail(tx, payout, &given.failure_code);
        tx.get::<Payout>(id).map(|payout| payout.render(tx.tables))
    });
    drop(world);
    shared.wake_deliveries();
    Ok(json!(failed))
}
