fn main() -> std::io::Result<()> {
    hero_proc::SERVER.main()
}
