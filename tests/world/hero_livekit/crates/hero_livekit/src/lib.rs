//! Rooms for sound and video, without either.

pub mod daemon;

use daemon::Daemon;

pub const SERVER: Daemon = Daemon { app: "hero_livekit", program: "hero_livekit_server", sockets: &["rpc"] };
pub const ADMIN: Daemon = Daemon { app: "hero_livekit", program: "hero_livekit_admin", sockets: &["admin"] };
pub const BACKEND: Daemon = Daemon { app: "hero_livekit", program: "lk-backend", sockets: &["backend"] };
