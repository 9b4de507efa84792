//! The operations on checkouts and orders.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use poem::web::Data;
use poem_openapi::{
    Enum, Object, OpenApi, Tags,
    param::{Path, Query},
    payload::Json,
};
use souk_entity::{BuyerId, ListingId, OrderId, SellerId, order, order_line::Kind};

use super::{
    cart::{self, AskedLine},
    create::{self, NewCheckout, PayWith},
    error::CheckoutError,
    release::Rule,
    route::Terms,
    store::{self, Filter, Whole},
    view::OrderView,
    words::{LineKindView, ReleaseTypeView, StatusView},
};
use crate::{
    api::{
        AnyCaller, BackofficeOrBuyer, Body, Caller, Charged, Cursor, Id, IdempotencyKey, Limit, Money, Page,
        Problem, check_metadata, performed,
    },
    context::Context,
    idempotency::Asked,
};

/// The checkout's operations.
#[derive(Clone, Copy, Debug)]
pub struct CheckoutApi;

#[derive(Tags)]
enum Tag {
    /// Buyers pay.
    Orders,
}

/// How the money shall go through Stripe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
enum WantedChargeModel {
    /// Whatever fits the cart: `destination`, or `separate` for several sellers, a release rule that waits, or a
    /// seller in debt.
    Auto,
    /// One seller: the charge moves the whole to the seller, less an application fee.
    Destination,
    /// The charge stays on the platform, and each seller's share is transferred when it is released.
    Separate,
    /// One seller: the charge is made on the seller's own Stripe account, less an application fee.
    Direct,
}

/// When the shares of an order are released to their sellers; a rule that waits needs a `separate` charge.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
struct WantedRelease {
    /// What it waits for.
    #[oai(rename = "type")]
    release: ReleaseTypeView,
    /// How many days later, from 1 to 365; with `after_payment` and `after_fulfillment`, and only with them.
    days: Option<i32>,
}

/// With what the buyer pays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
enum Ui {
    /// Stripe's Payment Element or mobile SDK, with the order's `client_secret`.
    Elements,
}

/// One line of a cart: a listing and how many of it. Only the marketplace's backend may name a seller, a title
/// and a price instead.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
struct CheckoutLine {
    /// What to buy, at its price.
    listing_id: Option<Id<ListingId>>,
    /// Who sells it; instead of `listing_id`.
    seller_id: Option<Id<SellerId>>,
    /// What buyers read; instead of `listing_id`.
    #[oai(validator(min_length = 1, max_length = 250))]
    title: Option<String>,
    /// The marketplace's own word for its kind, which commission rules can be for; only with `seller_id`.
    #[oai(validator(min_length = 1, max_length = 100))]
    category: Option<String>,
    /// The price of one; instead of `listing_id`.
    unit_amount: Option<Money>,
    /// How many, from 1.
    quantity: i64,
    /// `item` if not given; only with a price.
    kind: Option<LineKindView>,
    /// Whether the marketplace takes its commission of the line. If not given, of items and shipping it does, of taxes
    /// not. Only with a price.
    commissionable: Option<bool>,
}

/// A cart to be paid.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
struct CreateCheckout {
    /// What to buy; all of one currency.
    lines: Vec<CheckoutLine>,
    /// Who buys; a buyer's own token says it already.
    buyer_id: Option<Id<BuyerId>>,
    /// `auto` if not given.
    charge_model: Option<WantedChargeModel>,
    /// Whether the cart's one seller, who must take card payments, is the business that the buyer pays: on the
    /// statement, and to the bank. Only from the marketplace's backend; not with `direct`, whose charges are the
    /// seller's own.
    #[oai(default)]
    on_behalf_of: bool,
    /// `immediate` if not given. Only from the marketplace's backend.
    release: Option<WantedRelease>,
    /// `elements` if not given.
    ui: Option<Ui>,
    /// Pays at once with this payment method of Stripe's (`pm_...`), which the buyer keeps or their app made; without it
    /// the app confirms the payment. A decline is answered with 402, and leaves an order that another card can pay.
    #[oai(validator(pattern = "^pm_[A-Za-z0-9_]{1,250}$"))]
    payment_method_id: Option<String>,
    /// Where the buyer's browser comes back to after the bank asked them, an address of an allowed origin; only
    /// with `payment_method_id`. Without it the order takes no payment method that sends the buyer away.
    #[oai(validator(max_length = 2000))]
    return_url: Option<String>,
    /// Whether the buyer is away; only with a saved `payment_method_id`, and only from the marketplace's backend. A bank
    /// that wants to see them is a 402 `authentication_required`: the order waits for them on the same payment.
    #[oai(default)]
    off_session: bool,
    /// Whether what pays is kept for the buyer, also to be charged while they are away; not with `direct`.
    #[oai(default)]
    save_payment_method: bool,
    /// Up to 20 of the caller's own keys and values.
    #[oai(default)]
    metadata: BTreeMap<String, String>,
}

