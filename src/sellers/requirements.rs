//! Stripe's names of what it requires, as a seller reads them.
//! Source of the names: <https://docs.stripe.com/connect/handling-api-verification>.

/// Names by what they begin with; the first that fits is taken. Parts of one answer share one line.
const WORDS: &[(&str, &str)] = &[
    ("business_profile.mcc", "The kind of your business"),
    ("business_profile.product_description", "What you sell"),
    ("business_profile.url", "Your website"),
    ("business_profile.", "Details of your business"),
    ("business_type", "Whether you are a person or a company"),
    ("company.address", "The company's address"),
    ("company.tax_id", "The company's tax number"),
    ("company.", "Details of the company"),
    ("external_account", "A bank account to be paid to"),
    ("individual.address", "Your home address"),
    ("individual.dob", "Your date of birth"),
    ("individual.email", "Your e-mail address"),
    ("individual.first_name", "Your legal name"),
    ("individual.id_number", "Your tax or identity number"),
    ("individual.last_name", "Your legal name"),
    ("individual.phone", "Your phone number"),
    ("individual.ssn_last_4", "The last four digits of your social security number"),
    ("individual.verification", "A document that shows who you are"),
    ("individual.", "Details about you"),
    ("owners.", "Details of the owners"),
    ("person_", "Details of a person behind the business"),
    ("representative.", "Details of the company's representative"),
    ("settings.payments.statement_descriptor", "What your buyers read on their statements"),
    ("tos_acceptance", "Your agreement to Stripe's terms"),
];

/// What is missing, each thing once, in the order of the names.
pub(super) fn in_words<'a>(fields: impl IntoIterator<Item = &'a String>) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for field in fields {
        let known = WORDS.iter().find(|(prefix, _)| field.starts_with(prefix));
        // A name that is new to us is better than nothing.
        let line = known.map_or_else(|| field.replace(['_', '.'], " "), |(_, line)| (*line).to_owned());
        if !words.contains(&line) {
            words.push(line);
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_one_answer_are_one_line_and_new_names_still_say_something() {
        let fields = ["individual.dob.day", "individual.dob.year", "individual.first_name", "some_new.thing"];
        let fields = fields.map(str::to_owned);
        assert_eq!(in_words(&fields), ["Your date of birth", "Your legal name", "some new thing"]);
    }
}
