/// A build with `HERO_DEMO_FAULT` ends at once with that message: a release that does not come up.
fn main() -> std::io::Result<()> {
    if let Some(fault) = option_env!("HERO_DEMO_FAULT") {
        if std::env::args().nth(1).is_none() {
            eprintln!("hero_db_server: {fault}");
            std::process::exit(1);
        }
    }
    hero_db::SERVER.main()
}
