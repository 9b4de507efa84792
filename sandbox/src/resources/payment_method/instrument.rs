//! What a payment method is: a card, a bank account to debit, or a bank to be sent to.

use serde::{Deserialize, Serialize};

use crate::{
    json::{Map, Value},
    money::Currency,
    resources::{
        bank_method::{DebitOutcome, Ideal, SepaDebit, UsBankAccount},
        card::Card,
    },
};

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Instrument {
    Card(Card),
    SepaDebit(SepaDebit),
    UsBankAccount(UsBankAccount),
    Ideal(Ideal),
}

/// The types that Stripe has besides: their particulars may be sent along, and are not looked at.
#[rustfmt::skip]
pub(super) const OTHER_KINDS: &[&str] = &[
    "acss_debit", "affirm", "afterpay_clearpay", "alipay", "alma", "amazon_pay", "au_becs_debit",
    "bacs_debit", "bancontact", "billie", "bizum", "blik", "boleto", "cashapp", "crypto", "custom",
    "customer_balance", "eps", "fpx", "giropay", "grabpay", "interac_present", "kakao_pay", "klarna",
    "konbini", "kr_card", "link", "mb_way", "mobilepay", "multibanco", "naver_pay", "nz_bank_account",
    "oxxo", "p24", "pay_by_bank", "payco", "paynow", "paypal", "paypay", "payto", "pix", "promptpay",
    "revolut_pay", "samsung_pay", "satispay", "scalapay", "sequra", "sofort", "sunbit", "swish", "twint",
    "upi", "wechat_pay", "zip",
];

impl Instrument {
    /// The types that the sandbox knows.
    pub(crate) const KINDS: &'static [&'static str] = &["card", "sepa_debit", "us_bank_account", "ideal"];

    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Card(_) => "card",
            Self::SepaDebit(_) => "sepa_debit",
            Self::UsBankAccount(_) => "us_bank_account",
            Self::Ideal(_) => "ideal",
        }
    }

    /// Whether payments of a type can be made in a currency.
    pub(crate) fn takes(kind: &str, currency: Currency) -> bool {
        match kind {
            "sepa_debit" | "ideal" => currency.as_str() == "eur",
            "us_bank_account" => currency.as_str() == "usd",
            _ => true,
        }
    }

    /// How a debit of it ends; nothing, if it is no debit.
    pub(crate) fn debit(&self) -> Option<DebitOutcome> {
        match self {
            Self::SepaDebit(debit) => Some(debit.outcome),
            Self::UsBankAccount(debit) => Some(debit.outcome),
            Self::Card(_) | Self::Ideal(_) => None,
        }
    }

    /// The type, and the hash of its name that holds the particulars.
    pub(super) fn render_into(&self, fields: &mut Map) {
        let particulars = match self {
            Self::Card(card) => card.render(),
            Self::SepaDebit(debit) => debit.render(),
            Self::UsBankAccount(debit) => debit.render(),
            Self::Ideal(bank) => bank.render(),
        };
        fields.insert(self.kind(), particulars);
        fields.insert("type", self.kind().into());
    }

    /// `payment_method_details` of a payment with it; cards have more to say, and say it in the charge.
    pub(crate) fn render_payment(&self) -> Value {
        let particulars = match self {
            Self::Card(card) => card.render(),
            Self::SepaDebit(debit) => debit.render_payment(),
            Self::UsBankAccount(debit) => debit.render_payment(),
            Self::Ideal(bank) => bank.render_payment(),
        };
        let fields = [(self.kind(), particulars), ("type", self.kind().into())];
        Value::Object(fields.into_iter().collect())
    }
}
