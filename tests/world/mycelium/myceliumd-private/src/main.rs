fn main() {
    println!("{}", mycelium_cli::greeting("mycelium-private"));
}
