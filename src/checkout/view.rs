//! What the API shows of an order.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use poem_openapi::Object;
use souk_entity::{
    BuyerId, CommissionRuleId, ListingId, OrderId, OrderLineId, OrderShareId, SellerId, order, order_line,
    order_share,
};

use super::{
    decline::Decline,
    release::Rule,
    store::Whole,
    words::{ChargeModelView, HoldActorView, LineKindView, ReleaseTypeView, ShareStateView, StatusView},
};
use crate::{
    api::{Id, Money},
    context::Context,
    seal::SealError,
};

/// When the shares of an order are released to their sellers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Object)]
#[oai(rename = "Release", skip_serializing_if_is_none)]
pub(super) struct ReleaseView {
    /// What it waits for.
    #[oai(rename = "type")]
    release: ReleaseTypeView,
    /// How many days later; with `after_payment` and `after_fulfillment`.
    days: Option<i32>,
}

/// Why a share is held.
#[derive(Clone, Debug, PartialEq, Eq, Object)]
#[oai(rename = "ShareHold", skip_serializing_if_is_none)]
pub(super) struct HoldView {
    /// A stable word: `awaiting_fulfillment`, `awaiting_release_date`, ...
    reason: String,
    /// The same for people, where there is more to tell.
    detail: Option<String>,
    /// Who can end it; none where only time does.
    actor: Option<HoldActorView>,
    /// When what failed is tried again.
    next_attempt_at: Option<DateTime<Utc>>,
}

/// A line, as it was sold.
#[derive(Clone, Debug, PartialEq, Eq, Object)]
#[oai(rename = "OrderLine", skip_serializing_if_is_none)]
pub(super) struct LineView {
    /// `line_...`
    id: Id<OrderLineId>,
    /// What it stands for.
    kind: LineKindView,
    /// What was bought; none if the marketplace's backend priced the line.
    listing_id: Option<Id<ListingId>>,
    /// Who sells it.
    seller_id: Id<SellerId>,
    /// As it read at sale.
    title: String,
    /// The listing's category at sale, or what the marketplace's backend gave.
    category: Option<String>,
    /// The price of one, at sale.
    unit_amount: Money,
    /// How many.
    quantity: i64,
    /// `unit_amount * quantity`.
    amount: Money,
    /// The marketplace's part; not shown to buyers.
    commission: Option<Money>,
    /// The rule that set it, at sale; none for the default. Not shown to buyers.
    commission_rule_id: Option<Id<CommissionRuleId>>,
}

/// What one seller gets of an order.
#[derive(Clone, Debug, PartialEq, Eq, Object)]
#[oai(rename = "OrderShare", skip_serializing_if_is_none)]
pub(super) struct ShareView {
    /// `share_...`
    id: Id<OrderShareId>,
    /// Whose share.
    seller_id: Id<SellerId>,
    /// The sum of the seller's lines.
    gross: Money,
    /// The marketplace's part.
    commission: Money,
    /// What the seller gets: `gross - commission`.
    net: Money,
    /// What has reached the seller's Stripe balance.
    transferred: Money,
    /// What was taken back from there.
    reversed: Money,
    /// Where it stands.
    state: ShareStateView,
    /// Why it is held.
    hold: Option<HoldView>,
    /// When the seller fulfilled their part.
    fulfilled_at: Option<DateTime<Utc>>,
    /// From when the release rule lets it go, as far as that is known; of separate charges alone.
    releasable_at: Option<DateTime<Utc>>,
}

/// Why the last attempt to pay failed; another card may be tried.
#[derive(Clone, Debug, PartialEq, Eq, Object)]
#[oai(rename = "PaymentFailure", skip_serializing_if_is_none)]
pub(super) struct FailureView {
    /// Stripe's code: `card_declined`, `expired_card`, ...
    code: String,
    /// Stripe's decline code: `insufficient_funds`, ... To a buyer, `generic_decline` stands for what is not theirs
    /// to know.
    decline_code: Option<String>,
    /// A text that may be shown to the buyer.
    message: Option<String>,
}

/// What a buyer's app needs to take the payment with Stripe's SDK.
#[derive(Clone, Debug, PartialEq, Eq, Object)]
#[oai(rename = "Payment", skip_serializing_if_is_none)]
pub(super) struct PaymentView {
    /// Stripe's status of the payment intent.
    status: Option<String>,
    /// `pi_...`
    stripe_payment_intent_id: Option<String>,
    /// For Stripe's SDK in the buyer's app; a secret of this buyer. Not shown to sellers, nor once paid.
    client_secret: Option<String>,
    /// For Stripe's SDK in the buyer's app.
    publishable_key: String,
    /// The account that Stripe's SDK must name, `acct_...`: with `direct`, where the payment is made on the seller's
    /// own account.
    stripe_account: Option<String>,
    /// Why the last attempt failed.
    last_failure: Option<FailureView>,
}

/// An order.
#[derive(Clone, Debug, PartialEq, Eq, Object)]
#[oai(rename = "Order", skip_serializing_if_is_none)]
pub(super) struct OrderView {
    /// `order_...`
    id: Id<OrderId>,
    /// Who buys.
    buyer_id: Option<Id<BuyerId>>,
    /// Where it stands.
    status: StatusView,
    /// How the money goes.
    charge_model: ChargeModelView,
    /// Whether the seller is the business that the buyer pays; shown to the back office.
    on_behalf_of: Option<bool>,
    /// When shares are released; not shown to buyers.
    release: Option<ReleaseView>,
    /// The sum of the lines; for a seller, of their own.
    amount: Money,
    /// What was taken from the buyer; not shown to sellers.
    captured: Option<Money>,
    /// What was given back to the buyer; not shown to sellers.
    refunded: Option<Money>,
    /// The lines; for a seller, their own.
    lines: Vec<LineView>,
    /// The sellers' shares; for a seller, their own; not shown to buyers.
    #[oai(skip_serializing_if_is_empty)]
    shares: Vec<ShareView>,
    /// How to pay; not shown to sellers.
    payment: Option<PaymentView>,
    /// The caller's own keys and values; not shown to sellers.
    metadata: Option<BTreeMap<String, String>>,
    /// When the order was created.
    created_at: DateTime<Utc>,
    /// When it last changed.
    updated_at: DateTime<Utc>,
    /// When the money was taken.
    paid_at: Option<DateTime<Utc>>,
}

