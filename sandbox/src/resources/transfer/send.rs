//! What every transfer does, whether it was asked for or belongs to a destination charge.

use super::Transfer;
use crate::{
    books::{self, Draft, Unbalanced},
    money::Currency,
    protocol::params::Metadata,
    resources::{
        application_fee::{self, ApplicationFee},
        application_of,
        balance_transaction::{FeeDetail, Kind},
        charge::Charge,
    },
    store::Tx,
};

/// What is sent, and under which terms.
pub(crate) struct Sending {
    pub(crate) platform: String,
    pub(crate) destination: String,
    pub(crate) amount: i64,
    pub(crate) currency: Currency,
    /// What the platform takes back of it at once.
    pub(crate) application_fee: Option<i64>,
    pub(crate) source_transaction: Option<String>,
    pub(crate) transfer_group: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) metadata: Metadata,
    pub(crate) available_ms: i64,
    pub(crate) automatic: bool,
}

/// Moves the money, and leaves a transfer, a payment and perhaps a fee behind.
pub(crate) fn send(tx: &mut Tx<'_>, sending: Sending) -> Result<Transfer, Unbalanced> {
    let (id, payment) = (tx.new_id("tr"), tx.new_id("py"));
    let fee = sending.application_fee.filter(|amount| *amount > 0).map(|amount| (tx.new_id("fee"), amount));
    let application = application_of(&sending.platform);
    let draft = |account: &str, kind, amount, source: &str| {
        Draft::new(account, kind, amount, source, sending.available_ms).described(sending.description.clone())
    };

    // 1. The money: out of the platform, into the seller, and the fee back.
    let fees = fee.iter().map(|(_, amount)| FeeDetail::application(*amount, application.clone())).collect();
    let mut drafts = vec![
        draft(&sending.platform, Kind::Transfer, -sending.amount, &id),
        draft(&sending.destination, Kind::Payment, sending.amount, &payment).with_fees(fees),
    ];
    if let Some((fee_id, amount)) = &fee {
        drafts.push(draft(&sending.platform, Kind::ApplicationFee, *amount, fee_id));
    }
    let mut written = books::post(tx, &id, &sending.platform, sending.currency, drafts, &[])?.into_iter();
    let (out, arrived, earned) = (written.next(), written.next(), written.next());

    // 2. The objects that stand for it.
    let now = tx.now();
    let transfer = Transfer {
        id,
        platform: sending.platform.clone(),
        amount: sending.amount,
        amount_reversed: 0,
        currency: sending.currency,
        balance_transaction: out,
        description: sending.description,
        destination: sending.destination.clone(),
        destination_payment: payment.clone(),
        source_transaction: sending.source_transaction.clone(),
        transfer_group: sending.transfer_group,
        metadata: sending.metadata,
        created: now,
        automatic: sending.automatic,
    };
    tx.put(transfer.clone());
    tx.put(Charge::of_transfer(&transfer, arrived, fee.clone()));
    let object = transfer.render(tx.tables);
    tx.emit(&transfer.platform, "transfer.created", &object);
    if let Some((fee_id, amount)) = fee {
        let fee = ApplicationFee {
            id: fee_id,
            platform: sending.platform,
            account: sending.destination,
            amount,
            amount_refunded: 0,
            currency: sending.currency,
            balance_transaction: earned,
            charge: payment,
            originating_transaction: sending.source_transaction,
            created: now,
        };
        application_fee::add(tx, fee);
    }
    Ok(transfer)
}
