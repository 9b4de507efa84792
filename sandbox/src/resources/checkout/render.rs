//! A session as Stripe shows it.

use super::{LineItem, Mode, Session, Status};
use crate::{
    json::{Value, json},
    store::Tables,
};

/// What a session has at Stripe, and never here.
const ABSENT: &[&str] = &[
    "after_expiration",
    "consent",
    "consent_collection",
    "currency_conversion",
    "customer_account",
    "integration_identifier",
    "invoice",
    "managed_payments",
    "payment_link",
    "payment_method_configuration_details",
    "permissions",
    "recovered_from",
    "saved_payment_method_options",
    "shipping_address_collection",
    "shipping_cost",
    "subscription",
    "wallet_options",
];

fn no_invoice() -> Value {
    json!({
        "enabled": false,
        "invoice_data": {
            "account_tax_ids": null,
            "custom_fields": null,
            "description": null,
            "footer": null,
            "issuer": null,
            "metadata": {},
            "rendering_options": null,
        },
    })
}

impl Session {
    pub(crate) fn render(&self, _: &Tables) -> Value {
        let mut session = self.render_sale();
        if let (Value::Object(all), Value::Object(page)) = (&mut session, self.render_page()) {
            all.extend(page);
            all.extend(ABSENT.iter().map(|name| ((*name).to_owned(), Value::Null)));
        }
        let shown = &self.appearance;
        let optional = [
            ("excluded_payment_method_types", self.excluded_methods.as_ref().map(|methods| json!(methods))),
            ("redirect_on_completion", shown.redirect_on_completion.as_ref().map(|when| json!(when))),
            ("return_url", self.return_url.as_ref().map(|url| json!(url))),
        ];
        for (name, value) in optional {
            if let Some(value) = value {
                session[name] = value;
            }
        }
        session
    }

    /// What is sold, to whom, and how far that is.
    fn render_sale(&self) -> Value {
        let paid = self.mode == Mode::Payment;
        let total = paid.then(|| self.total());
        json!({
            "id": self.id,
            "object": "checkout.session",
            "adaptive_pricing": paid.then(|| json!({ "enabled": false })),
            "allowed_payment_method_types": self.allowed_methods,
            "amount_subtotal": total,
            "amount_total": total,
            "automatic_tax": { "enabled": false, "liability": null, "provider": null, "status": null },
            "client_reference_id": self.client_reference_id,
            "created": self.created,
            "currency": self.currency,
            "customer": self.customer,
            "customer_creation": self.customer_creation,
            "customer_details": self.render_payer(),
            "customer_email": self.customer_email,
            "discounts": if paid { json!([]) } else { Value::Null },
            "expires_at": self.expires_at,
            "invoice_creation": paid.then(no_invoice),
            "livemode": false,
            "metadata": self.metadata,
            "mode": self.mode,
            "payment_intent": self.payment_intent,
            "payment_method_collection": if paid { "if_required" } else { "always" },
            "payment_method_options": {},
            "payment_method_types": self.method_types(),
            "payment_status": self.payment_status,
            "setup_intent": self.setup_intent,
            "shipping_options": [],
            "status": self.status,
            "total_details": paid
                .then(|| json!({ "amount_discount": 0, "amount_shipping": 0, "amount_tax": 0 })),
        })
    }

    /// How it is shown, and where it leads to.
    fn render_page(&self) -> Value {
        let shown = &self.appearance;
        json!({
            "allow_promotion_codes": shown.allow_promotion_codes,
            "billing_address_collection": shown.billing_address_collection,
            "cancel_url": self.cancel_url,
            "client_secret": self.client_secret,
            "collected_information": shown.shipping_details.as_ref().map(|details| json!({
                "business_name": null,
                "individual_name": null,
                "shipping_details": details,
            })),
            "custom_fields": [],
            "custom_text": {
                "after_submit": null,
                "shipping_address": null,
                "submit": null,
                "terms_of_service_acceptance": null,
            },
            "locale": shown.locale,
            "origin_context": shown.origin_context,
            "phone_number_collection": { "enabled": shown.phone_number_collection },
            "submit_type": shown.submit_type,
            "success_url": self.success_url,
            "ui_mode": shown.ui_mode,
            "url": self.url,
        })
    }

    /// What is known of the buyer: the e-mail address from the start if it was given, the rest when it is complete.
    fn render_payer(&self) -> Option<Value> {
        let complete = self.payer.as_ref().filter(|_| self.status == Status::Complete);
        let email = complete.and_then(|payer| payer.email.as_ref()).or(self.customer_email.as_ref())?;
        Some(json!({
            "address": null,
            "business_name": null,
            "email": email,
            "individual_name": null,
            "name": complete.and_then(|payer| payer.name.as_ref()),
            "phone": null,
            "tax_exempt": "none",
            "tax_ids": complete.map(|_| json!([])),
        }))
    }

    /// `expand[]=line_items`
    pub(crate) fn render_items(&self) -> Value {
        let data: Vec<Value> = self.items.iter().map(LineItem::render).collect();
        json!({
            "object": "list",
            "data": data,
            "has_more": false,
            "url": format!("/v1/checkout/sessions/{}/line_items", self.id),
        })
    }
}
