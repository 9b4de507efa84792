//! The operations on commission rules.

use chrono::{DateTime, Utc};
use poem::web::Data;
use poem_openapi::{
    Object, OpenApi, Tags,
    param::{Path, Query},
    payload::Json,
    types::MaybeUndefined,
};
use souk_entity::{CommissionRuleId, ListingId, SellerId};

use super::{
    change,
    create::{self, Conditions},
    delete,
    error::CommissionError,
    preview::{self, Asked as AskedFor, AskedLine, Preview},
    store,
    terms::Terms,
    view::RuleView,
};
use crate::{
    api::{
        Backoffice, Body, Created, Currency, Cursor, Id, Limit, Money, OperatorOnly, OptionalIdempotencyKey,
        Page, Problem, performed,
    },
    context::Context,
    idempotency::Asked,
};

/// The commission rules' operations.
#[derive(Clone, Copy, Debug)]
pub struct CommissionsApi;

#[derive(Tags)]
enum Tag {
    /// What the marketplace keeps of each line that is sold.
    Commissions,
}

/// A rule to be. What it names must all be so of a line; a rule that names nothing is for every line, in place of the
/// default.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
struct CreateCommissionRule {
    /// Only lines of this seller.
    seller_id: Option<Id<SellerId>>,
    /// Only lines of this category, to the letter; 1 to 100 characters.
    #[oai(validator(min_length = 1, max_length = 100))]
    category: Option<String>,
    /// Only lines of this listing; with `seller_id`, one of theirs.
    listing_id: Option<Id<ListingId>>,
    /// Only lines in this currency; needed if an amount is given, and then the amount's.
    currency: Option<Currency>,
    /// Ten-thousandths of the line's amount, 0 to 10,000; rounded half up.
    #[oai(validator(minimum(value = "0"), maximum(value = "10000")))]
    basis_points: i32,
    /// Added to that, once for each line whatever its quantity.
    fixed: Option<Money>,
    /// At least so much of each line, though never more than the line.
    minimum: Option<Money>,
    /// At most so much of each line; not below `minimum`.
    maximum: Option<Money>,
    /// From when on it decides; now if not given. A time that is past is as good as now: what was sold stays as it is.
    effective_from: Option<DateTime<Utc>>,
    /// From when on it no longer decides; after `effective_from`. Without it, until it is deleted.
    effective_until: Option<DateTime<Utc>>,
}

/// What to change; fields that are left out stay as they are, and `null` takes an amount or the end away. What a rule
/// is for can't be changed: delete it and create another.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
struct ChangeCommissionRule {
    /// Ten-thousandths of the line's amount, 0 to 10,000; rounded half up.
    #[oai(validator(minimum(value = "0"), maximum(value = "10000")))]
    basis_points: Option<i32>,
    /// Added to that, once for each line whatever its quantity.
    fixed: MaybeUndefined<Money>,
    /// At least so much of each line, though never more than the line.
    minimum: MaybeUndefined<Money>,
    /// At most so much of each line; not below `minimum`.
    maximum: MaybeUndefined<Money>,
    /// From when on it decides.
    effective_from: Option<DateTime<Utc>>,
    /// From when on it no longer decides; after `effective_from`.
    effective_until: MaybeUndefined<DateTime<Utc>>,
}

impl ChangeCommissionRule {
    fn apply_to(self, terms: &mut Terms) {
        terms.basis_points = self.basis_points.unwrap_or(terms.basis_points);
        self.fixed.map_value(Into::into).update_to(&mut terms.fixed);
        self.minimum.map_value(Into::into).update_to(&mut terms.minimum);
        self.maximum.map_value(Into::into).update_to(&mut terms.maximum);
        terms.effective_from = self.effective_from.unwrap_or(terms.effective_from);
        self.effective_until.update_to(&mut terms.effective_until);
    }
}

/// A line of a cart: a listing, or a seller with a price.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
struct PreviewLine {
    /// What is sold, at its price and of its seller and category.
    listing_id: Option<Id<ListingId>>,
    /// Who sells it; instead of `listing_id`.
    seller_id: Option<Id<SellerId>>,
    /// The marketplace's own word for its kind; with `seller_id`.
    #[oai(validator(min_length = 1, max_length = 100))]
    category: Option<String>,
    /// The price of one; with `seller_id`.
    unit_amount: Option<Money>,
    /// How many.
    #[oai(validator(minimum(value = "1"), maximum(value = "100000")))]
    quantity: i64,
}

/// A cart of which to see the commission.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
struct PreviewCommission {
    /// What would be sold, all in one currency.
    #[oai(validator(min_items = 1, max_items = 100))]
    lines: Vec<PreviewLine>,
    /// When it would be sold; now if not given.
    at: Option<DateTime<Utc>>,
}

/// What would be kept of a line.
#[derive(Clone, Debug, PartialEq, Eq, Object)]
#[oai(rename = "PreviewedLine", skip_serializing_if_is_none)]
struct PreviewedLineView {
    /// `unit_amount * quantity`.
    amount: Money,
    /// What the marketplace would keep of it.
    commission: Money,
    /// The rule that decides; none for the default, `SOUK_COMMISSION_BPS`.
    commission_rule_id: Option<Id<CommissionRuleId>>,
}

/// What would be kept of a cart.
#[derive(Clone, Debug, PartialEq, Eq, Object)]
#[oai(rename = "CommissionPreview")]
struct PreviewView {
    /// The lines, in the order in which they were sent.
    lines: Vec<PreviewedLineView>,
    /// The sum of the lines.
    amount: Money,
    /// The sum of the commissions.
    commission: Money,
}