#[OpenApi(prefix_path = "/v1", tag = "Tag::Orders")]
impl CheckoutApi {
    /// Create an order and the payment that will pay it.
    #[oai(path = "/checkouts", method = "post", operation_id = "createCheckout")]
    async fn create(
        &self,
        caller: BackofficeOrBuyer,
        ctx: Data<&Context>,
        #[oai(name = "Idempotency-Key")] key: IdempotencyKey,
        body: Body<CreateCheckout>,
    ) -> Result<Charged<OrderView>, Problem> {
        let asked = Asked::new(caller.key(), Some(key.0), "createCheckout", &body.raw);
        let wanted = body.value;
        check_metadata(&wanted.metadata)?;
        let terms = terms(&caller, &wanted)?;
        let lines = wanted.lines.into_iter().enumerate();
        let new = NewCheckout {
            buyer: buyer(&caller, wanted.buyer_id)?,
            lines: lines.map(|(index, line)| asked_line(&caller, index, line)).collect::<Result<_, _>>()?,
            terms,
            pay_with: pay_with(wanted.payment_method_id, wanted.return_url, wanted.off_session)?,
            saves: wanted.save_payment_method,
            metadata: wanted.metadata,
        };
        Ok(Charged(performed(create::create(&ctx, &asked, new).await?)?))
    }

    /// List orders, newest first: buyers and sellers see their own.
    #[oai(path = "/orders", method = "get", operation_id = "listOrders")]
    #[expect(clippy::too_many_arguments, reason = "each is a parameter of the operation")]
    async fn list(
        &self,
        caller: AnyCaller,
        ctx: Data<&Context>,
        seller_id: Query<Option<Id<SellerId>>>,
        buyer_id: Query<Option<Id<BuyerId>>>,
        status: Query<Option<StatusView>>,
        created_after: Query<Option<DateTime<Utc>>>,
        created_before: Query<Option<DateTime<Utc>>>,
        limit: Limit,
        cursor: Cursor<OrderId>,
    ) -> Result<Json<Page<OrderView>>, Problem> {
        let (seller, buyer) = (seller_id.0.map(|id| id.0), buyer_id.0.map(|id| id.0));
        // Whoever asks for another's orders gets what they would get if there were none.
        let hidden = caller.seller().is_some_and(|own| seller.is_some_and(|asked| asked != own))
            || caller.buyer().is_some_and(|own| buyer.is_some_and(|asked| asked != own));
        if hidden {
            return Ok(Json(Page { data: Vec::new(), next_cursor: None }));
        }
        let filter = Filter {
            seller: seller.or(caller.seller()),
            buyer: buyer.or(caller.buyer()),
            status: status.0.map(Into::into),
            created_after: created_after.0,
            created_before: created_before.0,
        };
        let orders = store::page(&ctx, filter, cursor.0, limit.rows_to_fetch()).await?;
        let page = Page::new(orders, limit, |whole| whole.order.id, |whole| view(&ctx, &caller, &whole));
        let data = page.data.into_iter().collect::<Result<_, _>>()?;
        Ok(Json(Page { data, next_cursor: page.next_cursor }))
    }

