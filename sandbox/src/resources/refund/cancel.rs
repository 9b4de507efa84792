//! Taking a refund back while the buyer has not said where the money should go.

use super::{Refund, Status, progress};
use crate::protocol::{
    call::{Answer, Call},
    error::StripeError,
};

pub(super) fn cancel(call: &mut Call<'_, '_>) -> Answer {
    call.finish()?;
    let refund = call.owned::<Refund>(&call.arg(0))?;
    if refund.status != Status::RequiresAction {
        // Source: <https://docs.stripe.com/api/refunds/cancel>.
        let message = format!(
            "Refund {} cannot be canceled: only refunds with a status of requires_action can be.",
            refund.id
        );
        return Err(StripeError::invalid(message, "refund"));
    }
    progress::take_back(call.tx, refund, Status::Canceled)
}
