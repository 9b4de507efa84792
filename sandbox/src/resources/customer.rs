//! Customers.

use serde::{Deserialize, Serialize};

use super::{
    address::Address,
    payment_method::{self, PaymentMethod},
};
use crate::{
    json::{Value, json},
    protocol::{
        call::{Answer, Call},
        error::StripeError,
        list::{Page, Range},
        params::{Metadata, Params},
        route::Route,
    },
    store::{Record, Tables, Tx},
};

pub(crate) const ROUTES: &[Route] = &[
    Route::get("/v1/customers", list),
    Route::post("/v1/customers", create),
    Route::get("/v1/customers/{id}", retrieve),
    Route::post("/v1/customers/{id}", update),
    Route::delete("/v1/customers/{id}", delete),
];

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Customer {
    pub(crate) id: String,
    pub(crate) account: String,
    name: Option<String>,
    email: Option<String>,
    phone: Option<String>,
    description: Option<String>,
    address: Option<Address>,
    shipping: Option<Value>,
    default_payment_method: Option<String>,
    metadata: Metadata,
    #[serde(default)]
    invoicing: Invoicing,
    deleted: bool,
    created: i64,
}

/// What invoices would need: kept and shown, as the sandbox writes none.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Invoicing {
    /// In minor units; below zero the customer has credit.
    balance: i64,
    business_name: Option<String>,
    individual_name: Option<String>,
    prefix: Option<String>,
    next_sequence: Option<i64>,
    preferred_locales: Vec<String>,
    /// `none | exempt | reverse`
    tax_exempt: Option<String>,
}

impl Invoicing {
    fn read(&mut self, params: &mut Params) -> Result<(), StripeError> {
        self.balance = params.int("balance")?.unwrap_or(self.balance);
        params.change("business_name")?.apply(&mut self.business_name);
        params.change("individual_name")?.apply(&mut self.individual_name);
        self.prefix = params.text("invoice_prefix")?.or(self.prefix.take());
        self.next_sequence = params.int("next_invoice_sequence")?.or(self.next_sequence);
        self.preferred_locales =
            params.texts("preferred_locales")?.unwrap_or(std::mem::take(&mut self.preferred_locales));
        let exempt = params.choice("tax_exempt", &["exempt", "none", "reverse"])?;
        self.tax_exempt = exempt.or(self.tax_exempt.take());
        Ok(())
    }
}

impl Record for Customer {
    const NOUN: &'static str = "customer";

    fn id(&self) -> &str {
        &self.id
    }

    fn owner(&self) -> &str {
        &self.account
    }
}

impl Customer {
    pub(crate) fn email(&self) -> Option<&str> {
        self.email.as_deref()
    }

    pub(crate) fn render(&self, _: &Tables) -> Value {
        if self.deleted {
            return json!({ "id": self.id, "object": "customer", "deleted": true });
        }
        let mut customer = json!({
            "id": self.id,
            "object": "customer",
            "address": self.address,
            "balance": self.invoicing.balance,
            "created": self.created,
            "currency": null,
            "customer_account": null,
            "default_source": null,
            "delinquent": false,
            "description": self.description,
            "discount": null,
            "email": self.email,
            "invoice_prefix": self.invoicing.prefix.clone().unwrap_or_else(|| self.id.chars().rev().take(8).collect::<String>().to_ascii_uppercase()),
            "invoice_settings": {
                "custom_fields": null,
                "default_payment_method": self.default_payment_method,
                "footer": null,
                "rendering_options": null,
            },
            "livemode": false,
            "metadata": self.metadata,
            "name": self.name,
            "next_invoice_sequence": self.invoicing.next_sequence.unwrap_or(1),
            "phone": self.phone,
            "preferred_locales": self.invoicing.preferred_locales,
            "shipping": self.shipping,
            "tax_exempt": self.invoicing.tax_exempt.as_deref().unwrap_or("none"),
            "test_clock": null,
        });
        let names = [
            ("business_name", &self.invoicing.business_name),
            ("individual_name", &self.invoicing.individual_name),
        ];
        for (field, name) in names {
            if let Some(name) = name {
                customer[field] = json!(name);
            }
        }
        customer
    }

    fn read(&mut self, params: &mut Params) -> Result<(), StripeError> {
        params.change("name")?.apply(&mut self.name);
        params.change("email")?.apply(&mut self.email);
        params.change("phone")?.apply(&mut self.phone);
        params.change("description")?.apply(&mut self.description);
        params.metadata(&mut self.metadata)?;
        if params.has("address") {
            self.address = Address::read(params, "address")?;
        }
        if let Some(shipping) = params.json("shipping") {
            self.shipping =
                Some(shipping).filter(Value::is_object).map(super::payment_intent::complete_shipping);
        }
        if let Some(mut invoices) = params.hash("invoice_settings")? {
            invoices.change("default_payment_method")?.apply(&mut self.default_payment_method);
            invoices.ignore(&["custom_fields", "footer", "rendering_options"]);
            invoices.finish()?;
        }
        self.invoicing.read(params)?;
        params.ignore(&["cash_balance", "default_source", "source", "tax", "test_clock", "validate"]);
        Ok(())
    }
}

