//! An app's event types change, and its log stays readable: version 1 writes, a careless change is refused,
//! version 2 reads.
//!
//! `cargo run -p example-evolve`, or with a directory as argument, in which the log then stays.

mod careless;
mod version_1;
mod version_2;

use sse_framework::SseEvent;
use std::error::Error;
use std::path::{Path, PathBuf};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    match std::env::args_os().nth(1) {
        Some(directory) => evolve(&PathBuf::from(directory)).await,
        None => evolve(tempfile::tempdir()?.path()).await,
    }
}

async fn evolve(log: &Path) -> Result<(), Box<dyn Error>> {
    version_1::run(log).await?;
    if let Err(refused) = careless::run(log).await {
        println!("{refused}: {}", refused.source().map(ToString::to_string).unwrap_or_default());
    }
    for order in version_2::run(log).await? {
        println!("{order:?}");
    }
    version_1::roll_back(log).await?;
    // ANCHOR: schemas
    for event_type in version_2::ShopEvent::TYPES {
        if let Some(schema) = event_type.schema() {
            println!("{}: {}", event_type.name(), schema.as_value());
        }
    }
    // ANCHOR_END: schemas
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use sse_framework::{Breaks, StartError};
    use version_2::OrderPlaced;

    #[tokio::test]
    async fn version_2_reads_what_version_1_wrote() -> Result<(), Box<dyn Error>> {
        let directory = tempfile::tempdir()?;
        version_1::run(directory.path()).await?;
        let orders = version_2::run(directory.path()).await?;
        let order = |cents, gift| OrderPlaced { shop: "rome".to_owned(), cents, gift };
        let expected = [order(300, false), order(1200, false), order(500, false), order(450, true)];
        assert_eq!(orders, expected);
        Ok(())
    }

    // ANCHOR: released
    #[test]
    fn today_reads_what_was_released() {
        let (today, released) = (&OrderPlaced::TYPES[0], &version_1::OrderPlaced::TYPES[0]);
        assert_eq!(today.changes_since(released), []);
    }
    // ANCHOR_END: released

    #[tokio::test]
    async fn the_way_back_is_open() -> Result<(), Box<dyn Error>> {
        let directory = tempfile::tempdir()?;
        version_1::run(directory.path()).await?;
        version_2::run(directory.path()).await?;
        assert!(
            matches!(version_1::run(directory.path()).await, Err(error) if error.is::<StartError>())
        );
        version_1::roll_back(directory.path()).await?;
        version_1::run(directory.path()).await?;
        assert_eq!(version_2::run(directory.path()).await?.len(), 3 + 1 + 3 + 1);
        Ok(())
    }

    #[tokio::test]
    async fn a_careless_change_is_refused() -> Result<(), Box<dyn Error>> {
        let directory = tempfile::tempdir()?;
        version_1::run(directory.path()).await?;
        let Err(StartError::Schema(refused)) = careless::run(directory.path()).await else {
            return Err("it was not refused".into());
        };
        let found = refused.changes.iter();
        let found: Vec<_> =
            found.map(|it| (it.event_type.as_str(), it.path.as_str(), it.breaks)).collect();
        let expected = [
            ("order-placed", "cents", Breaks::Records),
            ("order-placed", "price", Breaks::Clients),
            ("stock-changed", "", Breaks::EventType),
        ];
        assert_eq!(found, expected);
        assert_eq!(refused.to_string(), include_str!("../refusal.txt").trim_end());
        Ok(())
    }
}