    /// Read an order.
    #[oai(path = "/orders/:order_id", method = "get", operation_id = "getOrder")]
    async fn get(
        &self,
        caller: AnyCaller,
        ctx: Data<&Context>,
        order_id: Path<Id<OrderId>>,
    ) -> Result<Json<OrderView>, Problem> {
        let order = store::find(&ctx.db, order_id.0.0).await?.ok_or(CheckoutError::NotFound)?;
        let whole = store::whole(&ctx.db, order).await?;
        let shown = match &*caller {
            Caller::Buyer(buyer) => whole.order.buyer_id == Some(*buyer),
            Caller::Seller(seller) => whole.shares.iter().any(|share| share.seller_id == *seller),
            Caller::Operator { .. } | Caller::Service { .. } => true,
        };
        if !shown {
            return Err(CheckoutError::NotFound.into());
        }
        Ok(Json(view(&ctx, &caller, &whole)?))
    }
}

/// What the caller sees of an order that they may see.
fn view(ctx: &Context, caller: &Caller, whole: &Whole) -> Result<OrderView, Problem> {
    let view = match caller {
        Caller::Buyer(_) => OrderView::for_buyer(ctx, whole),
        Caller::Seller(seller) => Ok(OrderView::for_seller(whole, *seller)),
        Caller::Operator { .. } | Caller::Service { .. } => OrderView::for_backoffice(ctx, whole),
    };
    view.map_err(Problem::internal)
}

/// Who buys: a buyer for themself, the back office for whom it names.
fn buyer(caller: &Caller, named: Option<Id<BuyerId>>) -> Result<Option<BuyerId>, CheckoutError> {
    match (caller.buyer(), named) {
        (Some(own), Some(named)) if own != named.0 => Err(CheckoutError::NoSuchBuyer),
        (own, named) => Ok(own.or(named.map(|id| id.0))),
    }
}

/// The way of the money; when sellers are paid, and in whose name, is the marketplace's to say.
fn terms(caller: &Caller, wanted: &CreateCheckout) -> Result<Terms, CheckoutError> {
    if !caller.is_backoffice() {
        let asked = [
            ("on_behalf_of", wanted.on_behalf_of),
            ("release", wanted.release.is_some()),
            ("off_session", wanted.off_session),
        ];
        if let Some((field, _)) = asked.into_iter().find(|(_, asked)| *asked) {
            return Err(CheckoutError::BackofficeOnly { field });
        }
    }
    let release = match &wanted.release {
        Some(WantedRelease { release, days }) => {
            Rule::new((*release).into(), *days).map_err(CheckoutError::Release)?
        }
        None => Rule::IMMEDIATE,
    };
    let charge_model = match wanted.charge_model {
        None | Some(WantedChargeModel::Auto) => None,
        Some(WantedChargeModel::Destination) => Some(order::ChargeModel::Destination),
        Some(WantedChargeModel::Separate) => Some(order::ChargeModel::Separate),
        Some(WantedChargeModel::Direct) => Some(order::ChargeModel::Direct),
    };
    Ok(Terms { charge_model, on_behalf_of: wanted.on_behalf_of, release })
}

fn pay_with(
    payment_method: Option<String>,
    return_url: Option<String>,
    off_session: bool,
) -> Result<Option<PayWith>, CheckoutError> {
    match (payment_method, return_url) {
        (None, Some(_)) => Err(CheckoutError::NothingToReturnFrom),
        (None, None) if off_session => Err(CheckoutError::NotSaved),
        (payment_method, return_url) => {
            Ok(payment_method.map(|payment_method| PayWith { payment_method, return_url, off_session }))
        }
    }
}

fn asked_line(caller: &Caller, index: usize, line: CheckoutLine) -> Result<AskedLine, CheckoutError> {
    let of_listings = line.kind.is_none() && line.category.is_none() && line.commissionable.is_none();
    let what = match (line.listing_id, line.seller_id, line.title, line.unit_amount) {
        (Some(listing), None, None, None) if of_listings => cart::Asked::Listing(listing.0),
        (None, Some(seller), Some(title), Some(unit_amount)) if caller.is_backoffice() => {
            let kind = line.kind.map_or(Kind::Item, Kind::from);
            cart::Asked::Priced {
                seller: seller.0,
                title,
                category: line.category,
                unit_amount: unit_amount.into(),
                kind,
                commissionable: line.commissionable.unwrap_or(kind != Kind::Tax),
            }
        }
        (_, _, _, Some(_)) if !caller.is_backoffice() => {
            return Err(CheckoutError::PriceNotAllowed { line: index });
        }
        _ => return Err(CheckoutError::Ambiguous { line: index }),
    };
    Ok(AskedLine { what, quantity: line.quantity })
}
