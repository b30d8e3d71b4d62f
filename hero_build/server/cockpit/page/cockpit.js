// The page: reads the catalog, follows the events, carries out what is pressed.

import { ask, call, Failed, follow, SignedOut, signOut } from "./api.js";
import * as dialogs from "./dialogs.js";
import { copy, h, refocus, show } from "./dom.js";
import { bytes } from "./format.js";
import { appOf, applyOperation, applySnapshot, applyStep, failed, state, up } from "./state.js";
import { filters, page, verb } from "./views.js";

const EVERY = 2000; // ms between two readings of the catalog, for what changes without an operation
const element = (id) => document.getElementById(id);

// Showing

let drawing = false;
function draw() {
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(() => { drawing = false; drawNow(); });
}

function drawNow() {
  link();
  if (!state.catalog) return;
  show(element("apps"), page());
  show(element("filters"), filters());
  const { root, host, generation, disk_free: free } = state.catalog;
  element("place").textContent = `${host} · ${root} · generation ${generation} · ${bytes(free)} free`;
  document.documentElement.dataset.ready = "";
}

function link() {
  const [text, tone] = state.online === false ? ["Reconnecting", "warn"] : state.online ? ["Live", "ok"] : ["Connecting", "off"];
  const line = element("link");
  if (line.textContent !== text) line.replaceChildren(h(`span.state.${tone}`, text));
}

const say = (text) => { element("said").textContent = text; };

function toast(text) {
  const note = h("div.toast", h("p", text), h("button", { type: "button", label: "Dismiss" }, "×"));
  const used = () => note.contains(document.activeElement);
  note.lastChild.addEventListener("click", () => { note.remove(); refocus(); });
  element("toasts").append(note);
  setTimeout(() => { if (!used()) note.remove(); }, 12000);
}

// Reading

let reading = null, again = false;
async function read() {
  if (reading) { again = true; return reading; }
  reading = (async () => {
    try {
      state.catalog = await call("catalog.list");
    } catch (error) {
      if (error instanceof SignedOut) location.reload(); // to the page that says how to sign in
      else if (error instanceof Failed) toast(error.message);
    }
    reading = null;
    draw();
    if (again) { again = false; await read(); }
  })();
  return reading;
}

async function readLatest(refresh = false) {
  try {
    const { apps } = await call("catalog.latest", { refresh });
    state.latest = new Map(apps.map((app) => [app.name, app]));
    draw();
  } catch { /* the forge cannot be reached: nothing is known to be newer */ }
}

setInterval(() => { if (!document.hidden) read(); }, EVERY);
setInterval(() => { if (!document.hidden) readLatest(); }, 5 * 60 * 1000);
document.addEventListener("visibilitychange", () => { if (!document.hidden) read(); });

follow((kind, data) => {
  if (kind === "link") state.online = data; // a snapshot comes first
  if (kind === "snapshot") { applySnapshot(data); read(); }
  if (kind === "step") applyStep(data);
  if (kind === "service") { say(data.message); read(); }
  if (kind === "operation") {
    applyOperation(data);
    announce(data.operation);
    if (!["queued", "running"].includes(data.operation.state)) read().then(() => readLatest());
  }
  draw();
});

function announce(operation) {
  const [doing, noun] = verb(operation.method);
  const what = operation.app === "hero_build" ? "the root" : operation.app;
  if (operation.state === "running") say(`${doing} ${what}`);
  if (operation.state === "done") say(`${noun} of ${what} is done`);
  if (operation.state === "failed") say(`${noun} of ${what} failed: ${operation.failure?.message ?? ""}`);
  if (operation.app === "hero_build" && operation.state === "failed") toast(operation.failure?.message ?? "It failed.");
}

// Acting

async function change(method, params) {
  const app = (params.name ?? "hero_build").split(/[/:]/)[0];
  state.asked.add(app);
  draw();
  try {
    await ask(method, params);
  } catch (error) {
    if (error instanceof SignedOut) location.reload();
    else if (!(error instanceof Failed)) toast(`The server cannot be reached: ${error.message}`);
    else if (!appOf(app) || !failed(appOf(app))) toast(error.message);
  } finally {
    state.asked.delete(app);
    await read();
  }
}

