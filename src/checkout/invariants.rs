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
        meaning: "a share is gross less commission, is transferred in whole or not at all, no more of it comes back \
                  than went, and one that is held says why",
        action: "compare the share with its transfer at Stripe (stripe_transfer_id), find out who wrote the row, and \
                 set it right",
        objects: Objects::Rows(|id| OrderShareId::from_uuid(id).to_string()),
        query: |_| SHARES.into(),
    },
    Invariant {
        name: "orders_are_shared_out",
        meaning: "the shares of an order sum to it, or to what was captured of it, and only those of a separate charge \
                  wait on the platform",
        action: "compare the order with its charge at Stripe, find out who wrote the rows, and set them right before \
                 anything is transferred",
        objects: Objects::Rows(|id| OrderId::from_uuid(id).to_string()),
        query: |_| SHARED_OUT.into(),
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
     OR (state = 'transferred' AND transferred <> net) OR (state <> 'transferred' AND transferred <> 0) \
     OR (state = 'held' AND hold_reason IS NULL) OR (state <> 'held' AND hold_reason IS NOT NULL)";

const SHARED_OUT: &str = "SELECT o.id AS object, 'ordered ' || o.amount || ', captured ' || o.captured || ', shared out ' || \
     COALESCE(SUM(s.gross), 0) || ' minor units of ' || o.currency || ', ' || o.charge_model AS detail \
     FROM orders o LEFT JOIN order_shares s ON s.order_id = o.id \
     GROUP BY o.id, o.amount, o.captured, o.currency, o.charge_model \
     HAVING COALESCE(SUM(s.gross), 0) NOT IN (o.amount, o.captured) OR (o.charge_model <> 'separate' \
     AND (COUNT(s.id) <> 1 OR SUM(CASE WHEN s.state IN ('pending', 'transferred') THEN 0 ELSE 1 END) > 0))";

const REFUNDS: &str = "SELECT id AS object, 'ordered ' || amount || ', captured ' || captured || ', refunded ' || \
     refunded || ' minor units of ' || currency AS detail FROM orders \
     WHERE refunded > captured OR refunded < 0 OR captured > amount";

const CHARGES: &str = "SELECT id AS object, 'captured ' || captured || ' minor units of ' || currency || ', charge ' || \
     COALESCE(stripe_charge_id, 'unknown') AS detail FROM orders \
     WHERE status = 'paid' AND (stripe_charge_id IS NULL OR captured = 0)";

/// By currency: what is captured and not transferred, against the mirror of the platform's balance. A share is owed in
/// the currency in which its charge settled. Of a direct charge the platform owes nothing.
fn solvency(now: DateTime<Utc>) -> Query {
    let sql = "SELECT owed.currency AS object, 'sellers are still to get ' || owed.amount || \
         ' minor units, the balance is ' || COALESCE(held.amount, 0) AS detail \
         FROM (SELECT COALESCE(o.settled_currency, s.currency) AS currency, \
         CAST(SUM(CASE WHEN o.settled_currency <> s.currency \
         THEN (s.net - s.transferred) * o.settled_amount / NULLIF(o.captured, 0) \
         ELSE s.net - s.transferred END) AS BIGINT) AS amount \
         FROM order_shares s JOIN orders o ON o.id = s.order_id WHERE o.status = 'paid' AND s.net > s.transferred \
         AND (o.charge_model = 'separate' OR (o.charge_model = 'destination' AND o.paid_at < $1)) \
         GROUP BY COALESCE(o.settled_currency, s.currency)) AS owed \
         LEFT JOIN (SELECT a.currency, SUM(e.amount) AS amount FROM ledger_entries e \
         JOIN ledger_accounts a ON a.id = e.account_id WHERE a.book = 'platform' AND a.code = 'stripe' \
         GROUP BY a.currency) AS held ON held.currency = owed.currency \
         WHERE owed.amount > COALESCE(held.amount, 0)";
    Query { times: vec![now - MOVED_WITH_ITS_CHARGE], ..sql.into() }
}
