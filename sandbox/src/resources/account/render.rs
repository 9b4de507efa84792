//! An account as Stripe shows it.

use super::{Account, AccountType, Requirements};
use crate::{
    json::{Map, Value, json},
    protocol::{list::embedded, shape::overlay},
    resources::{external_account::ExternalAccount, person::representative},
    store::Tables,
};

impl Account {
    pub(crate) fn render(&self, tables: &Tables) -> Value {
        let requirements = Requirements::of(self, tables);
        let mut account = json!({
            "id": self.id,
            "object": "account",
            "business_profile": self.render_business_profile(),
            "business_type": self.business_type,
            "capabilities": self.render_capabilities(),
            "charges_enabled": self.charges_enabled(),
            "controller": self.render_controller(),
            "country": self.country,
            "created": self.created,
            "default_currency": self.default_currency,
            "details_submitted": self.details_submitted,
            "email": self.email,
            "external_accounts": self.render_external_accounts(tables),
            "future_requirements": Requirements::future(self).render(),
            "groups": { "payments_pricing": self.payments_pricing },
            "metadata": self.metadata,
            "payouts_enabled": self.payouts_enabled(tables),
            "requirements": requirements.render(),
            "settings": self.render_settings(),
            "tos_acceptance": self.render_tos(),
            "type": self.kind,
        });
        let Value::Object(fields) = &mut account else { return account };
        if !self.is_of_one_person() {
            fields.insert("company", self.render_company());
        } else if self.business_type.is_some()
            && self.shows_individual()
            && let Some(person) = representative(tables, &self.id)
        {
            fields.insert("individual", person.render(tables));
        }
        account
    }

    /// Money may leave for a bank: something is active, and there is a bank that works.
    pub(crate) fn payouts_enabled(&self, tables: &Tables) -> bool {
        if self.is_platform() {
            return true;
        }
        let something_active = self.is_active("transfers") || self.is_active("card_payments");
        self.details_submitted && something_active && !Requirements::of(self, tables).has_bank_due()
    }

    /// Stripe shows the person to platforms that collect the requirements, and to others until it collects them.
    fn shows_individual(&self) -> bool {
        self.controller.requirement_collection == "application" || !self.details_submitted
    }

    fn render_business_profile(&self) -> Value {
        let profile = &self.business_profile;
        let mut shown = json!({
            "annual_revenue": null,
            "estimated_worker_count": null,
            "mcc": profile.mcc,
            "minority_owned_business_designation": null,
            "name": profile.name,
            "product_description": profile.product_description,
            "specified_commercial_transactions_act_url": null,
            "support_address": null,
            "support_email": profile.support_email,
            "support_phone": profile.support_phone,
            "support_url": profile.support_url,
            "url": profile.url,
        });
        overlay(&mut shown, &profile.kept);
        shown
    }

    fn render_capabilities(&self) -> Value {
        let requested = self.capabilities.iter().filter(|(_, capability)| capability.requested);
        Value::Object(
            requested.map(|(name, capability)| (name.clone(), json!(capability.status()))).collect::<Map>(),
        )
    }

    fn render_controller(&self) -> Value {
        let controller = &self.controller;
        if self.is_platform() {
            return json!({ "type": "account" });
        }
        json!({
            "fees": { "payer": controller.fees_payer },
            "is_controller": true,
            "losses": { "payments": controller.losses },
            "requirement_collection": controller.requirement_collection,
            "stripe_dashboard": { "type": controller.dashboard },
            "type": "application",
        })
    }

    fn render_external_accounts(&self, tables: &Tables) -> Value {
        let banks = tables.list::<ExternalAccount>(&self.id).rev().map(|bank| bank.render(tables)).collect();
        embedded(format!("/v1/accounts/{}/external_accounts", self.id), banks)
    }

    fn render_company(&self) -> Value {
        let company = &self.company;
        let mut shown = json!({
            "address": company.address.clone().unwrap_or_default(),
            "directors_provided": false,
            "executives_provided": false,
            "name": company.name,
            "owners_provided": company.owners_provided,
            "phone": company.phone,
            "tax_id_provided": company.tax_id_provided,
            "verification": { "document": { "back": null, "details": null, "details_code": null, "front": null } },
        });
        if company.vat_id_provided {
            shown["vat_id_provided"] = json!(true);
        }
        overlay(&mut shown, &company.kept);
        shown
    }

    fn render_settings(&self) -> Value {
        let settings = &self.settings;
        let mut schedule = json!({
            "delay_days": settings.schedule.delay_days,
            "interval": settings.schedule.interval.as_str(),
        });
        if let Some(anchor) = &settings.schedule.weekly_anchor {
            schedule["weekly_anchor"] = json!(anchor);
            schedule["weekly_payout_days"] = json!(settings.schedule.weekly_days);
        }
        if let Some(anchor) = settings.schedule.monthly_anchor {
            schedule["monthly_anchor"] = json!(anchor);
            schedule["monthly_payout_days"] = json!(settings.schedule.monthly_days);
        }
        let mut shown = json!({
            "bacs_debit_payments": { "display_name": null, "service_user_number": null },
            "branding": { "icon": null, "logo": null, "primary_color": null, "secondary_color": null },
            "card_issuing": { "tos_acceptance": { "date": null, "ip": null } },
            "card_payments": {
                "decline_on": { "avs_failure": false, "cvc_failure": false },
                "statement_descriptor_prefix": settings.card_descriptor_prefix,
                "statement_descriptor_prefix_kana": null,
                "statement_descriptor_prefix_kanji": null,
            },
            "dashboard": { "display_name": settings.display_name, "timezone": "Etc/UTC" },
            "invoices": { "default_account_tax_ids": [], "hosted_payment_method_save": null },
            "payments": {
                "statement_descriptor": settings.payments_descriptor,
                "statement_descriptor_kana": null,
                "statement_descriptor_kanji": null,
                "statement_descriptor_prefix_kana": null,
                "statement_descriptor_prefix_kanji": null,
            },
            "payouts": {
                "debit_negative_balances": settings.debit_negative_balances,
                "schedule": schedule,
                "statement_descriptor": settings.payout_descriptor,
            },
            "sepa_debit_payments": {},
            "treasury": { "tos_acceptance": { "date": null, "ip": null } },
        });
        overlay(&mut shown, &settings.kept);
        // It holds a password.
        if let Some(Value::Object(paypay)) = shown.get_mut("paypay_payments") {
            paypay.remove("site");
        }
        shown
    }

    fn render_tos(&self) -> Value {
        let mut tos = json!({ "date": self.tos.date, "ip": self.tos.ip, "user_agent": self.tos.user_agent });
        // Stripe shows the agreement of accounts that it shows the acceptance of.
        if let Some(agreement) = &self.tos.service_agreement {
            tos["service_agreement"] = json!(agreement);
        }
        if self.kind == AccountType::Standard && self.tos.service_agreement.is_none() {
            tos["service_agreement"] = json!("full");
        }
        tos
    }
}
