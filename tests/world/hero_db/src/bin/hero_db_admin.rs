fn main() -> std::io::Result<()> {
    hero_db::ADMIN.main()
}
