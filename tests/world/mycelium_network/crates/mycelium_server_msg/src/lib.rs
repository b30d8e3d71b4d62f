//! The message bus, which needs no TUN device and carries no messages.

use std::io;
use std::sync::atomic::AtomicBool;
use std::thread::JoinHandle;

use mycelium_common::daemon::Daemon;

pub const BUS: Daemon = Daemon { app: "mycelium", program: "mycelium_server_msg", sockets: &["msg"] };

/// Starts the bus in this process: its socket is bound when this returns, and served until `stop` is true.
pub fn start(stop: &'static AtomicBool) -> io::Result<Vec<JoinHandle<()>>> {
    BUS.start(stop)
}
