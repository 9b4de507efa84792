//! A refund as Stripe shows it.

use super::{Refund, Status};
use crate::{
    json::{Value, json},
    store::Tables,
};

/// How long the buyer has to say where the money should go, in seconds.
/// Source: <https://docs.stripe.com/refunds#refund-requires-action>.
const ACTION_SECONDS: i64 = 45 * 24 * 60 * 60;

impl Refund {
    pub(crate) fn render(&self, _: &Tables) -> Value {
        let mut refund = json!({
            "id": self.id,
            "object": "refund",
            "amount": self.amount,
            "balance_transaction": self.balance_transaction,
            "charge": self.charge,
            "created": self.created,
            "currency": self.currency,
            "customer": self.customer,
            "customer_account": null,
            "metadata": self.metadata,
            "payment_intent": self.payment_intent,
            "payment_method": self.payment_method,
            "reason": self.reason,
            "receipt_number": null,
            "source_transfer_reversal": self.source_transfer_reversal,
            "status": match self.status {
                Status::ShortOfFunds | Status::Processing => "pending",
                Status::RequiresAction => "requires_action",
                Status::Succeeded => "succeeded",
                Status::Failed => "failed",
                Status::Canceled => "canceled",
            },
            "transfer_reversal": self.transfer_reversal,
        });
        // The rest is only there when there is something to say.
        let pending_reason = match self.status {
            Status::ShortOfFunds => Some("insufficient_funds"),
            Status::Processing => Some("processing"),
            _ => None,
        };
        let optional = [
            ("pending_reason", json!(pending_reason)),
            ("destination_details", self.render_destination()),
            ("instructions_email", json!(self.instructions_email)),
            ("next_action", self.render_action()),
            ("failure_reason", json!(self.failure_reason)),
            ("failure_balance_transaction", json!(self.failure_balance_transaction)),
        ];
        for (name, value) in optional.into_iter().filter(|(_, value)| !value.is_null()) {
            refund[name] = value;
        }
        refund
    }

    fn render_destination(&self) -> Value {
        if !self.to_card || self.status != Status::Succeeded {
            return Value::Null;
        }
        let mut card = json!({
            "reference_status": if self.reference.is_some() { "available" } else { "pending" },
            "reference_type": "acquirer_reference_number",
            "type": "refund",
        });
        if let Some(reference) = &self.reference {
            card["reference"] = json!(reference);
        }
        json!({ "card": card, "type": "card" })
    }

    fn render_action(&self) -> Value {
        let Some(sent_at) = self.instructed_at.filter(|_| self.status == Status::RequiresAction) else {
            return Value::Null;
        };
        let email = self.instructions_email.as_deref().unwrap_or("buyer@example.com");
        json!({
            "display_details": {
                "email_sent": { "email_sent_at": sent_at, "email_sent_to": email },
                "expires_at": sent_at + ACTION_SECONDS,
            },
            "type": "display_details",
        })
    }
}
