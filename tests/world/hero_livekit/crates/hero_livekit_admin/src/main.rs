fn main() -> std::io::Result<()> {
    hero_livekit::ADMIN.main()
}
