fn main() -> std::io::Result<()> {
    hero_foundry::WEB.main()
}
