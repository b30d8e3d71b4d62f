//! Serves, and runs lk-backend for as long as it does.

use std::process::{Child, Command};
use std::{env, io};

use hero_livekit::daemon::{self, STOP};
use hero_livekit::SERVER;

fn main() -> io::Result<()> {
    if daemon::answered_version(SERVER.program) {
        return Ok(());
    }
    daemon::stop_on_signals();
    let mut backend = start_backend()?;
    let served = SERVER.start(&STOP).map(daemon::join);
    daemon::terminate(backend.id());
    let ended = backend.wait()?;
    println!("lk-backend: {ended}");
    served
}

/// lk-backend lies beside this program.
fn start_backend() -> io::Result<Child> {
    let program = env::current_exe()?.with_file_name("lk-backend");
    Command::new(&program).spawn().map_err(|error| io::Error::other(format!("{}: {error}", program.display())))
}
