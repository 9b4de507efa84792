//! When each signing secret was last used: a rotation is finished, and the old secret removed from the settings,
//! once Stripe signs with it no more.

use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveValue::Set,
    ConnectionTrait, DatabaseConnection, DbErr, EntityTrait, ExprTrait,
    sea_query::{Expr, OnConflict},
};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use souk_entity::webhook_secret_use;
pub use souk_entity::webhook_secret_use::Endpoint;

use crate::{config::Config, context::Context};

/// The most often that one secret's use is written down, in seconds.
const WRITTEN_EVERY_S: i64 = 60;
/// How many bytes of a secret's SHA-256 tell it from the others.
const FINGERPRINT_BYTES: usize = 4;

/// A signing secret of the settings, without the secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretUse {
    /// Whose secret it is.
    pub endpoint: Endpoint,
    /// The first eight hexadecimal digits of its SHA-256.
    pub fingerprint: String,
    /// When it last proved a delivery to any process, in wall time, to the minute; none if it never did.
    pub last_used_at: Option<DateTime<Utc>>,
}

/// The secrets of the settings, in their order, and when each was last used.
pub async fn secret_uses(db: &DatabaseConnection, config: &Config) -> Result<Vec<SecretUse>, DbErr> {
    let written = written_uses(db).await?;
    let of =
        |endpoint| of_endpoint(config, endpoint).iter().map(move |secret| (endpoint, fingerprint(secret)));
    let shown = of(Endpoint::Platform).chain(of(Endpoint::Connect)).map(|(endpoint, fingerprint)| {
        let used = written.iter().find(|used| (used.endpoint, &used.fingerprint) == (endpoint, &fingerprint));
        SecretUse { endpoint, last_used_at: used.map(|used| used.last_used_at), fingerprint }
    });
    Ok(shown.collect())
}

/// The first eight hexadecimal digits of a secret's SHA-256: enough to tell secrets apart, too little to find one.
#[must_use]
pub fn fingerprint(secret: &SecretString) -> String {
    hex::encode(&Sha256::digest(secret.expose_secret().as_bytes())[..FINGERPRINT_BYTES])
}

/// The secrets that an endpoint may be signed with.
pub(super) fn of_endpoint(config: &Config, endpoint: Endpoint) -> &[SecretString] {
    match endpoint {
        Endpoint::Platform => &config.platform_webhook_secrets,
        Endpoint::Connect => &config.connect_webhook_secrets,
    }
}

/// When this process last wrote down the use of each secret, in seconds of wall time: it is written once a minute,
/// not with every delivery.
#[derive(Debug)]
pub(super) struct Written {
    platform: Vec<AtomicI64>,
    connect: Vec<AtomicI64>,
}

impl Written {
    pub(super) fn new(config: &Config) -> Self {
        let never = |endpoint| of_endpoint(config, endpoint).iter().map(|_| AtomicI64::new(0)).collect();
        Self { platform: never(Endpoint::Platform), connect: never(Endpoint::Connect) }
    }

    /// Notes that the `index`-th secret of an endpoint proved a delivery. A note that fails costs no delivery.
    pub(super) async fn note(&self, ctx: &Context, endpoint: Endpoint, index: usize) {
        let all = match endpoint {
            Endpoint::Platform => &self.platform,
            Endpoint::Connect => &self.connect,
        };
        let (Some(written), Some(secret)) = (all.get(index), of_endpoint(&ctx.config, endpoint).get(index))
        else {
            return;
        };
        let (now, before) = (ctx.clock.wall(), written.load(Ordering::Relaxed));
        let is_ours = || {
            written.compare_exchange(before, now.timestamp(), Ordering::Relaxed, Ordering::Relaxed).is_ok()
        };
        if now.timestamp() - before < WRITTEN_EVERY_S || !is_ours() {
            return;
        }
        if let Err(error) = note_secret_use(&ctx.db, endpoint, fingerprint(secret), now).await {
            tracing::warn!(%error, "the use of a signing secret could not be written down");
        }
    }
}

/// Writes down that a signing secret was used. A process that is behind does not take it back.
async fn note_secret_use(
    db: &impl ConnectionTrait,
    endpoint: Endpoint,
    fingerprint: String,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let used = webhook_secret_use::Column::LastUsedAt;
    let row = webhook_secret_use::ActiveModel {
        endpoint: Set(endpoint),
        fingerprint: Set(fingerprint),
        last_used_at: Set(now),
    };
    let key = [webhook_secret_use::Column::Endpoint, webhook_secret_use::Column::Fingerprint];
    let later = OnConflict::columns(key)
        .update_column(used)
        .action_and_where(Expr::col((webhook_secret_use::Entity, used)).lt(now))
        .to_owned();
    webhook_secret_use::Entity::insert(row).on_conflict(later).exec_without_returning(db).await?;
    Ok(())
}

/// When each secret that was ever used was last used.
async fn written_uses(db: &impl ConnectionTrait) -> Result<Vec<webhook_secret_use::Model>, DbErr> {
    webhook_secret_use::Entity::find().all(db).await
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::webhooks::testing::{CONNECT_SECRET, PLATFORM_SECRET, World};

    #[test]
    fn a_fingerprint_is_what_sha256sum_begins_with() {
        // printf whsec_new | sha256sum
        assert_eq!(fingerprint(&"whsec_new".into()), "06626a5e");
    }

    #[tokio::test]
    async fn the_use_of_each_secret_is_shown_so_that_a_rotation_can_be_finished() {
        let mut world = World::new().await;
        world.reconfigure(|config| config.platform_webhook_secrets.push("whsec_old".into()));
        let last_used = async |world: &World| -> Vec<bool> {
            let uses = secret_uses(&world.ctx.db, &world.ctx.config).await.unwrap();
            uses.iter().map(|one| one.last_used_at.is_some()).collect()
        };
        let event = world.event("evt_1", "charge.updated", 10, json!({"id": "ch_1"}));
        world.deliver(Endpoint::Platform, &event, "whsec_forged").await.unwrap_err();
        assert_eq!(last_used(&world).await, [false, false, false]);

        world.deliver(Endpoint::Platform, &event, PLATFORM_SECRET).await.unwrap();
        assert_eq!(last_used(&world).await, [true, false, false]);
        world.deliver(Endpoint::Platform, &event, "whsec_old").await.unwrap();
        let of_account = World::with(event, json!({"account": "acct_1"}));
        world.deliver(Endpoint::Connect, &of_account, CONNECT_SECRET).await.unwrap();
        assert_eq!(last_used(&world).await, [true, true, true]);
    }

    #[tokio::test]
    async fn the_use_of_a_secret_is_written_once_a_minute_and_never_goes_back() {
        let world = World::new().await;
        let used_at = async || secret_uses(&world.ctx.db, &world.ctx.config).await.unwrap()[0].last_used_at;
        let written = Written::new(&world.ctx.config);
        written.note(&world.ctx, Endpoint::Platform, 0).await;
        let first = used_at().await.unwrap();
        written.note(&world.ctx, Endpoint::Platform, 0).await;
        assert_eq!(used_at().await, Some(first));

        written.platform[0].fetch_sub(WRITTEN_EVERY_S, Ordering::Relaxed);
        written.note(&world.ctx, Endpoint::Platform, 0).await;
        let second = used_at().await.unwrap();
        assert!(second > first);
        let late = fingerprint(&PLATFORM_SECRET.into());
        note_secret_use(&world.ctx.db, Endpoint::Platform, late, first).await.unwrap();
        assert_eq!(used_at().await, Some(second), "a slower process does not take it back");
    }
}
