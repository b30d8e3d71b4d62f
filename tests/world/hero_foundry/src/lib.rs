//! A server, its web and its admin.

pub mod daemon;

use daemon::Daemon;

pub const SERVER: Daemon = Daemon { app: "hero_foundry", program: "hero_foundry_server", sockets: &["rpc"] };
pub const WEB: Daemon = Daemon { app: "hero_foundry", program: "hero_foundry_web", sockets: &["web"] };
pub const ADMIN: Daemon = Daemon { app: "hero_foundry", program: "hero_foundry_admin", sockets: &["admin"] };
