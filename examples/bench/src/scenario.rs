//! What is measured.

use crate::figure::Figure::{self, *};
use crate::load::Pace;
use crate::system::System::{self, *};
use std::time::Duration;

/// One kind of load.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Scenario {
    Paced,
    Closed,
    Burst,
    Idle,
    Storm,
    StormFromDisk,
    Steady,
    Stalled,
    Topics,
    FewTopics,
    CalmTopics,
    Latency,
}

/// What a run does.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Plan {
    Flow(Flow),
    /// Connections that wait.
    Idle {
        connections: usize,
    },
    /// Clients that come at once, each so many events behind.
    Storm {
        clients: usize,
        behind: u64,
        /// The server has been started again meanwhile.
        restarted: bool,
    },
}

/// Events that go to subscribers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flow {
    pub(crate) subscribers: usize,
    pub(crate) pace: Pace,
    pub(crate) time: Duration,
    /// Each subscriber has a topic of its own, and each event is for one.
    pub(crate) topics: bool,
    /// One subscriber reads nothing until the last event is published.
    pub(crate) stall: bool,
}

impl Scenario {
    pub(crate) const ALL: [Scenario; 12] = [
        Scenario::Paced,
        Scenario::Closed,
        Scenario::Burst,
        Scenario::Idle,
        Scenario::Storm,
        Scenario::StormFromDisk,
        Scenario::Steady,
        Scenario::Stalled,
        Scenario::Topics,
        Scenario::FewTopics,
        Scenario::CalmTopics,
        Scenario::Latency,
    ];

    /// Its name on the command line and in tables.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Scenario::Paced => "paced",
            Scenario::Closed => "closed",
            Scenario::Burst => "burst",
            Scenario::Idle => "idle",
            Scenario::Storm => "storm",
            Scenario::StormFromDisk => "storm-from-disk",
            Scenario::Steady => "steady",
            Scenario::Stalled => "stalled",
            Scenario::Topics => "topics",
            Scenario::FewTopics => "few-topics",
            Scenario::CalmTopics => "calm-topics",
            Scenario::Latency => "latency",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scenario| scenario.name() == name)
    }

    /// Who takes part.
    pub(crate) fn systems(self) -> &'static [System] {
        match self {
            Scenario::Paced
            | Scenario::Idle
            | Scenario::Topics
            | Scenario::FewTopics
            | Scenario::CalmTopics => &[Floor, ByHand, Framework, UnderAxum],
            Scenario::Closed | Scenario::Burst => &[Floor, ByHand, Framework, UnderAxum, Buffered],
            // The floor has no history, and no room for what a client does not take.
            Scenario::Storm | Scenario::StormFromDisk | Scenario::Steady | Scenario::Stalled => {
                &[ByHand, Framework, UnderAxum]
            }
            Scenario::Latency => &[Disk, Floor, ByHand, Framework, UnderAxum],
        }
    }

    /// What its table shows.
    pub(crate) fn figures(self) -> &'static [Figure] {
        match self {
            Scenario::Paced => &[CpuPerDelivery, P50, P99, Resident],
            Scenario::Closed | Scenario::Burst => &[DeliveriesPerS, CpuPerDelivery, P50, P99],
            Scenario::Idle => &[PerConnection, CpuPerClient],
            Scenario::Storm | Scenario::StormFromDisk => &[CaughtUp, CpuPerClient, Resident],
            Scenario::Steady => &[P50, P99, Resident],
            Scenario::Stalled => &[P50, P99, LostByStalled, Resident],
            Scenario::Topics | Scenario::FewTopics | Scenario::CalmTopics => {
                &[CpuPerPublish, P50, P99]
            }
            Scenario::Latency => &[P50, P99],
        }
    }

    /// What a run does; a quick one does less of it.
    pub(crate) fn plan(self, quick: bool) -> Plan {
        let size = |full, small| if quick { small } else { full };
        let flow = match self {
            Scenario::Paced => Flow::to(size(1000, 20)).paced(50.0),
            Scenario::Closed => Flow::to(size(1000, 20)).closed(1),
            Scenario::Burst => Flow::to(size(1000, 20)).closed(16),
            Scenario::Steady => Flow::to(size(101, 4)).heavy(quick),
            Scenario::Stalled => Flow { stall: true, ..Flow::to(size(101, 4)).heavy(quick) },
            Scenario::Topics => Flow::to(size(10_000, 50)).paced(500.0).by_topic(),
            Scenario::FewTopics => Flow::to(size(100, 5)).paced(500.0).by_topic(),
            // A server that wakes everybody for each event can do so at this pace.
            Scenario::CalmTopics => Flow::to(size(10_000, 50)).paced(20.0).by_topic(),
            Scenario::Latency => Flow::to(1).paced(50.0),
            Scenario::Idle => return Plan::Idle { connections: size(10_000, 50) },
            Scenario::Storm | Scenario::StormFromDisk => {
                let restarted = self == Scenario::StormFromDisk;
                return Plan::Storm { clients: size(2_000, 20), behind: 100, restarted };
            }
        };
        let time = if quick { flow.time / 10 } else { flow.time };
        Plan::Flow(Flow { time, ..flow })
    }
}

impl Flow {
    fn to(subscribers: usize) -> Self {
        let pace = Pace { rate: None, window: None, batch: 1, least: 0, payload: 200 };
        let time = Duration::from_secs(3);
        Flow { subscribers, pace, time, topics: false, stall: false }
    }

    /// So many events in a second.
    fn paced(self, rate: f64) -> Self {
        Flow { pace: Pace { rate: Some(rate), ..self.pace }, ..self }
    }

    /// As many as go, in POSTs of so many, while nobody is more than 32 events behind.
    fn closed(self, batch: u64) -> Self {
        Flow { pace: Pace { window: Some(32), batch, ..self.pace }, ..self }
    }

    fn by_topic(self) -> Self {
        Flow { topics: true, ..self }
    }

    /// 16 MiB and more for each subscriber: much more than the kernel's buffers for a connection
    /// hold.
    fn heavy(self, quick: bool) -> Self {
        let (rate, payload) = if quick { (None, 64 << 10) } else { (Some(200.0), 16 << 10) };
        let least = (16 << 20) / payload as u64;
        let time = Duration::from_secs(5);
        Flow { pace: Pace { rate, payload, least, ..self.pace }, time, ..self }
    }
}
