//! What the API shows of a rule.

use chrono::{DateTime, Utc};
use poem_openapi::Object;
use souk_entity::{CommissionRuleId, ListingId, SellerId, commission_rule};

use super::terms::Terms;
use crate::api::{Currency, Id, Money};

/// A commission rule: of which lines the marketplace keeps how much. The most specific rule in effect decides a line:
/// one for a listing, then for a seller's category, a seller, a category, everything. Of two alike the one that names
/// the line's currency decides, then the one that came into effect later, then the one that was made later.
#[derive(Clone, Debug, PartialEq, Eq, Object)]
#[oai(rename = "CommissionRule", skip_serializing_if_is_none)]
pub(super) struct RuleView {
    /// `commissionrule_...`
    id: Id<CommissionRuleId>,
    /// Only lines of this seller; any if absent.
    seller_id: Option<Id<SellerId>>,
    /// Only lines of this category, to the letter; any if absent.
    category: Option<String>,
    /// Only lines of this listing; any if absent.
    listing_id: Option<Id<ListingId>>,
    /// Only lines in this currency; any if absent.
    currency: Option<Currency>,
    /// Ten-thousandths of the line's amount, rounded half up.
    basis_points: i32,
    /// Added to that, once for each line.
    fixed: Option<Money>,
    /// At least so much of each line, though never more than the line.
    minimum: Option<Money>,
    /// At most so much of each line.
    maximum: Option<Money>,
    /// From when on it decides.
    effective_from: DateTime<Utc>,
    /// From when on it no longer decides.
    effective_until: Option<DateTime<Utc>>,
    /// When the rule was created.
    created_at: DateTime<Utc>,
    /// When it last changed.
    updated_at: DateTime<Utc>,
    /// When it was deleted; it decides nothing since.
    deleted_at: Option<DateTime<Utc>>,
}

impl From<&commission_rule::Model> for RuleView {
    fn from(rule: &commission_rule::Model) -> Self {
        let terms = Terms::of(rule);
        Self {
            id: Id(rule.id),
            seller_id: rule.seller_id.map(Id),
            category: rule.category.clone(),
            listing_id: rule.listing_id.map(Id),
            currency: rule.currency.map(Currency),
            basis_points: terms.basis_points,
            fixed: terms.fixed.map(Money::from),
            minimum: terms.minimum.map(Money::from),
            maximum: terms.maximum.map(Money::from),
            effective_from: terms.effective_from,
            effective_until: terms.effective_until,
            created_at: rule.created_at,
            updated_at: rule.updated_at,
            deleted_at: rule.deleted_at,
        }
    }
}
