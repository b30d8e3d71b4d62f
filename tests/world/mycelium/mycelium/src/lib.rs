//! The network that the programs join, by the features that they are built with.

pub fn network() -> &'static str {
    if cfg!(feature = "private-network") {
        "private"
    } else {
        "public"
    }
}
