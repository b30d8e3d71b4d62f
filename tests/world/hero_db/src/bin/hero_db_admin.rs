fn main() -> std::io::Result<()> {
    if hero_db::answered_version("hero_db_admin") {
        return Ok(());
    }
    hero_db::serve("admin", "hero_db_admin")
}
