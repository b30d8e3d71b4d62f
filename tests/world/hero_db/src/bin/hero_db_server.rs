fn main() -> std::io::Result<()> {
    hero_db::SERVER.main()
}
