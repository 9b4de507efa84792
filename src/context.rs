//! What every floor above the gateway is handed. State only, never logic.

use std::sync::Arc;

use sea_orm::DatabaseConnection;
use tokio::sync::Notify;

use crate::{clock::Clock, config::Config, seal::Seal, stripe::Gateway};

/// The service's means; clones are cheap and share everything.
#[derive(Clone, Debug)]
pub struct Context {
    /// The database.
    pub db: DatabaseConnection,
    /// Wall time and business time.
    pub clock: Clock,
    /// Encryption at rest.
    pub seal: Seal,
    /// Stripe.
    pub stripe: Gateway,
    /// The settings.
    pub config: Arc<Config>,
    /// Rung after a commit that made work for the worker, so that it needn't wait for its next look.
    pub wake: Arc<Notify>,
}
