fn main() -> std::io::Result<()> {
    hero_foundry::SERVER.main()
}
