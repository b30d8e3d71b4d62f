//! Run by hero_livekit_server, and ended by it.

fn main() -> std::io::Result<()> {
    hero_livekit::BACKEND.main()
}
