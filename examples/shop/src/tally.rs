//! A subscription without HTTP: how many orders each shop has had.

use crate::events::ShopEvent;
use sse_framework::{Hub, Received, Start, Subscribe, Subscription, TopicFilter};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// The number of orders by shop. It is made anew from the log at every start.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally(Arc<Mutex<HashMap<String, u64>>>);

impl Tally {
    // ANCHOR: follow
    /// Counts what the log holds, and then what comes.
    pub(crate) fn follow(hub: &Hub<ShopEvent>) -> Self {
        let tally = Tally::default();
        let shops = TopicFilter::under(["shops"]);
        let events = hub.subscribe(Subscribe::default()).start(Start::Oldest).topics([shops]);
        tokio::spawn(tally.clone().count(events));
        tally
    }

    async fn count(self, mut events: Subscription<ShopEvent>) {
        while let Some(received) = events.next().await {
            match received {
                Received::Event(delivered) => self.add(delivered.event),
                Received::Gap(gap) => tracing::warn!(?gap, "orders may be missing in the tally"),
                Received::Closed(reason) => tracing::info!(?reason, "no more orders to count"),
                _ => {}
            }
        }
    }
    // ANCHOR_END: follow

    fn add(&self, event: ShopEvent) {
        if let ShopEvent::OrderPlaced(order) = event {
            let mut tally = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            *tally.entry(order.shop).or_default() += 1;
        }
    }

    /// How many orders this shop has had.
    pub(crate) fn orders(&self, shop: &str) -> u64 {
        let tally = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tally.get(shop).copied().unwrap_or_default()
    }
}
