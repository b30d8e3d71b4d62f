use std::process::ExitCode;

fn main() -> ExitCode {
    hero_db::daemon::ask("hero_db", "hero_db", "rpc")
}
