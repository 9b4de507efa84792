//! A dispute as Stripe shows it.

use super::{Dispute, Status, enhanced};
use crate::{
    json::{Value, json},
    resources::{balance_transaction::BalanceTransaction, charge::Charge},
    store::Tables,
};

impl Dispute {
    pub(crate) fn render(&self, tables: &Tables) -> Value {
        let transactions: Vec<Value> = [&self.withdrawal, &self.reinstatement]
            .into_iter()
            .flatten()
            .filter_map(|id| tables.get::<BalanceTransaction>(id))
            .map(|found| found.render(tables))
            .collect();
        let network_reason_code = self.brand.as_ref().map(|_| self.reason.network_code());
        let mut dispute = json!({
            "id": self.id,
            "object": "dispute",
            "amount": self.amount,
            "balance_transactions": transactions,
            "charge": self.charge,
            "created": self.created,
            "currency": self.currency,
            "enhanced_eligibility_types": self.enhanced_eligibility,
            "evidence": self.evidence.render(),
            "evidence_details": {
                "due_by": self.due_by,
                "enhanced_eligibility": enhanced::eligibility(&self.enhanced_eligibility, self.evidence.enhanced()),
                "has_evidence": !self.evidence.is_empty(),
                "past_due": self.past_due,
                "submission_count": self.submissions,
            },
            "is_charge_refundable": self.is_charge_refundable(tables),
            "livemode": false,
            "metadata": self.metadata,
            "network_reason_code": network_reason_code,
            "payment_intent": self.payment_intent,
            "reason": self.reason,
            "status": self.status,
        });
        if let Some(brand) = &self.brand {
            let card = json!({
                "brand": brand,
                "case_type": self.case_type(),
                "network": brand,
                "network_reason_code": network_reason_code,
            });
            dispute["payment_method_details"] = json!({ "card": card, "type": "card" });
        }
        dispute
    }

    fn case_type(&self) -> &'static str {
        match self.status {
            Status::WarningNeedsResponse | Status::WarningUnderReview | Status::WarningClosed => "inquiry",
            _ if self.enhanced_eligibility.iter().any(|way| way.ends_with("compliance")) => "compliance",
            _ => "chargeback",
        }
    }

    fn is_charge_refundable(&self, tables: &Tables) -> bool {
        let left =
            tables.get::<Charge>(&self.charge).is_some_and(|charge| charge.amount_refunded < charge.amount);
        // Neither this one nor another of the same charge may stand in the way.
        left && self.status.is_inquiry() && !super::forbids_refund(tables, &self.charge)
    }
}