#[OpenApi(prefix_path = "/v1", tag = "Tag::Commissions")]
impl CommissionsApi {
    /// Create a commission rule; orders that were made keep theirs.
    #[oai(path = "/commission-rules", method = "post", operation_id = "createCommissionRule")]
    async fn create(
        &self,
        caller: OperatorOnly,
        ctx: Data<&Context>,
        #[oai(name = "Idempotency-Key")] key: OptionalIdempotencyKey,
        body: Body<CreateCommissionRule>,
    ) -> Result<Created<RuleView>, Problem> {
        let asked = Asked::new(caller.key(), key.0, "createCommissionRule", &body.raw);
        let wanted = body.value;
        let conditions = Conditions {
            seller: wanted.seller_id.map(|id| id.0),
            category: wanted.category,
            listing: wanted.listing_id.map(|id| id.0),
            currency: wanted.currency.map(|currency| currency.0),
        };
        let terms = Terms {
            basis_points: wanted.basis_points,
            fixed: wanted.fixed.map(Into::into),
            minimum: wanted.minimum.map(Into::into),
            maximum: wanted.maximum.map(Into::into),
            effective_from: wanted.effective_from.unwrap_or_else(|| ctx.clock.business()),
            effective_until: wanted.effective_until,
        };
        performed(create::create(&ctx, &asked, conditions, terms).await?)
    }

    /// List the commission rules that were not deleted, newest first.
    #[oai(path = "/commission-rules", method = "get", operation_id = "listCommissionRules")]
    async fn list(
        &self,
        _caller: OperatorOnly,
        ctx: Data<&Context>,
        seller_id: Query<Option<Id<SellerId>>>,
        limit: Limit,
        cursor: Cursor<CommissionRuleId>,
    ) -> Result<Json<Page<RuleView>>, Problem> {
        let seller = seller_id.0.map(|id| id.0);
        let rules = store::page(&ctx, seller, cursor.0, limit.rows_to_fetch()).await?;
        Ok(Json(Page::new(rules, limit, |rule| rule.id, |rule| RuleView::from(&rule))))
    }

    /// Read a commission rule, a deleted one too: lines of orders name it.
    #[oai(path = "/commission-rules/:commission_rule_id", method = "get", operation_id = "getCommissionRule")]
    async fn get(
        &self,
        _caller: OperatorOnly,
        ctx: Data<&Context>,
        commission_rule_id: Path<Id<CommissionRuleId>>,
    ) -> Result<Json<RuleView>, Problem> {
        let rule = store::find(&ctx.db, commission_rule_id.0.0).await?.ok_or(CommissionError::NotFound)?;
        Ok(Json(RuleView::from(&rule)))
    }

    /// Change how much a commission rule keeps, or when; orders that were made keep theirs.
    #[oai(
        path = "/commission-rules/:commission_rule_id",
        method = "patch",
        operation_id = "changeCommissionRule"
    )]
    async fn change(
        &self,
        _caller: OperatorOnly,
        ctx: Data<&Context>,
        commission_rule_id: Path<Id<CommissionRuleId>>,
        body: Body<ChangeCommissionRule>,
    ) -> Result<Json<RuleView>, Problem> {
        let wanted = body.value;
        let rule = change::change(&ctx, commission_rule_id.0.0, |terms| wanted.apply_to(terms)).await?;
        Ok(Json(RuleView::from(&rule)))
    }

    /// Delete a commission rule: it decides nothing any more. It can still be read.
    #[oai(
        path = "/commission-rules/:commission_rule_id",
        method = "delete",
        operation_id = "deleteCommissionRule"
    )]
    async fn delete(
        &self,
        _caller: OperatorOnly,
        ctx: Data<&Context>,
        commission_rule_id: Path<Id<CommissionRuleId>>,
    ) -> Result<Json<RuleView>, Problem> {
        Ok(Json(RuleView::from(&delete::delete(&ctx, commission_rule_id.0.0).await?)))
    }

    /// Show what the marketplace would keep of a cart, and by which rule. Nothing is written.
    #[oai(path = "/commission-rules/preview", method = "post", operation_id = "previewCommission")]
    async fn preview(
        &self,
        _caller: Backoffice,
        ctx: Data<&Context>,
        body: Body<PreviewCommission>,
    ) -> Result<Json<PreviewView>, Problem> {
        let at = body.value.at.unwrap_or_else(|| ctx.clock.business());
        let lines = body.value.lines.into_iter().enumerate();
        let lines = lines.map(|(index, line)| asked_line(index, line)).collect::<Result<Vec<_>, _>>()?;
        Ok(Json(PreviewView::from(preview::preview(&ctx, at, &lines).await?)))
    }
}

fn asked_line(index: usize, line: PreviewLine) -> Result<AskedLine, CommissionError> {
    let what = match (line.listing_id, line.seller_id, line.category, line.unit_amount) {
        (Some(listing), None, None, None) => AskedFor::Listing(listing.0),
        (None, Some(seller), category, Some(unit_amount)) => {
            AskedFor::Priced { seller: seller.0, category, unit_amount: unit_amount.into() }
        }
        _ => return Err(CommissionError::Ambiguous { line: index }),
    };
    Ok(AskedLine { what, quantity: line.quantity })
}

impl From<Preview> for PreviewView {
    fn from(preview: Preview) -> Self {
        let currency = preview.amount.currency;
        let lines = preview.lines.into_iter().map(|line| PreviewedLineView {
            amount: line.amount.into(),
            commission: souk_entity::Money::new(line.commission.amount, currency).into(),
            commission_rule_id: line.commission.rule.map(Id),
        });
        Self { lines: lines.collect(), amount: preview.amount.into(), commission: preview.commission.into() }
    }
}
