//! A person as Stripe shows it.

use super::Person;
use crate::{
    json::{Value, json},
    protocol::shape::{decimal_json, overlay},
    resources::account::{Account, Requirements},
    store::Tables,
};

impl Person {
    pub(crate) fn render(&self, tables: &Tables) -> Value {
        let account = tables.get::<Account>(&self.account);
        let requirements = account.map(|account| Requirements::of(account, tables)).unwrap_or_default();
        let future = account.map(Requirements::future).unwrap_or_default();
        let individual =
            account.is_some_and(|account| account.business_type.as_deref() == Some("individual"));
        let prefix = if individual { "individual.".to_owned() } else { format!("{}.", self.id) };
        let verified = account.is_some_and(|account| account.details_submitted);
        let relation = &self.relationship;
        let mut person = json!({
            "id": self.id,
            "object": "person",
            "account": self.account,
            "additional_tos_acceptances": { "account": { "date": null, "ip": null, "user_agent": null } },
            "address": self.address.clone().unwrap_or_default(),
            "created": self.created,
            "dob": {
                "day": self.dob.map(|(day, _, _)| day),
                "month": self.dob.map(|(_, month, _)| month),
                "year": self.dob.map(|(_, _, year)| year),
            },
            "email": self.email,
            "first_name": self.first_name,
            "future_requirements": future.of_person(&prefix),
            "id_number_provided": self.id_number_provided,
            "last_name": self.last_name,
            "metadata": self.metadata,
            "phone": self.phone,
            "relationship": {
                "authorizer": relation.authorizer,
                "director": relation.director,
                "executive": relation.executive,
                "legal_guardian": relation.legal_guardian,
                "owner": relation.owner,
                "percent_ownership": relation.percent_ownership.as_deref().map(decimal_json),
                "representative": relation.representative,
                "title": relation.title,
            },
            "requirements": requirements.of_person(&prefix),
            "ssn_last_4_provided": self.ssn_last_4_provided,
            "verification": {
                "additional_document": { "back": null, "details": null, "details_code": null, "front": null },
                "details": null,
                "details_code": null,
                "document": { "back": null, "details": null, "details_code": null, "front": null },
                "status": if verified || self.document_provided { "verified" } else { "unverified" },
            },
        });
        if self.id_number_secondary_provided {
            person["id_number_secondary_provided"] = json!(true);
        }
        overlay(&mut person, &self.kept);
        person
    }
}
