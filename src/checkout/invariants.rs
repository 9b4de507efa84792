//! What must hold of orders and shares.

use chrono::{DateTime, Duration, Utc};
use souk_entity::{OrderId, OrderShareId};

use crate::invariants::{Invariant, Objects, Query};

/// Stripe moves the share of a destination charge together with the charge, so at first it is not owed by the
/// platform. One that is not known to have been moved after this long counts as owed.
const MOVED_WITH_ITS_CHARGE: Duration = Duration::hours(1);

/// All of them; the worker has them checked.
pub const INVARIANTS: &[Invariant] = &[
    Invariant {
        name: "shares_add_up",
        meaning: "a share is gross less commission, is transferred in whole or not at all, and no more of it comes \
                  back than went",
        action: "compare the share with its transfer at Stripe (stripe_transfer_id), find out who wrote the row, and \
                 set it right",
        objects: Objects::Rows(|id| OrderShareId::from_uuid(id).to_string()),
        query: |_| SHARES.into(),
    },
    Invariant {
        name: "refunds_within_captures",
        meaning: "no more is refunded than was captured, and no more captured than was ordered",
        action: "list the refunds of the order's charge at Stripe: if Stripe gave back too much, claim it from the \
                 buyer; if not, find out who wrote the row, and set it right",
        objects: Objects::Rows(|id| OrderId::from_uuid(id).to_string()),
        query: |_| REFUNDS.into(),
    },
    Invariant {
        name: "paid_orders_have_charges",
        meaning: "an order that is paid names the charge that paid it, and captured something",
        action: "read the order's payment intent at Stripe: if it succeeded, replay its events; if not, the order is \
                 not paid, and must not be fulfilled",
        objects: Objects::Rows(|id| OrderId::from_uuid(id).to_string()),
        query: |_| CHARGES.into(),
    },
    Invariant {
        name: "solvency",
        meaning: "the platform's Stripe balance, available and pending, covers what sellers are still to get",
        action: "top up the platform's Stripe balance or stop its automatic payouts, before the next transfers are \
                 due",
        objects: Objects::Named,
        query: solvency,
    },
];

const SHARES: &str = "SELECT id AS object, 'gross ' || gross || ', commission ' || commission || ', net ' || net || \
     ', transferred ' || transferred || ', reversed ' || reversed || ', ' || state AS detail FROM order_shares \
     WHERE net <> gross - commission OR reversed < 0 OR reversed > transferred \
     OR (state = 'transferred' AND transferred <> net) OR (state = 'pending' AND transferred <> 0)";

const REFUNDS: &str = "SELECT id AS object, 'ordered ' || amount || ', captured ' || captured || ', refunded ' || \
     refunded || ' minor units of ' || currency AS detail FROM orders \
     WHERE refunded > captured OR refunded < 0 OR captured > amount";

const CHARGES: &str = "SELECT id AS object, 'captured ' || captured || ' minor units of ' || currency || ', charge ' || \
     COALESCE(stripe_charge_id, 'unknown') AS detail FROM orders \
     WHERE status = 'paid' AND (stripe_charge_id IS NULL OR captured = 0)";

/// By currency: what is captured and not transferred, against the mirror of the platform's balance.
fn solvency(now: DateTime<Utc>) -> Query {
    let sql = "SELECT owed.currency AS object, 'sellers are still to get ' || owed.amount || \
         ' minor units, the balance is ' || COALESCE(held.amount, 0) AS detail \
         FROM (SELECT s.currency, SUM(s.net - s.transferred) AS amount \
         FROM order_shares s JOIN orders o ON o.id = s.order_id WHERE o.status = 'paid' AND s.net > s.transferred \
         AND (o.charge_model <> 'destination' OR o.paid_at < $1) GROUP BY s.currency) AS owed \
         LEFT JOIN (SELECT a.currency, SUM(e.amount) AS amount FROM ledger_entries e \
         JOIN ledger_accounts a ON a.id = e.account_id WHERE a.book = 'platform' AND a.code = 'stripe' \
         GROUP BY a.currency) AS held ON held.currency = owed.currency \
         WHERE owed.amount > COALESCE(held.amount, 0)";
    Query { times: vec![now - MOVED_WITH_ITS_CHARGE], ..sql.into() }
}
