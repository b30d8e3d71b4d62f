// The page: reads the catalog, follows the events, carries out what is pressed.

import { ask, call, Failed, follow, SignedOut } from "./api.js";
import * as dialogs from "./dialogs.js";
import { copy, h, show } from "./dom.js";
import { bytes } from "./format.js";
import { applyOperation, applySnapshot, applyStep, failed, newer, state } from "./state.js";
import { filters, page, verb } from "./views.js";

const EVERY = 2000; // ms between two readings of the catalog, for what changes without an operation
const element = (id) => document.getElementById(id);

// Showing

let drawing = false;
function draw() {
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(() => {
    drawing = false;
    link();
    if (!state.catalog) return;
    show(element("apps"), page());
    show(element("filters"), filters());
    const { root, host, generation, disk_free: free } = state.catalog;
    element("place").textContent = `${host} · ${root} · generation ${generation} · ${bytes(free)} free`;
    document.documentElement.dataset.ready = "";
  });
}

function link() {
  const [text, tone] = state.signedOut ? ["Signed out", "bad"] : state.online === false ? ["Reconnecting", "warn"]
    : state.online ? ["Live", "ok"] : ["Connecting", "off"];
  const line = element("link");
  if (line.textContent !== text) line.replaceChildren(h("span", { class: `state ${tone}` }, text));
}

const say = (text) => { element("said").textContent = text; };

function toast(text) {
  const note = h("div", { class: "toast" }, h("p", {}, text), h("button", { type: "button", "aria-label": "Dismiss" }, "×"));
  note.lastChild.addEventListener("click", () => note.remove());
  element("toasts").append(note);
  setTimeout(() => note.remove(), 12000);
}

// Reading

let reading = null, again = false;
async function read() {
  if (reading) { again = true; return reading; }
  reading = (async () => {
    try {
      state.catalog = await call("catalog.list");
      state.signedOut = false;
    } catch (error) {
      if (error instanceof SignedOut) state.signedOut = true; else if (error instanceof Failed) toast(error.message);
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
  if (kind === "link") { state.online = data; if (data) read(); }
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
    if (error instanceof SignedOut) { state.signedOut = true; toast("This browser is signed out: open a new address."); }
    else if (!(error instanceof Failed)) toast(`The server cannot be reached: ${error.message}`);
    else if (!state.catalog?.apps.some((item) => item.name === app && failed(item))) toast(error.message);
  } finally {
    state.asked.delete(app);
    await read();
  }
}

const appOf = (name) => state.catalog.apps.find((app) => app.name === name);

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
    const done = await copy(report(appOf(name)));
    state.copied = { name, label: done ? "Copied" : "Not copied" };
    setTimeout(() => { state.copied = {}; draw(); }, 4000);
    draw();
    say(done ? "The report is copied" : "The report could not be copied");
  },
  async rollback({ name }) {
    const { version, previous } = appOf(name);
    const text = `${name} returns from ${version} to ${previous}, and its services are restarted. Other apps stay as they are.`;
    if (await dialogs.confirm(`Roll back ${name}?`, text, "Roll back")) change("catalog.rollback", { name });
  },
  async uninstall({ name }) {
    const text = "Its services are stopped and its programs removed. Its data, logs and configuration stay.";
    if (await dialogs.confirm(`Uninstall ${name}?`, text, "Uninstall")) change("service.delete", { name, purge_binaries: true });
  },
  async adopt({ name, service }) {
    const text = `${name} is installed beside it; stop ${service} in its supervisor before ${name} starts.`;
    if (await dialogs.confirm(`Adopt ${service}?`, text, `Install ${name}`)) change("catalog.install", { name });
  },
};

async function restore(number) {
  const text = "All apps return to the content of that generation; services that run and differ are restarted.";
  if (await dialogs.confirm(`Return to generation ${number}?`, text, "Return")) change("catalog.restore", { number });
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

read().then(() => readLatest());
