//! A charge as Stripe shows it.

use super::{Charge, PaidWith};
use crate::{
    json::{Value, json},
    resources::{
        card::{Aftermath, Card, Decline},
        dispute, review,
    },
    store::Tables,
};

impl Charge {
    pub(crate) fn render(&self, tables: &Tables) -> Value {
        let mut charge = json!({
            "id": self.id,
            "object": "charge",
            "amount": self.amount,
            "amount_captured": self.amount_captured,
            "amount_refunded": self.amount_refunded,
            "application": self.application,
            "application_fee": self.application_fee,
            "application_fee_amount": self.application_fee_amount,
            "balance_transaction": self.balance_transaction,
            "billing_details": move self.render_billing(),
            "calculated_statement_descriptor": self.calculated_descriptor(),
            "captured": self.captured,
            "created": self.created,
            "currency": self.currency,
            "customer": self.customer,
            "description": self.description,
            "disputed": dispute::is_disputed(tables, &self.id),
            "failure_balance_transaction": null,
            "failure_code": self.failure.map(|decline| decline.codes().0),
            "failure_message": self.failure.map(|decline| decline.message()),
            "fraud_details": move match &self.fraud_report {
                Some(report) => json!({ "user_report": report }),
                None => json!({}),
            },
            "livemode": false,
            "metadata": self.metadata,
            "on_behalf_of": self.on_behalf_of,
            "outcome": move self.render_outcome(),
            "paid": self.is_paid(),
            "payment_intent": self.payment_intent,
            "payment_method": self.paid_with.method(),
            "payment_method_details": move self.render_details(),
            "receipt_email": self.receipt_email,
            "receipt_number": null,
            "receipt_url": null,
            "refunded": self.amount_refunded > 0 && self.amount_refunded >= self.amount,
            "review": review::of_charge(tables, &self.id),
            "shipping": self.shipping,
            "source": null,
            "source_transfer": self.source_transfer,
            "statement_descriptor": self.statement_descriptor,
            "statement_descriptor_suffix": self.statement_descriptor_suffix,
            "status": match (&self.failure, self.pending) {
                (Some(_), _) => "failed",
                (None, true) => "pending",
                (None, false) => "succeeded",
            },
            "transfer_data": self.transfer_data.as_ref()
                .map(|data| json!({ "amount": data.amount, "destination": data.destination })),
            "transfer_group": self.transfer_group,
        });
        // Only destination charges have it at all.
        if let Some(transfer) = &self.transfer {
            charge["transfer"] = json!(transfer);
        }
        charge
    }

    fn calculated_descriptor(&self) -> Option<String> {
        let descriptor = self.statement_descriptor.as_deref().unwrap_or("SOUK SANDBOX");
        match (&self.paid_with, &self.statement_descriptor_suffix) {
            (PaidWith::StripeAccount | PaidWith::Bank { .. }, _) => None,
            (_, Some(suffix)) => Some(format!("{descriptor}* {suffix}").chars().take(22).collect()),
            (_, None) => Some(descriptor.to_owned()),
        }
    }

    fn render_billing(&self) -> Value {
        match &self.paid_with {
            PaidWith::Card { billing, .. } | PaidWith::Bank { billing, .. } => billing.render(),
            PaidWith::StripeAccount => crate::resources::payment_method::BillingDetails::default().render(),
        }
    }

    fn render_outcome(&self) -> Value {
        if matches!(self.paid_with, PaidWith::StripeAccount) {
            return Value::Null;
        }
        let elevated = self.aftermath() == Some(Aftermath::ElevatedRisk);
        match self.failure {
            None => json!({
                "advice_code": null,
                "network_advice_code": null,
                "network_decline_code": null,
                "network_status": "approved_by_network",
                "reason": elevated.then_some("elevated_risk_level"),
                "risk_level": if elevated { "elevated" } else { "normal" },
                "risk_score": if elevated { 65 } else { 16 },
                "seller_message": "Payment complete.",
                "type": if elevated { "manual_review" } else { "authorized" },
            }),
            // Stripe blocked it before any bank was asked.
            Some(Decline::Fraudulent) => json!({
                "advice_code": null,
                "network_advice_code": null,
                "network_decline_code": null,
                "network_status": "not_sent_to_network",
                "reason": "highest_risk_level",
                "risk_level": "highest",
                "risk_score": 99,
                "seller_message": "Stripe blocked this payment as too risky.",
                "type": "blocked",
            }),
            Some(decline) => json!({
                "advice_code": decline.advice(),
                "network_advice_code": "02",
                "network_decline_code": decline.network_code(),
                "network_status": "declined_by_network",
                "reason": decline.codes().1,
                "risk_level": "normal",
                "risk_score": 16,
                "seller_message": "The bank did not accept the payment.",
                "type": "issuer_declined",
            }),
        }
    }

    fn render_details(&self) -> Value {
        match &self.paid_with {
            PaidWith::StripeAccount => json!({ "stripe_account": {}, "type": "stripe_account" }),
            PaidWith::Card { card, authenticated, .. } => {
                json!({ "card": move self.render_card(card, *authenticated), "type": "card" })
            }
            PaidWith::Bank { instrument, .. } => instrument.render_payment(),
        }
    }

    fn render_card(&self, card: &Card, authenticated: bool) -> Value {
        let three_d_secure = authenticated.then(|| {
            json!({
                "authentication_flow": "challenge",
                "electronic_commerce_indicator": "05",
                "exemption_indicator": null,
                "result": "authenticated",
                "result_reason": null,
                "transaction_id": null,
                "version": "2.2.0",
            })
        });
        let mut details = json!({
            "amount_authorized": self.is_paid().then_some(self.amount),
            "authorization_code": self.is_paid().then_some("123456"),
            "brand": card.brand,
            "checks": { "address_line1_check": null, "address_postal_code_check": null, "cvc_check": card.cvc_check() },
            "country": "US",
            "electronic_commerce_indicator": null,
            "exp_month": card.exp_month,
            "exp_year": card.exp_year,
            "extended_authorization": { "status": "disabled" },
            "fingerprint": card.fingerprint,
            "funding": card.funding,
            "incremental_authorization": { "status": "unavailable" },
            "installments": null,
            "last4": card.last4,
            "mandate": null,
            "multicapture": { "status": "unavailable" },
            "network": card.brand,
            "network_token": { "used": false },
            "network_transaction_id": null,
            "overcapture": { "maximum_amount_capturable": self.amount, "status": "unavailable" },
            "regulated_status": "unregulated",
            "three_d_secure": three_d_secure,
            "transaction_link_id": null,
            "wallet": null,
        });
        if let Some(until) = self.capture_before {
            details["capture_before"] = json!(until);
        }
        details
    }
}
