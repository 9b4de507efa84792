//! What some test cards lead to once they paid: disputes, warnings, reviews.

use super::Charge;
use crate::{resources::card::Aftermath, store::Tx};

/// Called once for each payment that brought money, after its events. The charge is as it was kept.
pub(crate) fn after_payment(_tx: &mut Tx<'_>, charge: &Charge) {
    match charge.aftermath() {
        // Disputes, warnings and reviews hook in here, each in the file of its own resource.
        Some(
            Aftermath::Dispute
            | Aftermath::DisputeProductNotReceived
            | Aftermath::Inquiry
            | Aftermath::MultipleDisputes
            | Aftermath::EarlyFraudWarning
            | Aftermath::ElevatedRisk,
        ) => {}
        // Refunds look at these themselves; the check of the code is shown on the card.
        Some(Aftermath::RefundIsPending | Aftermath::RefundFails | Aftermath::CvcCheckFails) | None => {}
    }
}
