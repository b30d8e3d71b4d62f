fn main() -> std::io::Result<()> {
    hero_router::ROUTER.main()
}
