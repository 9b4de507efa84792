//! External accounts, operation by operation.

use super::{
    ExternalAccount, add, displace_default,
    read::{CARD_HOLDER, NewAccount, read_new},
};
use crate::{
    json::json,
    protocol::{
        call::{Answer, Call},
        error::StripeError,
        list::Page,
        params::Metadata,
        route::Route,
        shape::{Kept, Shape},
    },
    resources::{
        account::{self, Account},
        person::FILES,
    },
    store::{Record, Tx},
};

pub(crate) const ROUTES: &[Route] = &[
    Route::get("/v1/accounts/{account}/external_accounts", list),
    Route::post("/v1/accounts/{account}/external_accounts", create),
    Route::get("/v1/accounts/{account}/external_accounts/{id}", retrieve),
    Route::post("/v1/accounts/{account}/external_accounts/{id}", update),
    Route::delete("/v1/accounts/{account}/external_accounts/{id}", delete),
];

fn list(call: &mut Call<'_, '_>) -> Answer {
    let kind = call.params.choice("object", &["bank_account", "card"])?;
    let page = Page::read(&mut call.params)?;
    let account = call.account(&call.arg(0))?;
    let cards_wanted = kind.map(|kind| kind == "card");
    page.of::<ExternalAccount>(
        call,
        &account.id,
        |found| cards_wanted.is_none_or(|wanted| wanted == found.card.is_some()),
        |tables, found| found.render(tables),
    )
}

fn create(call: &mut Call<'_, '_>) -> Answer {
    let account = call.account(&call.arg(0))?;
    let before = account.render(call.tx.tables);
    let default = call.params.boolean("default_for_currency")?;
    let mut metadata = Metadata::new();
    call.params.metadata(&mut metadata)?;
    let new =
        read_new(&mut call.params, &account)?.ok_or_else(|| StripeError::missing("external_account"))?;
    call.finish()?;
    metadata.extend(new.metadata.clone());
    let default = default.unwrap_or(new.default);
    let added = add(call.tx, &account.id, NewAccount { metadata, default, ..new });
    account::satisfy(call.tx, &account.id, &["external_account".to_owned()]);
    account::refresh(call.tx, &account.id, &before);
    Ok(added.render(call.tx.tables))
}

fn retrieve(call: &mut Call<'_, '_>) -> Answer {
    call.finish()?;
    let (_, found) = named(call)?;
    Ok(found.render(call.tx.tables))
}

fn update(call: &mut Call<'_, '_>) -> Answer {
    let (account, mut changed) = named(call)?;
    let (shown, before) = (account.render(call.tx.tables), changed.render(call.tx.tables));
    // 1. What both have.
    let params = &mut call.params;
    params.metadata(&mut changed.metadata)?;
    let default = params.boolean("default_for_currency")?;
    params.keep(
        &[("documents", Shape::Hash(&[("bank_account_ownership_verification", FILES)]))],
        &mut Kept::new(),
    )?;

    // 2. What only one of them has; of the other it is taken and forgotten, as Stripe does.
    params.change("account_holder_name")?.apply(&mut changed.holder_name);
    if params.has("account_holder_type") {
        changed.holder_type = params.choice("account_holder_type", &["company", "individual"])?;
    }
    let kinds = &["checking", "futsu", "savings", "toza"];
    changed.account_type = params.choice("account_type", kinds)?.or(changed.account_type);
    let (month, year) = (params.int("exp_month")?, params.int("exp_year")?);
    match &mut changed.card {
        Some(card) => {
            card.exp_month = month.unwrap_or(card.exp_month);
            card.exp_year = year.unwrap_or(card.exp_year);
            params.keep(CARD_HOLDER, &mut card.kept)?;
        }
        None => params.keep(CARD_HOLDER, &mut Kept::new())?,
    }
    call.finish()?;

    // 3. One default for each currency.
    if default == Some(true) && !changed.is_default {
        displace_default(call.tx, &account.id, changed.currency);
        changed.is_default = true;
    }
    call.tx.put(changed.clone());
    let after = changed.render(call.tx.tables);
    call.tx.emit_change(&account.id, "account.external_account.updated", &before, &after);
    account::announce(call.tx, &account.id, &shown);
    Ok(after)
}

fn delete(call: &mut Call<'_, '_>) -> Answer {
    call.finish()?;
    let (account, found) = named(call)?;
    if found.is_default && found.currency == account.default_currency {
        let message = "You cannot delete the default external account for your default currency. Please make another \
                       external account the default using the `default_for_currency` param, and then delete this one.";
        return Err(StripeError::invalid(message, "id"));
    }
    let (shown, gone) = (account.render(call.tx.tables), found.render(call.tx.tables));
    call.tx.remove::<ExternalAccount>(&found.id);
    inherit_default(call.tx, &account.id, &found);
    call.tx.emit(&account.id, "account.external_account.deleted", &gone);
    account::refresh(call.tx, &account.id, &shown);
    Ok(json!({ "id": found.id, "object": gone["object"], "currency": found.currency, "deleted": true }))
}

/// The oldest that is left of the currency takes the place of a default that went.
fn inherit_default(tx: &mut Tx<'_>, account: &str, gone: &ExternalAccount) {
    if !gone.is_default {
        return;
    }
    let heir =
        tx.tables.list::<ExternalAccount>(account).find(|other| other.currency == gone.currency).cloned();
    if let Some(heir) = heir {
        tx.put(ExternalAccount { is_default: true, ..heir });
    }
}

/// The account of the path, and what it names there.
fn named(call: &Call<'_, '_>) -> Result<(Account, ExternalAccount), StripeError> {
    let (account, id) = (call.account(&call.arg(0))?, call.arg(1));
    let found = call.tx.get::<ExternalAccount>(&id).filter(|found| found.account == account.id).cloned();
    let found = found.ok_or_else(|| StripeError::no_such(ExternalAccount::NOUN, &id))?;
    Ok((account, found))
}
