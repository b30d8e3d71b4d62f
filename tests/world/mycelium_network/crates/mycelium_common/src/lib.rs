//! What the daemons of mycelium share.

pub mod daemon;
