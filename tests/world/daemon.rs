//! What the daemons of this world share: `--version`, `GET /health` on Unix sockets, a clean end at SIGTERM.
//!
//! One file, which each repo has as `src/daemon.rs`: by a symbolic link here, as a file of its own once it is a repo.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use std::{env, fs};

/// `HERO_DEMO_VERSION` when compiled with it, so that one source makes many versions.
pub const VERSION: &str = match option_env!("HERO_DEMO_VERSION") {
    Some(version) => version,
    None => concat!("v", env!("CARGO_PKG_VERSION")),
};

/// True once the process was told to end.
pub static STOP: AtomicBool = AtomicBool::new(false);

const OFTEN: Duration = Duration::from_millis(10);
const PATIENCE: Duration = Duration::from_secs(5);
const SIGINT: i32 = 2;
const SIGTERM: i32 = 15;
const LONGEST: u64 = 1 << 16;

extern "C" {
    fn signal(number: i32, handler: extern "C" fn(i32)) -> usize;
    fn kill(process: i32, number: i32) -> i32;
}

/// A program that serves: its sockets are `$HERO_SOCKET_DIR/<app>/<name>.sock`.
pub struct Daemon {
    pub app: &'static str,
    pub program: &'static str,
    pub sockets: &'static [&'static str],
}

impl Daemon {
    /// A daemon's `main`: answers `--version`, or serves until it is told to end.
    pub fn main(&self) -> io::Result<()> {
        if answered_version(self.program) {
            return Ok(());
        }
        stop_on_signals();
        join(self.start(&STOP)?);
        Ok(())
    }

    /// Binds all its sockets, then serves each in a thread of its own until `stop` is true.
    pub fn start(&self, stop: &'static AtomicBool) -> io::Result<Vec<JoinHandle<()>>> {
        let bound = self.sockets.iter().map(|name| bind(&socket(self.app, name)));
        let listeners = bound.collect::<io::Result<Vec<_>>>()?;
        let paths = self.sockets.iter().map(|name| socket(self.app, name));
        let program = self.program;
        let threads = listeners.into_iter().zip(paths);
        Ok(threads.map(|(listener, path)| thread::spawn(move || serve(&listener, &path, program, stop))).collect())
    }
}

/// A command's `main`: answers `--version`, or prints what the app's socket says of its health.
pub fn ask(program: &str, app: &str, name: &str) -> ExitCode {
    if answered_version(program) {
        return ExitCode::SUCCESS;
    }
    match health(&socket(app, name)) {
        Ok(answer) => {
            println!("{answer}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{program}: {app} does not answer: {error}");
            ExitCode::FAILURE
        }
    }
}

/// True when `--version` was asked for, and then answered: the program's name and its version.
pub fn answered_version(program: &str) -> bool {
    let asked = env::args().nth(1).is_some_and(|argument| argument == "--version");
    if asked {
        println!("{program} {VERSION}");
    }
    asked
}

/// SIGTERM and SIGINT make STOP true.
pub fn stop_on_signals() {
    extern "C" fn told(_: i32) {
        STOP.store(true, Ordering::SeqCst);
    }
    for number in [SIGINT, SIGTERM] {
        // SAFETY: the handler stores into an atomic, which is allowed in one, and does no more.
        unsafe { signal(number, told) };
    }
}

/// Tells a process to end.
pub fn terminate(process: u32) {
    let process = i32::try_from(process).expect("a process id of Linux");
    // SAFETY: kill(2) touches no memory.
    unsafe { kill(process, SIGTERM) };
}

pub fn join(threads: Vec<JoinHandle<()>>) {
    for thread in threads {
        thread.join().expect("a thread that serves does not panic");
    }
}

/// `$HERO_SOCKET_DIR/<app>/<name>.sock`; the folder defaults to `~/hero/var/sockets`.
pub fn socket(app: &str, name: &str) -> PathBuf {
    let folder = env::var_os("HERO_SOCKET_DIR").map_or_else(
        || PathBuf::from(env::var_os("HOME").unwrap_or_default()).join("hero/var/sockets"),
        PathBuf::from,
    );
    folder.join(app).join(format!("{name}.sock"))
}

fn bind(path: &Path) -> io::Result<UnixListener> {
    fs::create_dir_all(path.parent().expect("a socket has a folder"))?;
    let _ = fs::remove_file(path); // of a run that was killed
    let listener = UnixListener::bind(path)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

fn serve(listener: &UnixListener, path: &Path, program: &str, stop: &AtomicBool) {
    while !stop.load(Ordering::SeqCst) {
        match listener.accept() {
            Ok((stream, _)) => {
                if let Err(error) = answer(stream, program) {
                    eprintln!("{program}: {error}");
                }
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => thread::sleep(OFTEN),
            Err(error) => eprintln!("{program}: {error}"),
        }
    }
    let _ = fs::remove_file(path); // whoever removed it before us did no harm
}

fn answer(mut stream: UnixStream, program: &str) -> io::Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut lines = BufReader::new(stream.try_clone()?.take(LONGEST)).lines();
    let request = lines.next().transpose()?.unwrap_or_default();
    while lines.next().transpose()?.is_some_and(|line| !line.is_empty()) {}
    let (status, body) = if request.starts_with("GET /health ") {
        ("200 OK", format!("{{\"status\":\"ok\",\"service\":\"{program}\",\"version\":\"{VERSION}\"}}"))
    } else {
        ("404 Not Found", String::from("{}"))
    };
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}

/// The body of the answer to `GET /health`.
fn health(path: &Path) -> io::Result<String> {
    let mut stream = UnixStream::connect(path)?;
    stream.write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let text = io::read_to_string(stream)?;
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    if head.starts_with("HTTP/1.1 200 ") {
        Ok(body.to_owned())
    } else {
        Err(io::Error::other(head.lines().next().unwrap_or("no answer").to_owned()))
    }
}
