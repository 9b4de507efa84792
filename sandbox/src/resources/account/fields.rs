//! The parameters of accounts that move nothing: kept, and shown again.

use crate::{
    protocol::shape::{Fields, Shape},
    resources::person::{ADDRESS, FILES, LOCAL_ADDRESS, SIDES},
};

/// Who declared something, and when.
const DECLARATION: Shape =
    Shape::Whole(&[("date", Shape::Int), ("ip", Shape::Text), ("user_agent", Shape::Text)]);

const TOS: Shape = Shape::Hash(&[(
    "tos_acceptance",
    Shape::Hash(&[("date", Shape::Int), ("ip", Shape::Text), ("user_agent", Shape::Text)]),
)]);

/// Of `business_profile`.
pub(super) const PROFILE: Fields = &[
    (
        "annual_revenue",
        Shape::Complete(&[
            ("amount", Shape::Int),
            ("currency", Shape::Text),
            ("fiscal_year_end", Shape::Text),
        ]),
    ),
    ("estimated_worker_count", Shape::Int),
    ("minority_owned_business_designation", Shape::Texts),
    ("monthly_estimated_revenue", Shape::Complete(&[("amount", Shape::Int), ("currency", Shape::Text)])),
    ("specified_commercial_transactions_act_url", Shape::Text),
    ("support_address", ADDRESS),
];

/// Of `company`.
pub(super) const COMPANY: Fields = &[
    ("address_kana", LOCAL_ADDRESS),
    ("address_kanji", LOCAL_ADDRESS),
    ("administrative_address", ADDRESS),
    ("directors_provided", Shape::Bool),
    ("directorship_declaration", DECLARATION),
    ("executives_provided", Shape::Bool),
    ("export_license_id", Shape::Text),
    ("export_purpose_code", Shape::Text),
    ("name_kana", Shape::Text),
    ("name_kanji", Shape::Text),
    ("ownership_declaration", DECLARATION),
    ("ownership_exemption_reason", Shape::Text),
    ("principal_place_of_business", ADDRESS),
    ("registration_date", Shape::Hash(&[("day", Shape::Int), ("month", Shape::Int), ("year", Shape::Int)])),
    ("representative_declaration", DECLARATION),
    ("structure", Shape::Text),
    ("tax_id_registrar", Shape::Text),
    ("verification", Shape::Hash(&[("document", SIDES)])),
];

/// Of `company`, taken and never shown.
pub(super) const COMPANY_HIDDEN: Fields = &[("registration_number", Shape::Text)];

/// Of `settings`.
pub(super) const SETTINGS: Fields = &[
    ("bacs_debit_payments", Shape::Hash(&[("display_name", Shape::Text)])),
    (
        "branding",
        Shape::Hash(&[
            ("icon", Shape::Text),
            ("logo", Shape::Text),
            ("primary_color", Shape::Text),
            ("secondary_color", Shape::Text),
        ]),
    ),
    ("card_issuing", TOS),
    (
        "invoices",
        Shape::Hash(&[
            ("default_account_tax_ids", Shape::Texts),
            ("hosted_payment_method_save", Shape::One(&["always", "never", "offer"])),
        ]),
    ),
    (
        "paypay_payments",
        Shape::Hash(&[
            ("additional_files", Shape::Texts),
            ("goods_type", Shape::One(&["digital_content", "other"])),
            (
                "site",
                Shape::Hash(&[
                    ("accessible", Shape::Hash(&[])),
                    ("in_development", Shape::Hash(&[("password", Shape::Text), ("username", Shape::Text)])),
                    ("restricted", Shape::Hash(&[("payment_flow_file", Shape::Text)])),
                    ("type", Shape::One(&["accessible", "in_development", "restricted"])),
                ]),
            ),
        ]),
    ),
    ("sepa_debit_payments", Shape::Hash(&[("creditor_id", Shape::Text)])),
    ("treasury", TOS),
];

/// Of `settings.card_payments`.
pub(super) const CARDS: Fields = &[
    ("decline_on", Shape::Hash(&[("avs_failure", Shape::Bool), ("cvc_failure", Shape::Bool)])),
    ("statement_descriptor_prefix_kana", Shape::Text),
    ("statement_descriptor_prefix_kanji", Shape::Text),
];

/// Of `settings.payments`.
pub(super) const PAYMENTS: Fields =
    &[("statement_descriptor_kana", Shape::Text), ("statement_descriptor_kanji", Shape::Text)];

/// Taken and never shown.
pub(super) const HIDDEN: Fields = &[
    ("account_token", Shape::Text),
    (
        "documents",
        Shape::Hash(&[
            ("bank_account_ownership_verification", FILES),
            ("company_license", FILES),
            ("company_memorandum_of_association", FILES),
            ("company_ministerial_decree", FILES),
            ("company_registration_verification", FILES),
            ("company_tax_id_verification", FILES),
            ("proof_of_address", FILES),
            ("proof_of_registration", SIGNED),
            ("proof_of_ultimate_beneficial_ownership", SIGNED),
        ]),
    ),
];

const SIGNED: Shape =
    Shape::Hash(&[("files", Shape::Texts), ("signer", Shape::Hash(&[("person", Shape::Text)]))]);
