//! All state, typed and in memory; what changes is written to a journal, commit by commit.
//!
//! Nothing here knows what a payment is: a new kind of record is one line in the list below. A field that a record
//! gets later is `#[serde(default)]`, so that journals written before can still be read.

mod journal;
mod table;
mod tx;
mod world;

use serde_json::value::RawValue;

pub(crate) use self::{
    journal::JournalError,
    table::{Record, Row, Table},
    tx::{Cause, Outcome, Tx},
    world::{Meta, World},
};
use crate::{books, events, protocol, resources, webhooks};

/// A record that has its table below.
pub(crate) trait Stored: Record {
    const TABLE: &'static str;
    fn table(tables: &Tables) -> &Table<Self>;
    fn table_mut(tables: &mut Tables) -> &mut Table<Self>;
}

macro_rules! tables {
    ($($name:ident: $record:ty,)+) => {
        /// Every table.
        #[derive(Default)]
        pub(crate) struct Tables { $($name: Table<$record>,)+ }

        $(impl Stored for $record {
            const TABLE: &'static str = stringify!($name);
            fn table(tables: &Tables) -> &Table<Self> { &tables.$name }
            fn table_mut(tables: &mut Tables) -> &mut Table<Self> { &mut tables.$name }
        })+

        impl Tables {
            /// One record as the journal keeps it.
            fn dump(&self, table: &str, id: &str) -> Option<(u64, Result<Box<RawValue>, serde_json::Error>)> {
                match table {
                    $(stringify!($name) => {
                        let row = self.$name.row(id)?;
                        Some((row.seq, serde_json::value::to_raw_value(&row.record)))
                    })+
                    _ => None,
                }
            }

            /// Takes one line of the journal in.
            fn load(&mut self, table: &str, id: &str, seq: u64, record: Option<&RawValue>) -> Result<(), serde_json::Error> {
                match table {
                    $(stringify!($name) => match record {
                        Some(json) => {
                            self.$name.take(id);
                            self.$name.insert(Box::new(Row { seq, record: serde_json::from_str(json.get())? }));
                        }
                        None => { self.$name.take(id); }
                    })+
                    // A table of a later version: nothing to do with it here.
                    _ => {}
                }
                Ok(())
            }

            /// The names and ids of everything that there is.
            fn everything(&self) -> Vec<(&'static str, String)> {
                let mut all = Vec::new();
                $(all.extend(self.$name.rows().map(|row| (stringify!($name), row.record.id().to_owned())));)+
                all
            }
        }
    };
}

tables! {
    meta: world::Meta,
    counters: tx::Counter,
    timers: crate::due::Timer,
    idempotency: protocol::idempotency::StoredAnswer,
    platforms: protocol::keys::Platform,
    accounts: resources::account::Account,
    bank_accounts: resources::external_account::ExternalAccount,
    persons: resources::person::Person,
    authorizations: resources::oauth::Authorization,
    grants: resources::oauth::Grant,
    account_links: resources::account_link::AccountLink,
    onboarding_sessions: resources::account_link::OnboardingSession,
    customers: resources::customer::Customer,
    payment_methods: resources::payment_method::PaymentMethod,
    payment_intents: resources::payment_intent::PaymentIntent,
    setup_intents: resources::setup_intent::SetupIntent,
    checkout_sessions: resources::checkout::Session,
    charges: resources::charge::Charge,
    transfers: resources::transfer::Transfer,
    reversals: resources::transfer_reversal::TransferReversal,
    application_fees: resources::application_fee::ApplicationFee,
    fee_refunds: resources::fee_refund::FeeRefund,
    refunds: resources::refund::Refund,
    topups: resources::topup::Topup,
    payouts: resources::payout::Payout,
    balance_transactions: resources::balance_transaction::BalanceTransaction,
    positions: books::PositionTotal,
    movements: books::Movement,
    events: events::Event,
    webhook_endpoints: resources::webhook_endpoint::WebhookEndpoint,
    deliveries: webhooks::Delivery,
    disputes: resources::dispute::Dispute,
    early_fraud_warnings: resources::early_fraud_warning::EarlyFraudWarning,
    reviews: resources::review::Review,
    files: resources::file::File,
    file_contents: resources::file::Contents,
}

impl Tables {
    pub(crate) fn get<T: Stored>(&self, id: &str) -> Option<&T> {
        T::table(self).get(id)
    }

    /// The records under a key, oldest first.
    pub(crate) fn list<T: Stored>(&self, key: &str) -> impl DoubleEndedIterator<Item = &T> {
        T::table(self).list(key)
    }
}
