//! An index of nothing.

pub mod daemon;

use std::io;
use std::sync::atomic::AtomicBool;
use std::thread::JoinHandle;

use daemon::Daemon;

pub const SERVER: Daemon = Daemon { app: "hero_indexer", program: "hero_indexer_server", sockets: &["rpc"] };

/// Starts all its daemons in this process: their sockets are bound when this returns, and served until `stop` is true.
pub fn start(stop: &'static AtomicBool) -> io::Result<Vec<JoinHandle<()>>> {
    let mut threads = Vec::new();
    for daemon in [SERVER] {
        threads.extend(daemon.start(stop)?);
    }
    Ok(threads)
}
