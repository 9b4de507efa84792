//! Early fraud warnings: a card network hears of fraud before anybody disputes.

use serde::{Deserialize, Serialize};

use super::charge::Charge;
use crate::{
    json::{Value, json},
    protocol::{
        call::{Answer, Call},
        list::{Page, Range},
        route::Route,
    },
    store::{Record, Tables, Tx},
};

pub(crate) const ROUTES: &[Route] = &[
    Route::get("/v1/radar/early_fraud_warnings", list),
    Route::get("/v1/radar/early_fraud_warnings/{id}", retrieve),
];

/// What the network says of the fraud.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FraudType {
    CardNeverReceived,
    FraudulentCardApplication,
    MadeWithCounterfeitCard,
    MadeWithLostCard,
    MadeWithStolenCard,
    Misc,
    #[default]
    UnauthorizedUseOfCard,
}

crate::json::as_serde!(FraudType);

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct EarlyFraudWarning {
    id: String,
    account: String,
    charge: String,
    payment_intent: Option<String>,
    fraud_type: FraudType,
    /// A refund can still prevent a dispute.
    actionable: bool,
    created: i64,
}

impl Record for EarlyFraudWarning {
    const NOUN: &'static str = "early fraud warning";

    fn id(&self) -> &str {
        &self.id
    }

    fn owner(&self) -> &str {
        &self.account
    }

    fn keys(&self) -> Vec<String> {
        let mut keys = vec![self.charge.clone()];
        keys.extend(self.payment_intent.clone());
        keys
    }
}

impl EarlyFraudWarning {
    pub(crate) fn render(&self, _: &Tables) -> Value {
        let mut warning = json!({
            "id": self.id,
            "object": "radar.early_fraud_warning",
            "actionable": self.actionable,
            "charge": self.charge,
            "created": self.created,
            "fraud_type": self.fraud_type,
            "livemode": false,
        });
        if let Some(intent) = &self.payment_intent {
            warning["payment_intent"] = json!(intent);
        }
        warning
    }
}

/// The network warns of a charge.
pub(crate) fn open(tx: &mut Tx<'_>, charge: &Charge, fraud_type: FraudType) -> Value {
    let refunded = charge.amount_refunded >= charge.amount;
    let warning = EarlyFraudWarning {
        id: tx.new_id("issfr"),
        account: charge.account.clone(),
        charge: charge.id.clone(),
        payment_intent: charge.payment_intent.clone(),
        fraud_type,
        actionable: !refunded && !super::dispute::is_disputed(tx.tables, &charge.id),
        created: tx.now(),
    };
    let object = warning.render(tx.tables);
    tx.put(warning);
    tx.emit(&charge.account, "radar.early_fraud_warning.created", &object);
    object
}

/// The charge was refunded in full or disputed: nothing can be done any more.
pub(crate) fn settle(tx: &mut Tx<'_>, charge: &str) {
    let open: Vec<EarlyFraudWarning> =
        tx.tables.list::<EarlyFraudWarning>(charge).filter(|found| found.actionable).cloned().collect();
    for warning in open {
        let before = warning.render(tx.tables);
        let warning = EarlyFraudWarning { actionable: false, ..warning };
        let after = warning.render(tx.tables);
        let account = warning.account.clone();
        tx.put(warning);
        tx.emit_change(&account, "radar.early_fraud_warning.updated", &before, &after);
    }
}

fn retrieve(call: &mut Call<'_, '_>) -> Answer {
    call.finish()?;
    let warning = call.owned::<EarlyFraudWarning>(&call.arg(0))?;
    Ok(warning.render(call.tx.tables))
}

fn list(call: &mut Call<'_, '_>) -> Answer {
    let created = Range::read(&mut call.params, "created")?;
    let charge = call.params.text("charge")?;
    let intent = call.params.text("payment_intent")?;
    let page = Page::read(&mut call.params)?;
    let scope = call.scope.clone();
    let key = charge.clone().or_else(|| intent.clone()).unwrap_or_else(|| scope.clone());
    page.of::<EarlyFraudWarning>(
        call,
        &key,
        |found| {
            found.account == scope
                && created.holds(found.created)
                && (intent.is_none() || intent == found.payment_intent)
        },
        |tables, found| found.render(tables),
    )
}
