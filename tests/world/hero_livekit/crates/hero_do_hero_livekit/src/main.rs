use std::process::ExitCode;

fn main() -> ExitCode {
    hero_livekit::daemon::ask("hero_do_hero_livekit", "hero_livekit", "rpc")
}
