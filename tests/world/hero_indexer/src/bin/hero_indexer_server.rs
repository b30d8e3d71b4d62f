fn main() -> std::io::Result<()> {
    hero_indexer::SERVER.main()
}
