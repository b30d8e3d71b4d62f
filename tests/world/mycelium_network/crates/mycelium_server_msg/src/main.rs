fn main() -> std::io::Result<()> {
    mycelium_server_msg::BUS.main()
}
