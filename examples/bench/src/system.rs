//! The systems that are compared.

use std::path::Path;
use std::process::{Command, Stdio};

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum System {
    /// No server: one write and sync of a file, one round trip over the loopback.
    Disk,
    /// One thread that sends ready bytes, and nothing else.
    Floor,
    /// axum and a tokio broadcast channel, with the history in memory.
    ByHand,
    /// The framework under its own `serve`.
    Framework,
    /// The framework under `axum::serve`.
    UnderAxum,
    /// As [`Framework`](System::Framework), but synced five times a second only.
    Buffered,
}

impl System {
    const ALL: [System; 6] = [
        System::Disk,
        System::Floor,
        System::ByHand,
        System::Framework,
        System::UnderAxum,
        System::Buffered,
    ];

    /// Its name in tables, and on the command line of the process that runs it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            System::Disk => "disk + loopback",
            System::Floor => "floor",
            System::ByHand => "by hand",
            System::Framework => "framework",
            System::UnderAxum => "under axum::serve",
            System::Buffered => "buffered",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|system| system.name() == name)
    }

    /// Whether it is ours: it must lose, repeat and misdirect nothing.
    pub(crate) fn is_ours(self) -> bool {
        matches!(self, System::Framework | System::UnderAxum | System::Buffered)
    }

    /// The command that runs it, in a process of its own.
    pub(crate) fn command(self, data: &Path) -> std::io::Result<Command> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("--serve").arg(self.name()).arg("--data").arg(data);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        Ok(command)
    }
}
