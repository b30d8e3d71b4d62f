//! The network, without a network.

use mycelium_common::daemon::Daemon;

fn main() -> std::io::Result<()> {
    Daemon { app: "mycelium", program: "mycelium_server", sockets: &["rpc"] }.main()
}
