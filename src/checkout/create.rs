//! A checkout: the order, its lines and shares, and the payment intent that will pay it.

use std::collections::BTreeMap;

use async_trait::async_trait;
use sea_orm::{ActiveEnum, ActiveValue::Set, DatabaseTransaction, IntoActiveModel};
use serde_json::json;
use souk_entity::{
    BuyerId, OrderId,
    order::{ActiveModel, CaptureMethod, Model, Status},
    order_share, stripe_request,
};
use uuid::Uuid;

use super::{
    cart::{self, AskedLine, Cart},
    error::CheckoutError,
    payer::Payer,
    payment,
    route::{self, Candidate, Route, Terms},
    store::{self, Whole},
    view::OrderView,
};
use crate::{
    api::{self, Problem},
    buyers, catalog, commissions,
    context::Context,
    idempotency::{Asked, Performed, Reply},
    ledger,
    notify::{self, Happened},
    outbox::{self, Action, Applied, ApplyError, Trail},
    sellers,
    stripe::{
        Refusal, Window,
        payment_intents::{self, PaymentIntent},
    },
    webhooks,
};

/// The HTTP status by which Stripe tells of a declined card.
const CARD_REFUSED: u16 = 402;

/// What a caller wants to buy; checked for its form.
#[derive(Clone, Debug)]
pub(super) struct NewCheckout {
    pub(super) buyer: Option<BuyerId>,
    pub(super) lines: Vec<AskedLine>,
    pub(super) terms: Terms,
    pub(super) pay_with: Option<PayWith>,
    /// Whether what pays is kept for the buyer.
    pub(super) saves: bool,
    pub(super) metadata: BTreeMap<String, String>,
}

/// The payment that is made at once.
#[derive(Clone, Debug)]
pub(super) struct PayWith {
    /// `pm_...`
    pub(super) payment_method: String,
    pub(super) return_url: Option<String>,
    /// Whether the buyer is away.
    pub(super) off_session: bool,
}

/// Creates an order and its payment intent; pays it at once if it is told with what.
pub(super) async fn create(
    ctx: &Context,
    asked: &Asked,
    new: NewCheckout,
) -> Result<Performed, CheckoutError> {
    // 1. Only addresses of the marketplace's own.
    if let Some(url) = new.pay_with.as_ref().and_then(|with| with.return_url.as_deref()) {
        ctx.config.allows_redirect(url).map_err(CheckoutError::Redirect)?;
    }
    // 2. The caller's key.
    let attempt = match outbox::begin(ctx, asked, &CreatePaymentIntent).await? {
        Ok(attempt) => attempt,
        Err(earlier) => return Ok(earlier),
    };
    // 3. The server's prices.
    let tx = &attempt.tx;
    if let Some(buyer) = new.buyer {
        buyers::find(tx, buyer).await?.ok_or(CheckoutError::NoSuchBuyer)?;
    }
    let listings = new.lines.iter().filter_map(|line| match &line.what {
        cart::Asked::Listing(id) => Some(*id),
        cart::Asked::Priced { .. } => None,
    });
    let listings = catalog::find_all(tx, listings.collect()).await?;
    let sold = cart::sold(&new.lines, &listings);
    let rules = commissions::rules_for(tx, ctx, ctx.clock.business(), &sold).await?;
    let cart = cart::price(&new.lines, &listings, &rules)?;
    // 4. The way of the money, among sellers who can be paid by it.
    let sellers = candidates(tx, new.terms, &cart).await?;
    let route = route::choose(new.terms, &sellers, ctx.config.checkout.not_payable)?;
    let on_behalf_of = route::on_behalf_of(new.terms, &route, &sellers)?;
    // 5. As whom and with what it is paid.
    let payer = Payer::of(ctx, &attempt, &new, &route).await?;
    // 6. The order, and what it asks of Stripe.
    let id = OrderId::from_uuid(Uuid::now_v7());
    store::insert(&attempt.tx, id, unpaid(ctx, id, &new, &cart, &route), &cart).await?;
    let frozen = payment_intents::create(&payment_intents::Create {
        amount: cart.total,
        route: as_stripe_takes_it(&route, cart.commission, &id.to_string()),
        on_behalf_of: on_behalf_of.as_ref(),
        description: None,
        receipt_email: None,
        statement_descriptor_suffix: None,
        customer: payer.customer.as_deref(),
        saves: payer.saves,
        pay_with: payer.pays_with(new.pay_with.as_ref()),
        metadata: &attempt.metadata("souk_order", &id),
    });
    // 7. Commit, send, apply.
    let (action, scope, subject) = (&CreatePaymentIntent, route.scope(), id.to_string());
    Ok(match payer.first {
        None => attempt.send(ctx, action, scope, subject, frozen).await?,
        Some(first) => attempt.send_after(ctx, first, action, scope, subject, frozen).await?,
    })
}

