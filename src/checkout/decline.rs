//! What a buyer is told of a declined card.
//!
//! Stripe asks that some declines be shown as any other: who learns that a card counts as stolen, or a payment as
//! fraud, learns what a thief wants to know. Source: <https://docs.stripe.com/declines/codes>.

/// Shown in place of what is not the buyer's to know.
const GENERIC: &str = "generic_decline";
const GENERIC_MESSAGE: &str = "The card was declined. Use another card, or ask the bank that issued it.";

/// Declines that are shown as [`GENERIC`]. Of `pickup_card` and `restricted_card` Stripe says that the card may have
/// been reported lost or stolen, so they tell the same.
const HIDDEN: &[&str] =
    &["fraudulent", "lost_card", "merchant_blacklist", "pickup_card", "restricted_card", "stolen_card"];

/// What a buyer reads, where it helps them to pay.
const MESSAGES: &[(&[&str], &str)] = &[
    (&["insufficient_funds"], "The card has insufficient funds. Use another card."),
    (&["expired_card"], "The card has expired. Use another card."),
    (&["incorrect_cvc", "invalid_cvc"], "The card's security code is wrong. Check it and try again."),
    (&["incorrect_number", "invalid_number"], "The card's number is wrong. Check it and try again."),
    (
        &["invalid_expiry_month", "invalid_expiry_year"],
        "The card's expiry date is wrong. Check it and try again.",
    ),
    (&["incorrect_zip", "incorrect_address"], "The card's billing address is wrong. Check it and try again."),
    (
        &["card_velocity_exceeded", "withdrawal_count_limit_exceeded"],
        "The card has reached a limit. Use another card, or ask the bank that issued it.",
    ),
    (
        &["card_not_supported", "currency_not_supported", "not_permitted", "transaction_not_allowed"],
        "The card can't be used for this purchase. Use another card.",
    ),
    (
        &["authentication_required", "payment_intent_authentication_failure"],
        "The bank could not confirm that it is you. Try again, or use another card.",
    ),
    (
        &["processing_error", "issuer_not_available", "reenter_transaction", "try_again_later"],
        "The card could not be charged just now. Try again in a moment.",
    ),
];

/// Why a card was declined, in Stripe's codes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Decline {
    code: Option<String>,
    decline_code: Option<String>,
}

impl Decline {
    /// `code` is Stripe's error code, `decline_code` the more telling one that cards have.
    pub(super) const fn new(code: Option<String>, decline_code: Option<String>) -> Self {
        Self { code, decline_code }
    }

    /// Whether the bank wants the buyer to confirm: with them, the same card may pay.
    pub(super) fn asks_for_the_buyer(&self) -> bool {
        let codes = [self.code.as_deref(), self.decline_code.as_deref()];
        codes.contains(&Some("authentication_required"))
    }

    /// The decline code as far as a buyer may know it.
    pub(super) fn told_code(&self) -> Option<&str> {
        let hidden = |code: &str| HIDDEN.contains(&code);
        self.decline_code.as_deref().map(|code| if hidden(code) { GENERIC } else { code })
    }

    /// A sentence for the buyer.
    pub(super) fn message(&self) -> &'static str {
        let words = |code: &str| MESSAGES.iter().find(|(codes, _)| codes.contains(&code));
        let codes = [self.decline_code.as_deref(), self.code.as_deref()];
        codes.into_iter().flatten().find_map(words).map_or(GENERIC_MESSAGE, |(_, message)| *message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decline(code: &str, decline_code: Option<&str>) -> Decline {
        Decline::new(Some(code.to_owned()), decline_code.map(str::to_owned))
    }

    #[test]
    fn what_would_help_a_thief_looks_like_any_other_decline() {
        let any = decline("card_declined", Some(GENERIC));
        for hidden in HIDDEN {
            let decline = decline("card_declined", Some(hidden));
            assert_eq!(
                (decline.told_code(), decline.message()),
                (any.told_code(), any.message()),
                "{hidden}"
            );
        }
    }

    #[test]
    fn what_helps_the_buyer_to_pay_is_told() {
        let poor = decline("card_declined", Some("insufficient_funds"));
        assert_eq!(poor.told_code(), Some("insufficient_funds"));
        assert_eq!(poor.message(), "The card has insufficient funds. Use another card.");
        // Not every failure has a decline code.
        assert_eq!(decline("expired_card", None).message(), "The card has expired. Use another card.");
    }

    #[test]
    fn a_bank_that_asks_for_the_buyer_is_told_from_one_that_declines() {
        assert!(decline("authentication_required", Some("authentication_required")).asks_for_the_buyer());
        assert!(decline("card_declined", Some("authentication_required")).asks_for_the_buyer());
        assert!(!decline("card_declined", Some("insufficient_funds")).asks_for_the_buyer());
    }

    #[test]
    fn a_code_that_is_not_known_here_is_a_decline_like_any_other() {
        let new = decline("card_declined", Some("from_the_future"));
        assert_eq!((new.told_code(), new.message()), (Some("from_the_future"), GENERIC_MESSAGE));
    }
}
