//! Changing a session while it is open.

use super::{Session, Status, line_item};
use crate::{
    json::{Value, json},
    protocol::{
        call::{Answer, Call},
        error::StripeError,
    },
    resources::{address::Address, payment_intent},
};

pub(super) fn update(call: &mut Call<'_, '_>) -> Answer {
    let mut session = call.owned::<Session>(&call.arg(0))?;
    call.params.metadata(&mut session.metadata)?;
    let known = session.items.clone();
    let items = line_item::read(call, &known)?;
    let collected = read_collected(call)?;
    call.params.ignore(&["shipping_options"]);
    call.finish()?;
    if session.status != Status::Open && (items.is_some() || collected.is_some()) {
        let message = format!(
            "This Checkout Session cannot be updated because it has a status of {}.",
            session.status.as_str()
        );
        return Err(StripeError::refused("status_transition_invalid", message));
    }
    if let Some(details) = collected {
        session.appearance.shipping_details = Some(details);
    }
    if let Some(items) = items {
        if items.is_empty() || items.first().map(|item| item.currency) != session.currency {
            let message = "The line items must be in the currency of the session, and at least one.";
            return Err(StripeError::invalid(message, "line_items"));
        }
        session.items = items;
        let total = session.total();
        if let Some(terms) = &mut session.terms {
            payment_intent::check_amount(total, terms.currency)
                .map_err(|error| error.with_param("line_items"))?;
            terms.amount = total;
            payment_intent::check_parties(call, terms)?;
        }
    }
    call.tx.put(session.clone());
    Ok(session.render(call.tx.tables))
}

/// `collected_information[shipping_details]`
fn read_collected(call: &mut Call<'_, '_>) -> Result<Option<Value>, StripeError> {
    let Some(mut collected) = call.params.hash("collected_information")? else { return Ok(None) };
    let details = match collected.hash("shipping_details")? {
        Some(mut details) => {
            let name = details.required("name")?;
            let param = details.name_of("address");
            let address =
                Address::read(&mut details, "address")?.ok_or_else(|| StripeError::missing(&param))?;
            details.finish()?;
            Some(json!({ "address": address, "name": name }))
        }
        None => None,
    };
    collected.finish()?;
    Ok(details)
}
