//! The state of things: what is in stock, and which event said so last.

use crate::StockChanged;
use serde::{Deserialize, Serialize};
use sse_framework::{EventId, Hub, Received, Start, Subscribe, Subscription};
use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::{fs, io};

/// It is made of events, and stored together with the id of the last of them: so it is always known
/// after which event it is what it is.
#[derive(Clone)]
pub(crate) struct Stock(Arc<Mutex<Counted>>);

#[derive(Default, Serialize, Deserialize)]
struct Counted {
    left: BTreeMap<String, u32>,
    /// An event's id.
    at: Option<String>,
}

// ANCHOR: follow
impl Stock {
    /// Goes on with the event after the stored one.
    pub(crate) fn follow(hub: &Hub<StockChanged>, path: PathBuf) -> Result<Self, Box<dyn Error>> {
        let counted = match fs::read(&path) {
            Ok(stored) => serde_json::from_slice(&stored)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Counted::default(),
            Err(error) => return Err(error.into()),
        };
        let start = match counted.at() {
            Some(id) => Start::After(id),
            None => Start::Oldest,
        };
        let changes = hub.subscribe(Subscribe::default()).start(start).everything();
        let stock = Stock(Arc::new(Mutex::new(counted)));
        tokio::spawn(stock.clone().count(changes, path));
        Ok(stock)
    }

    async fn count(self, mut changes: Subscription<StockChanged>, path: PathBuf) {
        while let Some(received) = changes.next().await {
            match received {
                Received::Event(change) => self.lock().apply(change.event, change.id),
                Received::Gap(gap) => tracing::error!(?gap, "the stock may be wrong: count it"),
                _ => continue,
            }
            if let Err(error) = self.lock().store(&path) {
                tracing::error!(%error, "the stock is not stored, and will be counted anew");
            }
        }
    }

    /// What there is, and after which event.
    pub(crate) fn now(&self) -> (Vec<StockChanged>, Option<EventId>) {
        let counted = self.lock();
        let stock = counted.left.iter();
        let stock = stock.map(|(item, left)| StockChanged { item: item.clone(), left: *left });
        (stock.collect(), counted.at())
    }
    // ANCHOR_END: follow

    fn lock(&self) -> MutexGuard<'_, Counted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counted {
    fn at(&self) -> Option<EventId> {
        self.at.as_ref().and_then(|id| id.parse().ok())
    }

    fn apply(&mut self, StockChanged { item, left }: StockChanged, id: EventId) {
        self.left.insert(item, left);
        self.at = Some(id.to_string());
    }

    /// As a whole, whenever the process dies: the counts and their position go together.
    fn store(&self, path: &Path) -> Result<(), Box<dyn Error>> {
        let new = path.with_extension("new");
        fs::write(&new, serde_json::to_vec(self)?)?;
        fs::rename(new, path)?;
        Ok(())
    }
}
