//! Code and its editor, with a web face and no admin.

pub mod daemon;

use std::io;
use std::sync::atomic::AtomicBool;
use std::thread::JoinHandle;

use daemon::Daemon;

pub const SERVER: Daemon = Daemon { app: "hero_code", program: "hero_code_server", sockets: &["rpc", "editor"] };
pub const WEB: Daemon = Daemon { app: "hero_code", program: "hero_code_web", sockets: &["web"] };

/// Starts all its daemons in this process: their sockets are bound when this returns, and served until `stop` is true.
pub fn start(stop: &'static AtomicBool) -> io::Result<Vec<JoinHandle<()>>> {
    let mut threads = Vec::new();
    for daemon in [SERVER, WEB] {
        threads.extend(daemon.start(stop)?);
    }
    Ok(threads)
}
