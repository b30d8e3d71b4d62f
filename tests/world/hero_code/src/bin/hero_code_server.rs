fn main() -> std::io::Result<()> {
    hero_code::SERVER.main()
}
