use serde::{Deserialize, Serialize};
use sse_framework::SseEvent;

#[derive(Serialize, Deserialize, SseEvent)]
struct TheOrderOfTheCustomerWhoseAddressWasChangedTwiceHasBeenPlacedAgain;

fn main() {}
