//! What can be asked for: creating, copying, attaching to customers.

use super::{Instrument, PaymentMethod};
use crate::{
    protocol::{
        call::{Answer, Call},
        error::StripeError,
        list::Page,
    },
    resources::customer::{self, Customer},
    store::Tx,
};

pub(super) fn create(call: &mut Call<'_, '_>) -> Answer {
    if let Some(id) = call.params.text("payment_method")? {
        return copy(call, &id);
    }
    let mut params = std::mem::take(&mut call.params);
    let method = PaymentMethod::read_new(call, &mut params)?;
    params.finish()?;
    Ok(method.render(call.tx.tables))
}

/// A card saved on the platform, for a direct charge on a connected account.
fn copy(call: &mut Call<'_, '_>, id: &str) -> Answer {
    let customer = call.params.text("customer")?;
    call.finish()?;
    let original = call.tx.get::<PaymentMethod>(id).filter(|found| found.account == call.platform).cloned();
    let Some(original) = original.filter(|_| call.scope != call.platform && !call.is_publishable()) else {
        return Err(StripeError::no_such_param("PaymentMethod", id, "payment_method"));
    };
    original.check_payer(customer.as_deref())?;
    let copied = PaymentMethod {
        id: call.tx.new_id("pm"),
        account: call.scope.clone(),
        customer: None,
        created: call.tx.now(),
        ..original
    };
    call.tx.put(copied.clone());
    Ok(copied.render(call.tx.tables))
}

pub(super) fn retrieve(call: &mut Call<'_, '_>) -> Answer {
    call.finish()?;
    let id = call.arg(0);
    if super::instrument_of_token(call.tx, &id).is_some() {
        let method = PaymentMethod::usable(call, &id, "payment_method")?;
        return Ok(method.render(call.tx.tables));
    }
    let method = call.owned::<PaymentMethod>(&id)?;
    Ok(method.render(call.tx.tables))
}

pub(super) fn update(call: &mut Call<'_, '_>) -> Answer {
    let mut method = call.owned::<PaymentMethod>(&call.arg(0))?;
    let before = method.render(call.tx.tables);
    call.params.metadata(&mut method.metadata)?;
    if call.params.has("billing_details") {
        method.billing = super::BillingDetails::read(&mut call.params)?;
    }
    read_particulars(call, &mut method)?;
    if let Some(allowed) = call.params.choice("allow_redisplay", super::REDISPLAY)? {
        method.allow_redisplay = Some(allowed);
    }
    call.finish()?;
    if method.customer.is_none() {
        let message = "You must save this PaymentMethod to a customer before you can update it.";
        return Err(StripeError::refused("payment_method_unexpected_state", message));
    }
    call.tx.put(method.clone());
    let after = method.render(call.tx.tables);
    call.tx.emit_change(&method.account, "payment_method.updated", &before, &after);
    Ok(after)
}

/// What an update may change of a card or an account.
fn read_particulars(call: &mut Call<'_, '_>, method: &mut PaymentMethod) -> Result<(), StripeError> {
    for kind in ["card", "us_bank_account"] {
        let Some(mut hash) = call.params.hash(kind)? else { continue };
        match &mut method.instrument {
            Instrument::Card(card) if kind == "card" => {
                card.exp_month = hash.int("exp_month")?.unwrap_or(card.exp_month);
                card.exp_year = hash.int("exp_year")?.unwrap_or(card.exp_year);
                hash.ignore(&["networks"]);
            }
            Instrument::UsBankAccount(account) if kind == "us_bank_account" => account.update(&mut hash)?,
            other => {
                let message = format!("This PaymentMethod is a {}, not a {kind}.", other.kind());
                return Err(StripeError::invalid(message, kind));
            }
        }
        hash.finish()?;
    }
    Ok(())
}

pub(super) fn attach(call: &mut Call<'_, '_>) -> Answer {
    let customer = call.params.required("customer")?;
    call.params.ignore(&["customer_account"]);
    call.finish()?;
    let customer = customer::referenced(call, &customer)?.id;
    let id = call.arg(0);
    let method = if super::instrument_of_token(call.tx, &id).is_some() {
        PaymentMethod::usable(call, &id, "payment_method")?
    } else {
        call.owned::<PaymentMethod>(&id)?
    };
    if method.customer.as_ref().is_some_and(|own| *own != customer) {
        let message = "The payment method you provided has already been attached to a customer.";
        return Err(StripeError::refused("payment_method_unexpected_state", message));
    }
    method.check_saving()?;
    let method = attach_to(call.tx, method, &customer);
    Ok(method.render(call.tx.tables))
}

/// Saves a card for a customer.
pub(crate) fn attach_to(tx: &mut Tx<'_>, method: PaymentMethod, customer: &str) -> PaymentMethod {
    if method.customer.as_deref() == Some(customer) {
        return method;
    }
    let attached = PaymentMethod { customer: Some(customer.to_owned()), ..method };
    tx.put(attached.clone());
    let object = attached.render(tx.tables);
    tx.emit(&attached.account, "payment_method.attached", &object);
    attached
}

pub(super) fn detach(call: &mut Call<'_, '_>) -> Answer {
    call.finish()?;
    let method = call.owned::<PaymentMethod>(&call.arg(0))?;
    if method.customer.is_none() {
        let message =
            "The payment method you provided is not attached to a customer so detachment is impossible.";
        return Err(StripeError::refused("payment_method_unexpected_state", message));
    }
    let detached = detach_from(call.tx, method);
    Ok(detached.render(call.tx.tables))
}

/// Takes a method from its customer.
pub(crate) fn detach_from(tx: &mut Tx<'_>, method: PaymentMethod) -> PaymentMethod {
    let before = method.render(tx.tables);
    let detached = PaymentMethod { customer: None, ..method };
    tx.put(detached.clone());
    let after = detached.render(tx.tables);
    tx.emit_change(&detached.account, "payment_method.detached", &before, &after);
    detached
}

pub(super) fn list(call: &mut Call<'_, '_>) -> Answer {
    let customer = call.params.text("customer")?;
    let key = match customer {
        Some(id) => customer::referenced(call, &id)?.id,
        None => call.scope.clone(),
    };
    page(call, &key)
}

pub(super) fn list_of_customer(call: &mut Call<'_, '_>) -> Answer {
    let customer = call.owned::<Customer>(&call.arg(0))?;
    page(call, &customer.id)
}

/// The methods of a customer, or all that belong to one.
fn page(call: &mut Call<'_, '_>, key: &str) -> Answer {
    let kind = call.params.text("type")?;
    let redisplay = call.params.choice("allow_redisplay", super::REDISPLAY)?;
    call.params.ignore(&["customer_account"]);
    let page = Page::read(&mut call.params)?;
    let scope = call.scope.clone();
    page.of::<PaymentMethod>(
        call,
        key,
        |method| {
            method.account == scope
                && method.customer.is_some()
                && kind.as_deref().is_none_or(|kind| kind == method.instrument.kind())
                && (redisplay.is_none() || redisplay == method.allow_redisplay)
        },
        |tables, method| method.render(tables),
    )
}

pub(super) fn retrieve_of_customer(call: &mut Call<'_, '_>) -> Answer {
    call.finish()?;
    let (customer, id) = (call.owned::<Customer>(&call.arg(0))?, call.arg(1));
    let method = call.owned::<PaymentMethod>(&id)?;
    if method.customer.as_ref() == Some(&customer.id) {
        Ok(method.render(call.tx.tables))
    } else {
        Err(StripeError::no_such("PaymentMethod", &id))
    }
}
