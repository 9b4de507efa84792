//! Top-ups: money that the platform takes from its own bank into its balance.

use serde::{Deserialize, Serialize};

use crate::{
    books::{self, Draft, Outside},
    config::DAY_MS,
    due::{self, Task},
    json::{Value, json},
    money::Currency,
    protocol::{
        call::{Answer, Call},
        error::StripeError,
        list::{Page, Range},
        params::Metadata,
        route::Route,
        shape::{Fields, Kept, Shape},
    },
    resources::{account::Account, balance_transaction::Kind},
    store::{Record, Tables, Tx},
};

pub(crate) const ROUTES: &[Route] = &[
    Route::get("/v1/topups", list),
    Route::post("/v1/topups", create),
    Route::get("/v1/topups/{id}", retrieve),
    Route::post("/v1/topups/{id}", update),
    Route::post("/v1/topups/{id}/cancel", cancel),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Status {
    Pending,
    Succeeded,
    Failed,
    Canceled,
}

crate::json::as_serde!(Status);

const STATUSES: &[&str] = &["canceled", "failed", "pending", "succeeded"];

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Topup {
    pub(crate) id: String,
    pub(crate) account: String,
    pub(crate) amount: i64,
    pub(crate) currency: Currency,
    pub(crate) status: Status,
    /// What it is taken from; none for the default bank of the platform.
    source: Option<String>,
    payment_method: Option<String>,
    payment_method_options: Option<Value>,
    description: Option<String>,
    statement_descriptor: Option<String>,
    transfer_group: Option<String>,
    metadata: Metadata,
    balance_transaction: Option<String>,
    failure_code: Option<String>,
    created: i64,
    expected_ms: i64,
}

impl Record for Topup {
    const NOUN: &'static str = "topup";

    fn id(&self) -> &str {
        &self.id
    }

    fn owner(&self) -> &str {
        &self.account
    }
}

impl Topup {
    pub(crate) fn render(&self, _: &Tables) -> Value {
        json!({
            "id": self.id,
            "object": "topup",
            "amount": self.amount,
            "balance_transaction": self.balance_transaction,
            "created": self.created,
            "currency": self.currency,
            "description": self.description,
            "expected_availability_date": self.expected_ms.div_euclid(1000),
            "failure_code": self.failure_code,
            "failure_message": self.failure_code.as_deref().map(failure_message),
            "initiated_by": "user",
            "livemode": false,
            "metadata": self.metadata,
            "payment_method": self.payment_method,
            "payment_method_options": self.payment_method_options,
            "source": self.source.as_ref().map(|source| self.render_source(source)),
            "statement_descriptor": self.statement_descriptor,
            "status": self.status,
            "transfer_group": self.transfer_group,
        })
    }

    fn render_source(&self, source: &str) -> Value {
        json!({
            "id": source,
            "object": "source",
            "ach_debit": { "bank_name": "STRIPE TEST BANK", "country": "US", "last4": "6789", "type": "individual" },
            "allow_redisplay": null,
            "amount": null,
            "client_secret": format!("{source}_client_secret"),
            "created": self.created,
            "currency": self.currency,
            "flow": "none",
            "livemode": false,
            "metadata": {},
            "owner": null,
            "statement_descriptor": null,
            "status": "chargeable",
            "type": "ach_debit",
            "usage": "reusable",
        })
    }
}

/// Which sources of Stripe's documentation fail, and how.
fn failure_of(source: &str) -> Option<&'static str> {
    const ENDINGS: &[(&str, &str)] = &[
        ("_noAccount", "no_account"),
        ("_accountClosed", "account_closed"),
        ("_insufficientFunds", "insufficient_funds"),
        ("_debitNotAuthorized", "debit_not_authorized"),
        ("_invalidCurrency", "invalid_currency"),
    ];
    ENDINGS.iter().find(|(ending, _)| source.ends_with(ending)).map(|(_, code)| *code)
}

fn failure_message(code: &str) -> &'static str {
    match code {
        "no_account" => "No bank account could be located with the details on file.",
        "account_closed" => "The bank account has been closed.",
        "insufficient_funds" => "The bank account has insufficient funds.",
        _ => "The bank refused the debit.",
    }
}

const OPTIONS: Fields = &[(
    "payment_method_options",
    Shape::Hash(&[("us_bank_account", Shape::Complete(&[("network", Shape::One(&["ach"]))]))]),
)];