impl OrderView {
    /// The whole order, for the back office.
    pub(super) fn for_backoffice(ctx: &Context, whole: &Whole) -> Result<Self, SealError> {
        let mut view = Self::of(whole, |_| true, true);
        view.on_behalf_of = Some(whole.order.on_behalf_of);
        let mut payment = payment(ctx, &whole.order)?;
        if let Some(failure) = &mut payment.last_failure {
            failure.decline_code.clone_from(&whole.order.decline_code);
        }
        view.payment = Some(payment);
        Ok(view)
    }

    /// What the buyer sees: what they pay, not how it is shared.
    pub(super) fn for_buyer(ctx: &Context, whole: &Whole) -> Result<Self, SealError> {
        let mut view = Self::of(whole, |_| true, false);
        view.shares.clear();
        view.release = None;
        view.payment = Some(payment(ctx, &whole.order)?);
        Ok(view)
    }

    /// What a seller sees: their own lines and share.
    pub(super) fn for_seller(whole: &Whole, seller: SellerId) -> Self {
        let mut view = Self::of(whole, |of| of == seller, true);
        let own =
            whole.shares.iter().filter(|share| share.seller_id == seller).map(|share| share.gross).sum();
        view.amount = souk_entity::Money::new(own, whole.order.currency).into();
        (view.captured, view.refunded, view.metadata) = (None, None, None);
        view
    }

    fn of(whole: &Whole, shown: impl Fn(SellerId) -> bool, with_commission: bool) -> Self {
        let order = &whole.order;
        let money = |amount| Money::from(souk_entity::Money::new(amount, order.currency));
        let line = |line: &order_line::Model| LineView {
            id: Id(line.id),
            kind: LineKindView::from(line.kind),
            listing_id: line.listing_id.map(Id),
            seller_id: Id(line.seller_id),
            title: line.title.clone(),
            category: line.category.clone(),
            unit_amount: money(line.unit_amount),
            quantity: line.quantity,
            amount: money(line.amount),
            commission: with_commission.then(|| money(line.commission)),
            commission_rule_id: line.commission_rule_id.filter(|_| with_commission).map(Id),
        };
        let share = |share: &order_share::Model| ShareView {
            id: Id(share.id),
            seller_id: Id(share.seller_id),
            gross: money(share.gross),
            commission: money(share.commission),
            net: money(share.net),
            transferred: money(share.transferred),
            reversed: money(share.reversed),
            state: ShareStateView::from(share.state),
            hold: hold(share),
            fulfilled_at: share.fulfilled_at,
            releasable_at: share.releasable_at,
        };
        Self {
            id: Id(order.id),
            buyer_id: order.buyer_id.map(Id),
            status: StatusView::from(order.status),
            charge_model: ChargeModelView::from(order.charge_model),
            on_behalf_of: None,
            release: Some(release(order)),
            amount: money(order.amount),
            captured: Some(money(order.captured)),
            refunded: Some(money(order.refunded)),
            lines: whole.lines.iter().filter(|one| shown(one.seller_id)).map(line).collect(),
            shares: whole.shares.iter().filter(|one| shown(one.seller_id)).map(share).collect(),
            payment: None,
            metadata: Some(serde_json::from_value(order.metadata.clone()).unwrap_or_default()),
            created_at: order.created_at,
            updated_at: order.updated_at,
            paid_at: order.paid_at,
        }
    }
}

fn release(order: &order::Model) -> ReleaseView {
    let rule = Rule::of(order);
    ReleaseView { release: rule.release().into(), days: Some(rule.days()).filter(|days| *days > 0) }
}

fn hold(share: &order_share::Model) -> Option<HoldView> {
    Some(HoldView {
        reason: share.hold_reason.clone()?,
        detail: share.hold_detail.clone(),
        actor: share.hold_actor.map(HoldActorView::from),
        next_attempt_at: share.next_attempt_at,
    })
}

/// How to pay, as the buyer may see it.
fn payment(ctx: &Context, order: &order::Model) -> Result<PaymentView, SealError> {
    let payable = matches!(order.status, order::Status::PendingPayment | order::Status::Processing);
    let client_secret = match &order.client_secret_sealed {
        Some(sealed) if payable => {
            let secret = ctx.seal.open(&order.id.to_string(), sealed)?;
            Some(String::from_utf8_lossy(&secret).into_owned())
        }
        _ => None,
    };
    let last_failure = order.decline_error.clone().filter(|_| payable).map(|code| {
        let decline = Decline::new(Some(code.clone()), order.decline_code.clone());
        FailureView {
            code,
            decline_code: decline.told_code().map(str::to_owned),
            message: Some(decline.message().to_owned()),
        }
    });
    Ok(PaymentView {
        status: order.payment_status.clone(),
        stripe_payment_intent_id: order.stripe_payment_intent_id.clone(),
        client_secret,
        publishable_key: ctx.config.stripe_publishable_key.clone(),
        stripe_account: order.payment_scope.account().map(ToString::to_string),
        last_failure,
    })
}
