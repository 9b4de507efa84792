//! Group commit: one writer, whose next batch is what queued while it committed the last one. There is no timer:
//! a lone event is committed at once, and under load one fsync serves many events.

use std::sync::Arc;

use sea_orm::DbErr;
use souk_entity::stripe_event;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::{insert, secrets::Written, tally::Tally};
use crate::context::Context;

/// The most events in one transaction: more gain nothing, and a failed batch is repeated one by one.
const LARGEST_BATCH: usize = 64;
/// How many events may queue before deliveries wait for room.
const QUEUE: usize = 1_024;

/// The event was not committed; Stripe will deliver it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the event could not be stored")]
pub struct NotStored;

/// Takes events in; clones share one writer.
#[derive(Clone, Debug)]
pub struct Inbox {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    ctx: Context,
    queue: mpsc::Sender<Queued>,
    stop: CancellationToken,
    stopped: CancellationToken,
    tally: Tally,
    secrets_written: Written,
}

#[derive(Debug)]
struct Queued {
    event: stripe_event::Model,
    answer: oneshot::Sender<Result<(), NotStored>>,
}

impl Inbox {
    /// Starts the writer, which ends with [`Inbox::close`] or when the last clone is gone.
    #[must_use]
    pub fn start(ctx: Context) -> Self {
        let (queue, queued) = mpsc::channel(QUEUE);
        let (stop, stopped) = (CancellationToken::new(), CancellationToken::new());
        let tally = Tally::default();
        tokio::spawn(write(
            Writer { ctx: ctx.clone(), tally: tally.clone() },
            queued,
            stop.clone(),
            stopped.clone(),
        ));
        let secrets_written = Written::new(&ctx.config);
        let inner = Inner { ctx, queue, stop, stopped, tally, secrets_written };
        Self { inner: Arc::new(inner) }
    }

    /// Takes no more events, commits those that queue, and returns when the writer has ended.
    pub async fn close(&self) {
        self.inner.stop.cancel();
        self.inner.stopped.cancelled().await;
    }

    /// What this process was delivered.
    #[must_use]
    pub fn tally(&self) -> &Tally {
        &self.inner.tally
    }

    pub(super) fn secrets_written(&self) -> &Written {
        &self.inner.secrets_written
    }

    pub(super) fn context(&self) -> &Context {
        &self.inner.ctx
    }

    /// Returns when the event is committed; one that we have already is fine.
    pub(super) async fn ingest(&self, event: stripe_event::Model) -> Result<(), NotStored> {
        let (answer, answered) = oneshot::channel();
        self.inner.queue.send(Queued { event, answer }).await.map_err(|_| NotStored)?;
        answered.await.map_err(|_| NotStored)?
    }
}

/// What the writer works with.
struct Writer {
    ctx: Context,
    tally: Tally,
}

async fn write(
    writer: Writer,
    mut queue: mpsc::Receiver<Queued>,
    stop: CancellationToken,
    stopped: CancellationToken,
) {
    // Told on every way out, so that nobody waits for a writer that is gone.
    let _told = stopped.drop_guard();
    let mut batch = Vec::with_capacity(LARGEST_BATCH);
    loop {
        tokio::select! {
            () = stop.cancelled(), if !queue.is_closed() => queue.close(),
            taken = queue.recv_many(&mut batch, LARGEST_BATCH) => {
                if taken == 0 {
                    return;
                }
                writer.commit(std::mem::take(&mut batch)).await;
            }
        }
    }
}

impl Writer {
    /// Commits a batch and answers everybody in it; if the batch fails, each event is tried alone, so that one that
    /// can't be stored takes no other with it.
    async fn commit(&self, batch: Vec<Queued>) {
        let (mut events, answers): (Vec<_>, Vec<_>) =
            batch.into_iter().map(|queued| (queued.event, queued.answer)).unzip();
        match self.insert(&events).await {
            Ok(()) => {
                for answer in answers {
                    // Whoever hung up meanwhile will deliver again, and that is a duplicate.
                    let _ = answer.send(Ok(()));
                }
            }
            Err(error) if events.len() > 1 && !is_outage(&error) => {
                tracing::warn!(%error, events = events.len(), "a batch of events failed; each is tried alone");
                for (event, answer) in events.drain(..).zip(answers) {
                    let _ = answer.send(self.commit_alone(event).await);
                }
            }
            Err(error) => {
                tracing::error!(%error, events = events.len(), "events could not be stored");
                for answer in answers {
                    let _ = answer.send(Err(NotStored));
                }
            }
        }
    }

    async fn commit_alone(&self, event: stripe_event::Model) -> Result<(), NotStored> {
        self.insert(std::slice::from_ref(&event)).await.map_err(|error| {
            tracing::error!(%error, event_id = event.id, "an event could not be stored");
            NotStored
        })
    }