/// The cart's sellers, with what the choice of a way asks of them. Whether they are in debt is asked only where it
/// decides.
async fn candidates(
    tx: &DatabaseTransaction,
    terms: Terms,
    cart: &Cart,
) -> Result<Vec<Candidate>, CheckoutError> {
    let rows = sellers::find_all(tx, cart.parts.iter().map(|part| part.seller)).await?;
    let debt_decides = terms.charge_model.is_none() && cart.parts.len() == 1;
    let mut candidates = Vec::with_capacity(rows.len());
    for part in &cart.parts {
        let seller = rows.iter().find(|row| row.id == part.seller).ok_or(CheckoutError::NoSuchSeller)?;
        let owed = if debt_decides { ledger::owed_by(tx, seller.id).await? } else { Vec::new() };
        let in_debt = owed.iter().any(|owed| owed.currency == cart.total.currency && owed.amount > 0);
        candidates.push(Candidate::new(seller, in_debt));
    }
    Ok(candidates)
}

/// Stripe takes a fee where it moves the money itself; a separate charge is tied to its transfers by the order's id.
fn as_stripe_takes_it<'a>(
    route: &'a Route,
    application_fee_amount: i64,
    order: &'a str,
) -> payment_intents::Route<'a> {
    match route {
        Route::Destination(account) => {
            payment_intents::Route::Destination { account, application_fee_amount }
        }
        Route::Separate => payment_intents::Route::Separate { transfer_group: order },
        Route::Direct(_) => payment_intents::Route::Direct { application_fee_amount },
    }
}

fn unpaid(ctx: &Context, id: OrderId, new: &NewCheckout, cart: &Cart, route: &Route) -> ActiveModel {
    let (now, release) = (ctx.clock.business(), new.terms.release);
    ActiveModel {
        id: Set(id),
        buyer_id: Set(new.buyer),
        status: Set(Status::PendingPayment),
        charge_model: Set(route.charge_model()),
        amount: Set(cart.total.amount),
        currency: Set(cart.total.currency),
        capture_method: Set(CaptureMethod::Automatic),
        authorized: Set(0),
        capture_before: Set(None),
        expires_at: Set(None),
        captured: Set(0),
        refunded: Set(0),
        payment_scope: Set(route.scope()),
        stripe_payment_intent_id: Set(None),
        payment_status: Set(None),
        client_secret_sealed: Set(None),
        stripe_charge_id: Set(None),
        on_behalf_of: Set(new.terms.on_behalf_of),
        release_type: Set(release.release()),
        release_days: Set(release.days()),
        settled_currency: Set(None),
        settled_amount: Set(None),
        decline_error: Set(None),
        decline_code: Set(None),
        decline_message: Set(None),
        metadata: Set(json!(new.metadata)),
        created_at: Set(now),
        updated_at: Set(now),
        paid_at: Set(None),
    }
}

/// `POST /v1/payment_intents` for an order.
#[derive(Clone, Copy, Debug)]
pub struct CreatePaymentIntent;

