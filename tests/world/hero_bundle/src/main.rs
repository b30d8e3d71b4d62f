//! Six services in one binary: their own sockets, one process.

#[allow(dead_code)] // it serves nothing of its own
mod daemon;

use std::process::ExitCode;
use std::sync::atomic::AtomicBool;
use std::thread::JoinHandle;
use std::{env, fs, io};

type Start = fn(&'static AtomicBool) -> io::Result<Vec<JoinHandle<()>>>;

/// In the order in which they start.
const SERVICES: [(&str, Start); 6] = [
    ("mycelium", mycelium_server_msg::start),
    ("hero_db", hero_db::start),
    ("hero_indexer", hero_indexer::start),
    ("hero_code", hero_code::start),
    ("hero_proc", hero_proc::start),
    ("hero_router", hero_router::start),
];

const HELP: &str = "\
usage: hero_bundle [--config FILE | --info | --help]

  --config FILE  read `socket_dir = \"DIR\"` from FILE
  --info         list the services in the order in which they start
  --help         show this";

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    let told = match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => run(),
        ["--config", file] => configure(file).and_then(|()| run()),
        ["--info"] => {
            SERVICES.iter().for_each(|(name, _)| println!("{name}"));
            Ok(())
        }
        ["--help"] => {
            println!("{HELP}");
            Ok(())
        }
        _ => {
            eprintln!("{HELP}");
            return ExitCode::from(2);
        }
    };
    told.map_or_else(
        |error| {
            eprintln!("hero_bundle: {error}");
            ExitCode::FAILURE
        },
        |()| ExitCode::SUCCESS,
    )
}

fn run() -> io::Result<()> {
    daemon::stop_on_signals();
    let mut threads = Vec::new();
    for (name, start) in SERVICES {
        threads.extend(start(&daemon::STOP)?);
        println!("started {name}");
    }
    daemon::join(threads);
    println!("stopped");
    Ok(())
}

/// Before the first thread is there, since the environment is the whole process's.
fn configure(file: &str) -> io::Result<()> {
    let text = fs::read_to_string(file).map_err(|error| io::Error::other(format!("{file}: {error}")))?;
    for line in text.lines() {
        if let Some(("socket_dir", folder)) = line.split_once('=').map(|(key, value)| (key.trim(), value.trim())) {
            env::set_var("HERO_SOCKET_DIR", folder.trim_matches('"'));
        }
    }
    Ok(())
}
