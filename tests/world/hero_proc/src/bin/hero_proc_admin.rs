fn main() -> std::io::Result<()> {
    hero_proc::ADMIN.main()
}
