// Calls of the server: JSON-RPC over POST /rpc, and the stream of events.

let last = 0;

export class Failed extends Error {
  constructor(error) {
    super(error.message);
    this.failure = error.data?.error ?? null;
  }
}

export class SignedOut extends Error {}

export async function call(method, params = {}, signal = undefined) {
  last += 1;
  const response = await fetch("/rpc", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ jsonrpc: "2.0", id: last, method, params }),
    signal,
  });
  if (response.status === 401) throw new SignedOut();
  if (!response.ok) throw new Error(`the server answered with ${response.status}`);
  const document = await response.json();
  if (document.error) throw new Failed(document.error);
  return document.result;
}

export async function signOut() {
  const response = await fetch("/sign-out", { method: "POST", headers: { "Content-Type": "application/json" } });
  if (!response.ok) throw new Error(await response.text());
}

// Asks for a change. Its end comes as an event, so the connection is left after a moment: a browser has only six of
// them for one server, and an operation belongs to the server, which cancels nothing.
export async function ask(method, params) {
  const leave = new AbortController();
  const timer = setTimeout(() => leave.abort(), 2000);
  try {
    await call(method, params, leave.signal);
  } catch (error) {
    if (error.name !== "AbortError") throw error;
  } finally {
    clearTimeout(timer);
  }
}

const AGAIN = 700; // ms until a lost stream is opened again

// Calls `on(kind, data)` for each event, and `on("link", true | false)`. Paused while the page is hidden: each stream
// holds one of the browser's connections.
export function follow(on) {
  let source = null, timer = 0;
  const close = () => { clearTimeout(timer); source?.close(); source = null; };
  const open = () => {
    close();
    source = new EventSource("/events");
    for (const kind of ["snapshot", "operation", "step", "service"]) {
      source.addEventListener(kind, (event) => on(kind, JSON.parse(event.data)));
    }
    source.onopen = () => on("link", true);
    source.onerror = () => { close(); on("link", false); timer = setTimeout(open, AGAIN); };
  };
  document.addEventListener("visibilitychange", () => { if (document.hidden) close(); else open(); });
  window.addEventListener("pagehide", close);
  window.addEventListener("pageshow", (event) => { if (event.persisted) open(); });
  open();
}
