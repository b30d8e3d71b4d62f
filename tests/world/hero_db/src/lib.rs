//! What the three binaries share: their version, and a tiny HTTP server on a Unix socket.

use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::{env, fs};

/// `HERO_DEMO_VERSION` when compiled with it, so that one source makes many versions.
pub const VERSION: &str = match option_env!("HERO_DEMO_VERSION") {
    Some(version) => version,
    None => concat!("v", env!("CARGO_PKG_VERSION")),
};

/// True when `--version` was asked for, and then answered: the program's name and its version.
pub fn answered_version(name: &str) -> bool {
    let asked = env::args().nth(1).is_some_and(|argument| argument == "--version");
    if asked {
        println!("{name} {VERSION}");
    }
    asked
}

/// `$HERO_SOCKET_DIR/hero_db/<name>.sock`; the folder defaults to `~/hero/var/sockets`.
pub fn socket(name: &str) -> PathBuf {
    let folder = env::var_os("HERO_SOCKET_DIR").map_or_else(
        || PathBuf::from(env::var_os("HOME").unwrap_or_default()).join("hero/var/sockets"),
        PathBuf::from,
    );
    folder.join("hero_db").join(format!("{name}.sock"))
}

/// Answers `GET /health` on the socket until the process is told to stop.
pub fn serve(name: &str, program: &str) -> io::Result<()> {
    let path = socket(name);
    fs::create_dir_all(path.parent().expect("a socket has a folder"))?;
    let _ = fs::remove_file(&path); // of a run that was killed
    for stream in UnixListener::bind(&path)?.incoming() {
        if let Err(error) = stream.and_then(|stream| answer(stream, program)) {
            eprintln!("{program}: {error}");
        }
    }
    Ok(())
}

/// The body of the answer to `GET /health`.
pub fn health(name: &str) -> io::Result<String> {
    let mut stream = UnixStream::connect(socket(name))?;
    stream.write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let text = io::read_to_string(stream)?;
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    if head.starts_with("HTTP/1.1 200 ") {
        Ok(body.to_owned())
    } else {
        Err(io::Error::other(head.lines().next().unwrap_or("no answer").to_owned()))
    }
}

fn answer(mut stream: UnixStream, program: &str) -> io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
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
