//! Answering a dispute: evidence is kept, and passed on to the bank once.

use super::{Dispute, progress};
use crate::protocol::{
    call::{Answer, Call},
    error::StripeError,
};

pub(super) fn update(call: &mut Call<'_, '_>) -> Answer {
    // 1. What is said.
    let mut dispute = call.owned::<Dispute>(&call.arg(0))?;
    let before = dispute.render(call.tx.tables);
    call.params.metadata(&mut dispute.metadata)?;
    let submit = call.params.boolean("submit")?;
    let given = call.params.hash("evidence")?;
    let has_evidence = given.is_some();
    call.finish()?;
    if let Some(mut hash) = given {
        dispute.evidence.merge(call, &mut hash)?;
        hash.finish()?;
        dispute.evidence.check_length()?;
    }

    // 2. Evidence counts as long as the bank waits for it.
    let answers = has_evidence || submit == Some(true);
    if answers && dispute.status.is_over() {
        return Err(StripeError::invalid("This dispute is already closed.", "dispute"));
    }
    if answers && (!dispute.status.awaits_response() || dispute.past_due) {
        let message = if dispute.past_due {
            "The deadline for evidence on this dispute has passed."
        } else {
            "Evidence for this dispute has already been submitted; it can be submitted only once."
        };
        return Err(StripeError::invalid(message, "evidence"));
    }
    if submit == Some(true) && dispute.evidence.is_empty() {
        return Err(StripeError::invalid("There is no evidence to submit.", "submit"));
    }

    // 3. `submit` is true by default: what is not meant as a draft goes to the bank, drafts of before included.
    let open = dispute.status.awaits_response() && !dispute.past_due;
    if submit.unwrap_or(true) && open && !dispute.evidence.is_empty() {
        progress::submit(call.tx, &mut dispute)?;
    }
    call.tx.put(dispute.clone());
    let after = dispute.render(call.tx.tables);
    call.tx.emit_change(&dispute.account, "charge.dispute.updated", &before, &after);
    Ok(after)
}
