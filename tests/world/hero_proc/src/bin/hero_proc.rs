use std::process::ExitCode;

fn main() -> ExitCode {
    hero_proc::daemon::ask("hero_proc", "hero_proc", "rpc")
}