fn create(call: &mut Call<'_, '_>) -> Answer {
    let amount = call.params.required_int("amount")?;
    let currency = call.params.required_currency("currency")?;
    if amount < 1 {
        let message = "This value must be greater than or equal to 1.";
        return Err(StripeError::invalid(message, "amount").with_code("parameter_invalid_integer"));
    }
    let source = call.params.text("source")?;
    if let Some(source) = source.as_deref().filter(|id| !id.starts_with("btok_") && !id.starts_with("src_")) {
        return Err(StripeError::no_such_param("source", source, "source"));
    }
    let mut metadata = Metadata::new();
    call.params.metadata(&mut metadata)?;
    let mut options = Kept::new();
    call.params.keep(OPTIONS, &mut options)?;
    let now_ms = call.tx.now_ms;
    let topup = Topup {
        id: String::new(),
        account: call.scope.clone(),
        amount,
        currency,
        status: Status::Pending,
        source,
        payment_method: call.params.text("payment_method")?,
        payment_method_options: options.remove("payment_method_options"),
        description: call.params.text("description")?,
        statement_descriptor: call.params.text("statement_descriptor")?,
        transfer_group: call.params.text("transfer_group")?,
        metadata,
        balance_transaction: None,
        failure_code: None,
        created: call.tx.now(),
        expected_ms: now_ms + call.tx.settings().topup_days * DAY_MS,
    };
    call.finish()?;
    let topup = Topup { id: call.tx.new_id("tu"), ..topup };
    due::after(call.tx, topup.expected_ms - now_ms, Task::Topup { topup: topup.id.clone() });
    let object = keep(call.tx, topup);
    call.tx.emit(&call.scope, "topup.created", &object);
    Ok(object)
}

/// The bank answers: the money is there, or does not come.
pub(crate) fn arrive(tx: &mut Tx<'_>, id: &str) {
    let pending = tx.get::<Topup>(id).filter(|topup| topup.status == Status::Pending).cloned();
    let Some(topup) = pending else { return };
    let (account, failure) = (topup.account.clone(), topup.source.as_deref().and_then(failure_of));
    if let Some(code) = failure {
        let failed = Topup { status: Status::Failed, failure_code: Some(code.to_owned()), ..topup };
        let object = keep(tx, failed);
        tx.emit(&account, "topup.failed", &object);
        return;
    }
    let platform = tx.get::<Account>(&account).map(|found| found.platform.clone()).unwrap_or_default();
    let draft = Draft::new(&account, Kind::Topup, topup.amount, id, tx.now_ms)
        .described(topup.description.clone().or_else(|| Some("Top-up".to_owned())));
    let outside = [(Outside::Banks, -topup.amount)];
    match books::post(tx, id, &platform, topup.currency, vec![draft], &outside) {
        Ok(written) => {
            let balance_transaction = written.into_iter().next();
            let object = keep(tx, Topup { status: Status::Succeeded, balance_transaction, ..topup });
            tx.emit(&account, "topup.succeeded", &object);
        }
        Err(error) => tracing::error!(topup = id, ?error, "a top-up could not be booked"),
    }
}

fn cancel(call: &mut Call<'_, '_>) -> Answer {
    call.finish()?;
    let topup = call.owned::<Topup>(&call.arg(0))?;
    if topup.status != Status::Pending {
        let message = "Top-ups can only be canceled while they are pending.";
        return Err(StripeError::refused("topup_not_cancelable", message));
    }
    let object = keep(call.tx, Topup { status: Status::Canceled, ..topup });
    call.tx.emit(&call.scope, "topup.canceled", &object);
    Ok(object)
}

fn retrieve(call: &mut Call<'_, '_>) -> Answer {
    call.finish()?;
    let topup = call.owned::<Topup>(&call.arg(0))?;
    Ok(topup.render(call.tx.tables))
}

/// Stripe has no event for a changed description.
fn update(call: &mut Call<'_, '_>) -> Answer {
    let mut topup = call.owned::<Topup>(&call.arg(0))?;
    call.params.change("description")?.apply(&mut topup.description);
    call.params.metadata(&mut topup.metadata)?;
    call.finish()?;
    Ok(keep(call.tx, topup))
}

fn list(call: &mut Call<'_, '_>) -> Answer {
    let amount = Range::read(&mut call.params, "amount")?;
    let created = Range::read(&mut call.params, "created")?;
    let status = call.params.choice("status", STATUSES)?;
    let page = Page::read(&mut call.params)?;
    let scope = call.scope.clone();
    page.of::<Topup>(
        call,
        &scope,
        |topup| {
            amount.holds(topup.amount)
                && created.holds(topup.created)
                && status.as_deref().is_none_or(|status| json!(topup.status).as_str() == Some(status))
        },
        |tables, topup| topup.render(tables),
    )
}

fn keep(tx: &mut Tx<'_>, topup: Topup) -> Value {
    let object = topup.render(tx.tables);
    tx.put(topup);
    object
}
