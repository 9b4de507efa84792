//! The test numbers and tokens of Stripe's documentation (Testing Stripe Connect, payouts).

/// How US banks and others that are not IBANs end, by the last digits of the account number.
const FAILING_ENDINGS: &[(&str, &str)] = &[
    ("1111116", "no_account"),
    ("1111113", "account_closed"),
    ("2222227", "insufficient_funds"),
    ("3333335", "debit_not_authorized"),
    ("4444440", "invalid_currency"),
];

/// How IBANs end, in whatever country.
const FAILING_IBAN_ENDINGS: &[(&str, &str)] = &[
    ("370400440532013001", "no_account"),
    ("370400440532013002", "account_closed"),
    ("370400440532013003", "insufficient_funds"),
    ("370400440532013004", "debit_not_authorized"),
    ("370400440532013005", "invalid_currency"),
    ("WEST12345698765433", "no_account"),
];

/// Debit cards: number, brand, and why payouts to it fail.
const DEBIT_CARDS: &[(&str, &str, Option<&str>)] = &[
    ("4000056655665556", "Visa", None),
    ("4000056655665564", "Visa", None),
    ("4000056655665572", "Visa", Some("could_not_process")),
    ("4000056755665555", "Visa", None),
    ("5200828282828210", "MasterCard", None),
    ("5200828282828897", "MasterCard", Some("could_not_process")),
    ("6011981111111113", "Discover", None),
];

const BANK_TOKENS: &[(&str, &str)] = &[
    ("btok_us", "000123456789"),
    ("btok_us_verified", "000123456789"),
    ("btok_us_noAccount", "000111111116"),
    ("btok_us_verified_noAccount", "000111111116"),
    ("btok_us_accountClosed", "000111111113"),
    ("btok_us_verified_accountClosed", "000111111113"),
    ("btok_us_insufficientFunds", "000222222227"),
    ("btok_us_verified_insufficientFunds", "000222222227"),
    ("btok_us_debitNotAuthorized", "000333333335"),
    ("btok_us_verified_debitNotAuthorized", "000333333335"),
    ("btok_us_invalidCurrency", "000444444440"),
    ("btok_us_verified_invalidCurrency", "000444444440"),
];

const CARD_TOKENS: &[(&str, &str)] = &[
    ("tok_visa_debit", "4000056655665556"),
    ("tok_visa_debit_transferFail", "4000056655665572"),
    ("tok_visa_debit_us_transferSuccess", "4000056755665555"),
    ("tok_mastercard_debit", "5200828282828210"),
    ("tok_mastercard_debit_transferFail", "5200828282828897"),
    ("tok_mastercard_debit_us_transferSuccess", "5200828282828210"),
    // Credit cards are refused.
    ("tok_visa", "4242424242424242"),
    ("tok_mastercard", "5555555555554444"),
    ("tok_amex", "378282246310005"),
];

/// Why payouts to a number fail.
pub(super) fn failure(number: &str) -> Option<&'static str> {
    if let Some((_, _, failure)) = DEBIT_CARDS.iter().find(|(card, _, _)| *card == number) {
        return *failure;
    }
    let iban = number.starts_with(|first: char| first.is_ascii_alphabetic());
    let endings = if iban { FAILING_IBAN_ENDINGS } else { FAILING_ENDINGS };
    endings.iter().find(|(ending, _)| number.ends_with(ending)).map(|(_, code)| *code)
}

/// The brand of a debit card; none for other cards.
pub(super) fn debit_brand(number: &str) -> Option<&'static str> {
    DEBIT_CARDS.iter().find(|(card, _, _)| *card == number).map(|(_, brand, _)| *brand)
}

pub(super) fn bank_of_token(token: &str) -> Option<&'static str> {
    BANK_TOKENS.iter().find(|(known, _)| *known == token).map(|(_, number)| *number)
}

pub(super) fn card_of_token(token: &str) -> Option<&'static str> {
    CARD_TOKENS.iter().find(|(known, _)| *known == token).map(|(_, number)| *number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_numbers_fail_as_documented() {
        assert_eq!(failure("000123456789"), None);
        assert_eq!(failure("000222222227"), Some("insufficient_funds"));
        assert_eq!(failure("00012345"), None);
        assert_eq!(failure("FR86370400440532013002"), Some("account_closed"));
        assert_eq!(failure("4000056655665572"), Some("could_not_process"));
        assert!(BANK_TOKENS.iter().all(|(token, _)| bank_of_token(token).is_some()));
    }
}