function retry(app) {
  const operation = failed(app);
  const params = { ...operation.arguments };
  for (const [name, value] of Object.entries(params)) if (value === null) delete params[name];
  if (/^service\.(start|restart)$/.test(operation.method)) params.reset = true;
  change(operation.method, params);
}

function report(app) {
  const operation = failed(app), reason = operation.failure;
  return [
    `hero-build: ${operation.method} of ${app.name} ${operation.state}`,
    `operation ${operation.id}, ${operation.started ?? operation.created} to ${operation.ended ?? "?"}`,
    `arguments ${JSON.stringify(operation.arguments)}`,
    `installed ${app.version ?? "nothing"}, generation ${state.catalog.generation}`,
    "", reason?.message ?? "no result", reason?.hint ?? "", "", ...(reason?.tail ?? []),
  ].join("\n");
}

const ACTS = {
  install: ({ name }) => change("catalog.install", { name }),
  bundle: ({ name }) => change("catalog.install", { name, bundle: true }),
  start: ({ name }) => change("service.start", { name, reset: true }),
  stop: ({ name }) => change("service.stop", { name }),
  restart: ({ name }) => change("service.restart", { name, reset: true }),
  upgrade: ({ name }) => change("service.upgrade", { name }),
  retry: ({ name }) => retry(appOf(name)),
  logs: ({ name, service }) => dialogs.logs(service, name),
  history: () => dialogs.history(restore),
  doctor: () => dialogs.doctor(),
  filter: ({ filter }) => { state.filter = filter; draw(); },
  reset: () => { state.filter = "all"; state.search = ""; element("search").value = ""; draw(); element("search").focus(); },
  async report({ name }) {
    toast(await copy(report(appOf(name))) ? "The report is copied" : "The report could not be copied");
  },
  rollback({ name }) {
    const { version, previous } = appOf(name);
    const text = `${name} returns from ${version} to ${previous}, and its services are restarted. Other apps stay as they are.`;
    confirmed(`Roll back ${name}?`, text, "Roll back", "catalog.rollback", { name });
  },
  uninstall({ name }) {
    const names = appOf(name).services.filter(up).map((service) => service.name);
    const needed = state.catalog.apps.filter((app) => app.version && app.needs.includes(name)).map((app) => app.name);
    const text = (names.length ? `${names.join(", ")} will be stopped, and the programs removed.`
      : "None of its services runs. Its programs are removed.")
      + (needed.length ? ` ${needed.join(", ")} needs it.` : "") + " Data, logs and configuration stay.";
    confirmed(`Uninstall ${name}?`, text, "Uninstall", "service.delete", { name, purge_binaries: true });
  },
  adopt({ name, service, supervisor }) {
    const text = `${name} is installed, ${service} is stopped in ${supervisor}, and the services of ${name} start in its place. `
      + `If they are not healthy, all of it is undone and ${service} runs again.`;
    confirmed(`Adopt ${service}?`, text, "Adopt", "catalog.adopt", { name, service, supervisor });
  },
  async signOut() {
    const text = "This browser needs a new address to open the cockpit again: `hero-build serve --address` prints one.";
    if (!await dialogs.confirm("Sign out?", text, "Sign out")) return;
    try { await signOut(); location.reload(); } catch (error) { toast(`Not signed out: ${error.message}`); }
  },
};

async function confirmed(title, text, label, method, params) {
  if (await dialogs.confirm(title, text, label)) change(method, params);
}

function restore(number) {
  const text = "All apps return to the content of that generation; services that run and differ are restarted.";
  confirmed(`Return to generation ${number}?`, text, "Return", "catalog.restore", { number });
}

document.addEventListener("click", (event) => {
  const target = event.target.closest?.("[data-act]");
  if (target && target.getAttribute("aria-disabled") !== "true") ACTS[target.dataset.act]({ ...target.dataset });
});

element("search").addEventListener("input", (event) => { state.search = event.target.value; draw(); });
document.addEventListener("keydown", (event) => {
  const typing = event.target.closest?.("input, textarea, dialog");
  if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey) { event.preventDefault(); element("search").focus(); }
  if (event.key === "Escape" && event.target === element("search")) ACTS.reset();
});

const first = element("catalog"); // what came with the page
if (first) {
  state.catalog = JSON.parse(first.textContent);
  drawNow();
} else {
  read();
}
readLatest();