/// A customer that is not deleted, named by a parameter.
pub(crate) fn referenced(call: &Call<'_, '_>, id: &str) -> Result<Customer, StripeError> {
    let customer = call.referenced::<Customer>(id, "customer")?;
    if customer.deleted {
        return Err(StripeError::no_such_param("customer", id, "customer"));
    }
    Ok(customer)
}

/// A customer that Checkout makes of a buyer; answers with its id.
pub(crate) fn add(tx: &mut Tx<'_>, account: &str, email: &str, name: &str) -> String {
    let id = tx.new_id("cus");
    let mut customer = new(id.clone(), account, tx.now());
    customer.email = Some(email.to_owned());
    customer.name = Some(name.to_owned());
    tx.put(customer.clone());
    let object = customer.render(tx.tables);
    tx.emit(account, "customer.created", &object);
    id
}

fn new(id: String, account: &str, created: i64) -> Customer {
    Customer {
        id,
        account: account.to_owned(),
        name: None,
        email: None,
        phone: None,
        description: None,
        address: None,
        shipping: None,
        default_payment_method: None,
        metadata: Metadata::new(),
        invoicing: Invoicing::default(),
        deleted: false,
        created,
    }
}

fn create(call: &mut Call<'_, '_>) -> Answer {
    let id = call.tx.new_id("cus");
    let mut customer = new(id, &call.scope, call.tx.now());
    customer.read(&mut call.params)?;
    call.params.ignore(&["tax_id_data"]);
    let payment_method = call.params.text("payment_method")?;
    call.finish()?;
    call.tx.put(customer.clone());
    if let Some(id) = payment_method {
        let method = PaymentMethod::usable(call, &id, "payment_method")?;
        method.check_payer(Some(&customer.id))?;
        method.check_saving()?;
        payment_method::attach_to(call.tx, method, &customer.id);
    }
    let object = customer.render(call.tx.tables);
    call.tx.emit(&customer.account, "customer.created", &object);
    Ok(object)
}

fn retrieve(call: &mut Call<'_, '_>) -> Answer {
    call.finish()?;
    let customer = call.owned::<Customer>(&call.arg(0))?;
    Ok(customer.render(call.tx.tables))
}

fn update(call: &mut Call<'_, '_>) -> Answer {
    let mut customer = call.owned::<Customer>(&call.arg(0))?;
    if customer.deleted {
        return Err(StripeError::no_such("customer", &customer.id));
    }
    let before = customer.render(call.tx.tables);
    customer.read(&mut call.params)?;
    call.finish()?;
    check_default(call, &customer)?;
    call.tx.put(customer.clone());
    let after = customer.render(call.tx.tables);
    call.tx.emit_change(&customer.account, "customer.updated", &before, &after);
    Ok(after)
}

/// The default method must be one of the customer's own.
fn check_default(call: &Call<'_, '_>, customer: &Customer) -> Result<(), StripeError> {
    let Some(id) = &customer.default_payment_method else { return Ok(()) };
    let param = "invoice_settings[default_payment_method]";
    let method = call.referenced::<PaymentMethod>(id, param)?;
    if method.customer.as_ref() == Some(&customer.id) {
        return Ok(());
    }
    let message = format!(
        "The customer does not have a payment method with the ID {id}. The payment method must be attached to the customer."
    );
    Err(StripeError::invalid(message, param).with_code("resource_missing"))
}

fn list(call: &mut Call<'_, '_>) -> Answer {
    let created = Range::read(&mut call.params, "created")?;
    let email = call.params.text("email")?;
    call.params.ignore(&["test_clock"]);
    let page = Page::read(&mut call.params)?;
    let scope = call.scope.clone();
    page.of::<Customer>(
        call,
        &scope,
        |customer| {
            !customer.deleted
                && created.holds(customer.created)
                && (email.is_none() || email == customer.email)
        },
        |tables, customer| customer.render(tables),
    )
}

fn delete(call: &mut Call<'_, '_>) -> Answer {
    call.finish()?;
    let mut customer = call.owned::<Customer>(&call.arg(0))?;
    if customer.deleted {
        return Err(StripeError::no_such("customer", &customer.id));
    }
    let object = customer.render(call.tx.tables);
    call.tx.emit(&customer.account, "customer.deleted", &object);
    customer.deleted = true;
    call.tx.put(customer.clone());
    let saved: Vec<PaymentMethod> = call.tx.tables.list::<PaymentMethod>(&customer.id).cloned().collect();
    for method in saved {
        payment_method::detach_from(call.tx, method);
    }
    Ok(customer.render(call.tx.tables))
}
