fn main() -> std::io::Result<()> {
    if hero_db::answered_version("hero_db_server") {
        return Ok(());
    }
    hero_db::serve("rpc", "hero_db_server")
}
