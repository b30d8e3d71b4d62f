fn main() -> std::io::Result<()> {
    hero_code::WEB.main()
}
