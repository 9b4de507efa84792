//! Checkout Sessions.

use super::{payment_intent::PaymentIntent, setup_intent::SetupIntent};
use crate::store::Tx;

pub(crate) fn settled(_tx: &mut Tx<'_>, _intent: &PaymentIntent) {}
pub(crate) fn failed(_tx: &mut Tx<'_>, _intent: &PaymentIntent) {}
pub(crate) fn set_up(_tx: &mut Tx<'_>, _intent: &SetupIntent) {}
pub(crate) fn expire_by_itself(_tx: &mut Tx<'_>, _session: &str) {}