    async fn insert(&self, events: &[stripe_event::Model]) -> Result<(), DbErr> {
        let new = insert::insert(&self.ctx, events).await?;
        self.tally.committed(events.len(), new);
        if new > 0 {
            self.ctx.wake.notify_waiters();
        }
        Ok(())
    }
}

/// Without a database there is no use in trying one event after the other.
const fn is_outage(error: &DbErr) -> bool {
    matches!(error, DbErr::Conn(_) | DbErr::ConnectionAcquire(_))
}

#[cfg(test)]
mod tests {
    use futures_util::future::join_all;
    use sea_orm::{ConnectionTrait, EntityTrait, PaginatorTrait};
    use serde_json::json;

    use super::*;
    use crate::webhooks::{
        Endpoint, Received, Refused,
        testing::{PLATFORM_SECRET, World},
    };

    #[tokio::test(flavor = "multi_thread")]
    async fn fifty_deliveries_at_once_make_one_row() {
        let world = World::new().await;
        let event = world.event("evt_1", "charge.updated", 10, json!({"id": "ch_1"}));
        let deliveries = (0..50).map(|_| world.deliver(Endpoint::Platform, &event, PLATFORM_SECRET));
        assert!(join_all(deliveries).await.iter().all(|received| *received == Ok(Received::Stored)));
        assert_eq!(stripe_event::Entity::find().count(&world.ctx.db).await.unwrap(), 1);
        assert_eq!(world.objects().await.len(), 1);
        let told = world.inbox.tally().text();
        assert!(told.contains("souk_webhook_events_stored_total 1\n"), "{told}");
        assert!(told.contains("souk_webhook_events_duplicate_total 49\n"), "{told}");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_arrives_together_is_stored_together_and_wakes_the_worker() {
        let world = World::new().await;
        // From here on: who listens only afterwards does not hear the bell.
        let rung = world.ctx.wake.notified();
        let events: Vec<_> = (0..200)
            .map(|n| {
                world.event(
                    &format!("evt_{n:03}"),
                    "charge.updated",
                    n,
                    json!({"id": format!("ch_{}", n % 7)}),
                )
            })
            .collect();
        let deliveries = events.iter().map(|event| world.deliver(Endpoint::Platform, event, PLATFORM_SECRET));
        assert!(join_all(deliveries).await.iter().all(|received| *received == Ok(Received::Stored)));
        assert_eq!(stripe_event::Entity::find().count(&world.ctx.db).await.unwrap(), 200);
        let objects = world.objects().await;
        assert_eq!(objects.len(), 7);
        assert!(objects.iter().all(|object| object.next_at.is_some()));
        rung.await;
    }

    #[tokio::test]
    async fn a_duplicate_does_not_make_its_object_due_again() {
        let world = World::new().await;
        let event = world.event("evt_1", "charge.updated", 10, json!({"id": "ch_1"}));
        world.deliver(Endpoint::Platform, &event, PLATFORM_SECRET).await.unwrap();
        world.ctx.db.execute_unprepared("UPDATE inbox_objects SET next_at = NULL").await.unwrap();
        world.deliver(Endpoint::Platform, &event, PLATFORM_SECRET).await.unwrap();
        assert_eq!(world.objects().await[0].next_at, None);
    }

    #[tokio::test]
    async fn one_event_that_cannot_be_stored_takes_no_other_with_it() {
        let world = World::new().await;
        let event = |id: &str, kind: &str| world.event(id, kind, 10, json!({"id": "ch_1"}));
        world.receive([event("evt_0", "poison")]).await;
        // A second poison breaks this, and `ON CONFLICT (id)` does not cover it.
        let only_one =
            "CREATE UNIQUE INDEX only_one ON stripe_events (event_type) WHERE event_type = 'poison'";
        world.ctx.db.execute_unprepared(only_one).await.unwrap();

        let events =
            [event("evt_1", "charge.updated"), event("evt_2", "poison"), event("evt_3", "charge.updated")];
        let deliveries = events.iter().map(|event| world.deliver(Endpoint::Platform, event, PLATFORM_SECRET));
        let received = join_all(deliveries).await;
        assert_eq!(
            received,
            [Ok(Received::Stored), Err(Refused::NotStored(NotStored)), Ok(Received::Stored)]
        );
        assert_eq!(received[1].unwrap_err().status(), 503);
        assert!(world.stored("evt_2").await.is_none() && world.stored("evt_3").await.is_some());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_close_commits_what_queues_and_refuses_what_comes_after() {
        let world = World::new().await;
        let event = world.event("evt_1", "charge.updated", 10, json!({"id": "ch_1"}));
        let (received, ()) =
            tokio::join!(world.deliver(Endpoint::Platform, &event, PLATFORM_SECRET), world.inbox.close());
        assert_eq!(received, Ok(Received::Stored));
        let late = world.deliver(Endpoint::Platform, &event, PLATFORM_SECRET).await;
        assert_eq!(late, Err(Refused::NotStored(NotStored)));
    }
}
