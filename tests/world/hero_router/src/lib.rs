//! A router of one binary, which routes nowhere.

pub mod daemon;

use std::io;
use std::sync::atomic::AtomicBool;
use std::thread::JoinHandle;

use daemon::Daemon;

pub const ROUTER: Daemon = Daemon { app: "hero_router", program: "hero_router", sockets: &["rpc", "service"] };

/// Starts all its daemons in this process: their sockets are bound when this returns, and served until `stop` is true.
pub fn start(stop: &'static AtomicBool) -> io::Result<Vec<JoinHandle<()>>> {
    let mut threads = Vec::new();
    for daemon in [ROUTER] {
        threads.extend(daemon.start(stop)?);
    }
    Ok(threads)
}
