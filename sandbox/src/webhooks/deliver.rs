//! The deliverer: takes what is due, sends it, and puts off what failed.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::{Notify, Semaphore, watch};
use tokio_util::sync::CancellationToken;

use super::{Delivery, Mode, Order, private::PrivateOnly, sign::sign};
use crate::{
    clock::wall_ms, events::Event, resources::webhook_endpoint::WebhookEndpoint, server::Shared,
    store::Stored,
};

/// How many deliveries run at the same time.
const CONCURRENT: usize = 32;

/// How long an endpoint may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The longest sleep when nothing is due.
const IDLE: Duration = Duration::from_secs(1);

/// What the deliverer keeps in memory.
pub(crate) struct Deliverer {
    client: reqwest::Client,
    order: Mutex<Order>,
    in_flight: Mutex<HashSet<String>>,
    wake: Notify,
    /// Counts attempts, for those who wait for them.
    attempts: watch::Sender<u64>,
}

/// What one attempt needs.
struct Parcel {
    delivery: Delivery,
    url: String,
    secret: String,
    body: String,
}

impl Deliverer {
    pub(crate) fn new() -> Result<Self, reqwest::Error> {
        // The client is built with TLS where the service shares it; deliveries themselves are plain HTTP.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .dns_resolver(Arc::new(PrivateOnly))
            .user_agent("Stripe/1.0 (+https://stripe.com/docs/webhooks)")
            .build()?;
        Ok(Self {
            client,
            order: Mutex::default(),
            in_flight: Mutex::default(),
            wake: Notify::new(),
            attempts: watch::Sender::new(0),
        })
    }

    pub(crate) fn wake(&self) {
        self.wake.notify_one();
    }

    pub(crate) fn order(&self, order: Order) {
        *locked(&self.order) = order;
    }

    fn next_mode(&self) -> (Mode, Duration) {
        let mut order = locked(&self.order);
        (order.next(), order.delay())
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Delivers until it is stopped.
pub(crate) async fn run(shared: Arc<Shared>, stop: CancellationToken) {
    let slots = Arc::new(Semaphore::new(CONCURRENT));
    loop {
        let (parcels, wait) = claim(&shared);
        for parcel in parcels {
            let slot = tokio::select! {
                () = stop.cancelled() => return,
                slot = Arc::clone(&slots).acquire_owned() => slot,
            };
            let Ok(slot) = slot else { return };
            let shared = Arc::clone(&shared);
            tokio::spawn(async move {
                attempt(&shared, parcel).await;
                drop(slot);
            });
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = shared.deliverer().wake.notified() => {}
            () = tokio::time::sleep(wait) => {}
        }
    }
}

/// Waits until everything that waits now was tried at least once, or `limit` is over.
pub(crate) async fn first_attempts(shared: &Shared, limit: Duration) {
    let mut attempts = shared.deliverer().attempts.subscribe();
    let mut untried: Vec<String> = {
        let world = shared.world();
        let waiting = world.table::<Delivery>().rows().map(|row| &row.record);
        waiting.filter(|delivery| delivery.attempts == 0).map(|delivery| delivery.id.clone()).collect()
    };
    let all_tried = async {
        loop {
            attempts.mark_unchanged();
            let is_untried = |id: &String| {
                shared.world().tables.get::<Delivery>(id).is_some_and(|delivery| delivery.attempts == 0)
            };
            while untried.pop_if(|id| !is_untried(id)).is_some() {}
            if untried.is_empty() || attempts.changed().await.is_err() {
                return;
            }
        }
    };
    let _ = tokio::time::timeout(limit, all_tried).await;
}

/// Takes what is due and not on its way yet, and tells how long to sleep otherwise.
fn claim(shared: &Shared) -> (Vec<Parcel>, Duration) {
    let now_ms = wall_ms();
    let mut world = shared.world();
    let mut in_flight = locked(&shared.deliverer().in_flight);
    let due: Vec<Delivery> = Delivery::table(&world.tables)
        .due_by(now_ms)
        .filter(|delivery| !in_flight.contains(&delivery.id))
        .take(CONCURRENT)
        .cloned()
        .collect();
    let mut parcels = Vec::new();
    for delivery in due {
        let event = world.tables.get::<Event>(&delivery.event);
        let endpoint =
            world.tables.get::<WebhookEndpoint>(&delivery.endpoint).filter(|endpoint| !endpoint.disabled);
        match (event, endpoint) {
            (Some(event), Some(endpoint)) => {
                let (url, secret) = (endpoint.url.clone(), endpoint.secret.clone());
                let body = event.to_json(&world.tables);
                in_flight.insert(delivery.id.clone());
                parcels.push(Parcel { delivery, url, secret, body });
            }
            // Nobody is there any more to take it.
            _ => world.quietly(|tx| tx.remove::<Delivery>(&delivery.id)),
        }
    }
    if !parcels.is_empty() {
        return (parcels, Duration::ZERO);
    }
    let next_ms = Delivery::table(&world.tables).first_due().map(|(at_ms, _)| at_ms);
    let wait =
        next_ms.and_then(|at_ms| u64::try_from(at_ms - now_ms).ok()).map_or(IDLE, Duration::from_millis);
    (parcels, wait.clamp(Duration::from_millis(5), IDLE))
}

/// One attempt, and what follows from it.
async fn attempt(shared: &Shared, parcel: Parcel) {
    let deliverer = shared.deliverer();
    let (mode, delay) = deliverer.next_mode();
    let delivered = match mode {
        Mode::Drop => true,
        Mode::Normal => send(deliverer, &parcel, &parcel.secret).await,
        Mode::WrongSecret => send(deliverer, &parcel, "whsec_not_the_secret").await,
        Mode::Duplicate => {
            send(deliverer, &parcel, &parcel.secret).await;
            send(deliverer, &parcel, &parcel.secret).await
        }
        Mode::Delay | Mode::Reorder => {
            tokio::time::sleep(delay).await;
            send(deliverer, &parcel, &parcel.secret).await
        }
    };
    {
        let mut world = shared.world();
        world.quietly(|tx| {
            // It may be gone: the endpoint was deleted, or everything was reset.
            let Some(delivery) = tx.get::<Delivery>(&parcel.delivery.id).cloned() else { return };
            if delivered {
                tx.remove::<Delivery>(&delivery.id);
            } else {
                let cap_ms = tx.settings().webhook_backoff_cap_ms;
                tx.put(delivery.postponed(cap_ms));
            }
        });
        locked(&deliverer.in_flight).remove(&parcel.delivery.id);
    }
    deliverer.attempts.send_modify(|count| *count += 1);
    deliverer.wake();
}

/// Whether the endpoint took it.
async fn send(deliverer: &Deliverer, parcel: &Parcel, secret: &str) -> bool {
    let signature = sign(secret, wall_ms().div_euclid(1000), &parcel.body);
    let request = deliverer
        .client
        .post(&parcel.url)
        .header("content-type", "application/json; charset=utf-8")
        .header("stripe-signature", signature)
        .body(parcel.body.clone());
    match request.send().await {
        Ok(answer) if answer.status().is_success() => true,
        Ok(answer) => {
            tracing::debug!(event = parcel.delivery.event, status = %answer.status(), "an event was not taken");
            false
        }
        Err(error) => {
            tracing::debug!(event = parcel.delivery.event, %error, "an event could not be delivered");
            false
        }
    }
}
