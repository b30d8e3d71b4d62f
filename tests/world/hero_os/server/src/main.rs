//! Serves the desktop: `$HERO_ROOT/share/hero_os/shell` at `/`, `$HERO_ROOT/share/hero_os/islands` at `/islands`.
//!
//! `/islands` is registered only if that folder exists when the server starts. The socket is
//! `$HERO_SOCKET_DIR/hero_os/rpc.sock`; a browser that needs a port finds one at `127.0.0.1:$HERO_OS_PORT`, too
//! (0: any; the address is printed).

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{env, fs, thread};

const NAME: &str = "hero_os_server";
const PAGE: &[u8] = include_bytes!("index.html");
/// `HERO_DEMO_VERSION` when compiled with it, so that one source makes many versions.
const VERSION: &str = match option_env!("HERO_DEMO_VERSION") {
    Some(version) => version,
    None => concat!("v", env!("CARGO_PKG_VERSION")),
};

struct Site {
    shell: PathBuf,
    islands: Option<PathBuf>,
}

type Answer = (&'static str, &'static str, Vec<u8>);

fn main() -> io::Result<()> {
    if env::args().nth(1).is_some_and(|argument| argument == "--version") {
        println!("{NAME} {VERSION}");
        return Ok(());
    }
    let site = Arc::new(site());
    if let Some(port) = env::var_os("HERO_OS_PORT").and_then(|port| port.to_str()?.parse::<u16>().ok()) {
        let listener = TcpListener::bind(("127.0.0.1", port))?;
        println!("http://{}/", listener.local_addr()?);
        let site = site.clone();
        thread::spawn(move || listener.incoming().for_each(|stream| serve(stream, &site)));
    }
    let socket = folder("HERO_SOCKET_DIR", "hero/var/sockets").join("hero_os/rpc.sock");
    fs::create_dir_all(socket.parent().expect("a socket has a folder"))?;
    let _ = fs::remove_file(&socket); // of a run that was killed
    UnixListener::bind(&socket)?.incoming().for_each(|stream| serve(stream, &site));
    Ok(())
}

fn site() -> Site {
    let pages = folder("HERO_ROOT", "hero").join("share/hero_os");
    let islands = Some(pages.join("islands")).filter(|folder| folder.is_dir());
    Site { shell: pages.join("shell"), islands }
}

fn folder(name: &str, below_home: &str) -> PathBuf {
    let home = || PathBuf::from(env::var_os("HOME").unwrap_or_default()).join(below_home);
    env::var_os(name).map_or_else(home, PathBuf::from)
}

/// Answers one request on a thread of its own.
fn serve<Stream: Read + Write + Send + 'static>(stream: io::Result<Stream>, site: &Arc<Site>) {
    let site = site.clone();
    thread::spawn(move || {
        if let Err(error) = stream.and_then(|stream| exchange(stream, &site)) {
            eprintln!("{NAME}: {error}");
        }
    });
}

fn exchange<Stream: Read + Write>(stream: Stream, site: &Site) -> io::Result<()> {
    let mut reader = BufReader::new(stream);
    let (mut request, mut header) = (String::new(), String::new());
    reader.read_line(&mut request)?;
    while reader.read_line(&mut header)? > 2 {
        header.clear();
    }
    let path = request.split(' ').nth(1).unwrap_or_default();
    let (status, kind, body) = answer(path.split('?').next().unwrap_or_default(), site);
    let length = body.len();
    let stream = reader.get_mut();
    write!(stream, "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n")?;
    stream.write_all(&body)?;
    stream.flush()
}

fn answer(path: &str, site: &Site) -> Answer {
    match path {
        "/" => ("200 OK", "text/html; charset=utf-8", PAGE.to_vec()),
        "/health" => {
            let body = format!("{{\"status\":\"ok\",\"service\":\"{NAME}\",\"version\":\"{VERSION}\"}}");
            ("200 OK", "application/json", body.into_bytes())
        }
        _ => match path.strip_prefix("/islands/") {
            Some(rest) => site.islands.as_deref().and_then(|folder| file(folder, rest)),
            None => file(&site.shell, path.trim_start_matches('/')),
        }
        .unwrap_or_else(|| ("404 Not Found", "text/plain", b"not found\n".to_vec())),
    }
}

fn file(folder: &Path, path: &str) -> Option<Answer> {
    if path.split('/').any(|segment| matches!(segment, "" | "." | "..")) {
        return None;
    }
    let body = fs::read(folder.join(path)).ok()?;
    Some(("200 OK", kind(path), body))
}

fn kind(path: &str) -> &'static str {
    match path.rsplit('.').next() {
        Some("js") => "text/javascript",
        Some("wasm") => "application/wasm",
        Some("json") => "application/json",
        Some("html") => "text/html; charset=utf-8",
        Some("css") => "text/css",
        _ => "application/octet-stream",
    }
}
