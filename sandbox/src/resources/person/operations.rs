//! Persons, operation by operation.

use super::{Person, Relationship, read::read};
use crate::{
    json::json,
    protocol::{
        call::{Answer, Call},
        error::StripeError,
        list::Page,
        route::Route,
    },
    resources::account::{self, Account},
    store::Tx,
};

pub(crate) const ROUTES: &[Route] = &[
    Route::get("/v1/accounts/{account}/persons", list),
    Route::post("/v1/accounts/{account}/persons", create),
    Route::get("/v1/accounts/{account}/persons/{id}", retrieve),
    Route::post("/v1/accounts/{account}/persons/{id}", update),
    Route::delete("/v1/accounts/{account}/persons/{id}", delete),
];

fn create(call: &mut Call<'_, '_>) -> Answer {
    let account = connected(call)?;
    let before = account.render(call.tx.tables);
    let id = call.tx.new_id("person");
    let mut person =
        Person { id: id.clone(), account: account.id.clone(), created: call.tx.now(), ..Person::default() };
    read(&mut call.params, &mut person)?;
    call.finish()?;
    must_be_only_representative(call, &account, &person)?;
    save(call.tx, person);
    account::refresh(call.tx, &account.id, &before);
    shown(call, &id)
}

fn update(call: &mut Call<'_, '_>) -> Answer {
    let account = connected(call)?;
    let mut person = of_account(call, &account)?;
    let before = account.render(call.tx.tables);
    let id = person.id.clone();
    let prefix = if account.is_of_one_person() { "individual" } else { &id };
    let given: Vec<String> =
        call.params.dotted().into_iter().map(|name| format!("{prefix}.{name}")).collect();
    read(&mut call.params, &mut person)?;
    call.finish()?;
    must_be_only_representative(call, &account, &person)?;
    account::satisfy(call.tx, &account.id, &given);
    save(call.tx, person);
    account::refresh(call.tx, &account.id, &before);
    shown(call, &id)
}

fn delete(call: &mut Call<'_, '_>) -> Answer {
    call.finish()?;
    let account = connected(call)?;
    let person = of_account(call, &account)?;
    // Stripe: everybody but the representative can be deleted while the account needs one.
    if person.relationship.representative && account.details_submitted {
        let message = "You cannot delete the representative of an account. Make another person its representative first.";
        return Err(StripeError::invalid(message, "id"));
    }
    let before = account.render(call.tx.tables);
    let gone = person.render(call.tx.tables);
    call.tx.remove::<Person>(&person.id);
    call.tx.emit(&account.id, "person.deleted", &gone);
    account::refresh(call.tx, &account.id, &before);
    Ok(json!({ "id": person.id, "object": "person", "deleted": true }))
}

fn retrieve(call: &mut Call<'_, '_>) -> Answer {
    call.finish()?;
    let account = call.account(&call.arg(0))?;
    let person = of_account(call, &account)?;
    Ok(person.render(call.tx.tables))
}

fn list(call: &mut Call<'_, '_>) -> Answer {
    let wanted = match call.params.hash("relationship")? {
        Some(mut hash) => {
            let mut wanted = Vec::new();
            for name in ["authorizer", "director", "executive", "legal_guardian", "owner", "representative"] {
                wanted.extend(hash.boolean(name)?.map(|is| (name, is)));
            }
            hash.finish()?;
            wanted
        }
        None => Vec::new(),
    };
    let page = Page::read(&mut call.params)?;
    let account = call.account(&call.arg(0))?;
    page.of::<Person>(
        call,
        &account.id,
        |person| wanted.iter().all(|(name, is)| person.relationship.holds(name) == *is),
        |tables, person| person.render(tables),
    )
}

impl Relationship {
    fn holds(&self, name: &str) -> bool {
        match name {
            "authorizer" => self.authorizer,
            "director" => self.director,
            "executive" => self.executive,
            "legal_guardian" => self.legal_guardian,
            "owner" => self.owner,
            _ => self.representative,
        }
    }
}

/// Keeps somebody new or changed, and tells of it.
pub(crate) fn save(tx: &mut Tx<'_>, person: Person) {
    let before = tx.get::<Person>(&person.id).map(|known| known.render(tx.tables));
    let account = person.account.clone();
    tx.put(person.clone());
    let after = person.render(tx.tables);
    match before {
        Some(before) => tx.emit_change(&account, "person.updated", &before, &after),
        None => tx.emit(&account, "person.created", &after),
    }
}

fn shown(call: &Call<'_, '_>, id: &str) -> Answer {
    let person = call.tx.get::<Person>(id).ok_or_else(|| StripeError::no_such("person", id))?;
    Ok(person.render(call.tx.tables))
}

/// The account of the path. The platform keeps no persons here.
fn connected(call: &Call<'_, '_>) -> Result<Account, StripeError> {
    let account = call.account(&call.arg(0))?;
    if account.is_platform() {
        let message = "You cannot perform this request on your own account.";
        return Err(StripeError::forbidden("account_invalid", message));
    }
    Ok(account)
}

fn of_account(call: &Call<'_, '_>, account: &Account) -> Result<Person, StripeError> {
    let id = call.arg(1);
    let found = call.tx.get::<Person>(&id).filter(|person| person.account == account.id).cloned();
    found.ok_or_else(|| StripeError::no_such("person", &id))
}

fn must_be_only_representative(
    call: &Call<'_, '_>,
    account: &Account,
    person: &Person,
) -> Result<(), StripeError> {
    let other = super::representative(call.tx.tables, &account.id).filter(|other| other.id != person.id);
    if other.is_some() && person.relationship.representative {
        let message = "There can only be one person with the representative relationship on an account.";
        return Err(StripeError::invalid(message, "relationship[representative]"));
    }
    Ok(())
}