#[async_trait]
impl Action for CreatePaymentIntent {
    fn kind(&self) -> &'static str {
        "payment_intent.create"
    }

    fn makes(&self, object_id: &str) -> bool {
        object_id.starts_with("pi_")
    }

    fn object_path(&self, object_id: &str) -> String {
        payment_intents::path(object_id)
    }

    fn event_types(&self) -> &'static [&'static str] {
        &["payment_intent.created"]
    }

    fn trail(&self, _request: &stripe_request::Model, created: Window, after: Option<&str>) -> Trail {
        Trail::List(payment_intents::list_path(created, after))
    }

    async fn succeeded(
        &self,
        ctx: &Context,
        tx: &DatabaseTransaction,
        request: &stripe_request::Model,
        object: &[u8],
    ) -> Result<Applied, ApplyError> {
        let intent: PaymentIntent = serde_json::from_slice(object)?;
        let whole = bind(ctx, tx, request, &intent).await?;
        // An event, or a look-up, finds the intent of a declined payment before Stripe's 402 could be read.
        if let Some(failure) = &intent.last_payment_error {
            let declined = CheckoutError::declined(whole.order.id, failure.clone());
            return Ok(Applied { object_id: intent.id, reply: Problem::from(declined).reply(request) });
        }
        // The reply goes to whoever asked; who sees less is decided where it is read again.
        let view = OrderView::for_buyer(ctx, &whole)?;
        Ok(Applied { object_id: intent.id, reply: api::reply(201, &view) })
    }

    async fn refused(
        &self,
        ctx: &Context,
        tx: &DatabaseTransaction,
        request: &stripe_request::Model,
        refusal: &Refusal,
    ) -> Result<Reply, ApplyError> {
        // A declined payment leaves its intent, on which another card may pay; other refusals leave nothing.
        let Whole { order, .. } = match &refusal.object {
            Some(object) => bind(ctx, tx, request, &object.read()?).await?,
            None => cancel(ctx, tx, request).await?,
        };
        let error = if refusal.status == CARD_REFUSED {
            CheckoutError::declined(order.id, refusal.into())
        } else {
            CheckoutError::RefusedByStripe(Box::new(refusal.clone()))
        };
        Ok(Problem::from(error).reply(request))
    }
}

/// The order learns which intent pays it, and what became of the intent so far.
async fn bind(
    ctx: &Context,
    tx: &DatabaseTransaction,
    request: &stripe_request::Model,
    intent: &PaymentIntent,
) -> Result<Whole, ApplyError> {
    let order = subject(tx, request).await?;
    let secret = intent.client_secret.as_deref().unwrap_or_default();
    let sealed = ctx.seal.seal(&order.id.to_string(), secret.as_bytes())?;
    let (was, wrong) = (order.status, payment::mismatch(&order, intent));
    let mut row = order.into_active_model();
    row.stripe_payment_intent_id = Set(Some(intent.id.clone()));
    row.client_secret_sealed = Set(Some(sealed));
    // What is paid stays paid. What was paid otherwise than the order says stays open: the intent's event dies of it,
    // and is shown.
    if was != Status::Paid {
        payment::stands(&mut row, intent, ctx);
        match wrong {
            None => payment::moves(&mut row, intent, ctx.clock.business()),
            Some(wrong) => tracing::error!(intent = intent.id, wrong, "not taken for paid"),
        }
    }
    let order = store::update(tx, row).await?;
    let whole = store::whole(tx, order).await?;
    tell(tx, ctx, "order.created", &whole.order, &whole.shares).await?;
    payment::follow(ctx, tx, was, &whole.order, &whole.shares).await?;
    webhooks::catch_up(tx, ctx, request, &intent.id).await?;
    Ok(whole)
}

/// The order will not be paid: there is no intent for it.
async fn cancel(
    ctx: &Context,
    tx: &DatabaseTransaction,
    request: &stripe_request::Model,
) -> Result<Whole, ApplyError> {
    let mut row = subject(tx, request).await?.into_active_model();
    row.status = Set(Status::Canceled);
    row.updated_at = Set(ctx.clock.business());
    let order = store::update(tx, row).await?;
    let whole = store::whole(tx, order).await?;
    tell(tx, ctx, "order.canceled", &whole.order, &whole.shares).await?;
    Ok(whole)
}

async fn subject(tx: &DatabaseTransaction, request: &stripe_request::Model) -> Result<Model, ApplyError> {
    let gone = || ApplyError::Other(format!("{} is no order that exists", request.subject));
    let id: OrderId = request.subject.parse().map_err(|_| gone())?;
    store::lock(tx, id).await?.ok_or_else(gone)
}

/// Tells the marketplace's backend of an order.
pub(super) async fn tell(
    tx: &DatabaseTransaction,
    ctx: &Context,
    event_type: &'static str,
    order: &Model,
    shares: &[order_share::Model],
) -> Result<(), sea_orm::DbErr> {
    let happened = Happened {
        event_type,
        object_id: order.id.to_string(),
        // An order of several sellers concerns each of them; the event names one only where there is one.
        seller_id: if let [share] = shares { Some(share.seller_id) } else { None },
        buyer_id: order.buyer_id,
        data: json!({
            "amount": order.total(),
            "status": order.status.to_value(),
            "stripe_payment_intent_id": order.stripe_payment_intent_id,
        }),
    };
    notify::publish(tx, ctx, happened).await
}
