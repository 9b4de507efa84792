//! Reading events back, scope by scope.

use std::collections::BTreeSet;

use crate::{
    events::Event,
    protocol::{
        call::{Answer, Call},
        error::StripeError,
        list::{Page, Range},
        route::Route,
    },
    webhooks::Delivery,
};

pub(crate) const ROUTES: &[Route] =
    &[Route::get("/v1/events", list), Route::get("/v1/events/{id}", retrieve)];

/// How many types one list may ask for.
const MOST_TYPES: usize = 20;

fn retrieve(call: &mut Call<'_, '_>) -> Answer {
    call.finish()?;
    let event = call.owned::<Event>(&call.arg(0))?;
    Ok(event.render(call.tx.tables))
}

fn list(call: &mut Call<'_, '_>) -> Answer {
    let created = Range::read(&mut call.params, "created")?;
    let kind = call.params.text("type")?;
    let kinds = call.params.texts("types")?;
    let delivered = call.params.boolean("delivery_success")?;
    let page = Page::read(&mut call.params)?;
    if kind.is_some() && kinds.is_some() {
        let message = "You may only specify one of these parameters: type, types.";
        return Err(StripeError::invalid(message, "types"));
    }
    if kinds.as_ref().is_some_and(|kinds| kinds.len() > MOST_TYPES) {
        return Err(StripeError::invalid(format!("You can list up to {MOST_TYPES} types."), "types"));
    }
    let undelivered: BTreeSet<String> = match delivered {
        Some(_) => {
            call.tx.tables.list::<Delivery>(&call.platform).map(|delivery| delivery.event.clone()).collect()
        }
        None => BTreeSet::new(),
    };
    let scope = call.scope.clone();
    page.of::<Event>(
        call,
        &scope,
        |event| {
            created.holds(event.created)
                && kind.as_deref().is_none_or(|kind| matches_type(kind, &event.kind))
                && kinds.as_ref().is_none_or(|kinds| kinds.iter().any(|kind| matches_type(kind, &event.kind)))
                && delivered.is_none_or(|delivered| delivered != undelivered.contains(&event.id))
        },
        |tables, event| event.render(tables),
    )
}

/// `charge.*` stands for all that begins with `charge.`.
fn matches_type(wanted: &str, kind: &str) -> bool {
    match wanted.strip_suffix('*') {
        Some(prefix) => kind.starts_with(prefix),
        None => wanted == kind,
    }
}
