fn main() -> std::io::Result<()> {
    hero_foundry::ADMIN.main()
}
