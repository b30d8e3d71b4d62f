// The page as elements, made from what is known. Actions are named in data-act, and carried out in cockpit.js.

import { h, prose } from "./dom.js";
import { bytes, duration, plural } from "./format.js";
import { failed, isBad, needsAttention, newer, running, state, visible } from "./state.js";

const STATES = {
  running: ["Running", "ok"], starting: ["Starting", "busy"], stopping: ["Stopping", "busy"], stopped: ["Stopped", "off"],
  exited: ["Finished", "off"], failed: ["Failed", "bad"], flapping: ["Restarts too often", "bad"], unknown: ["Unknown", "warn"],
};
const VERBS = {
  "catalog.install": ["Installing", "Install"], "service.install": ["Installing", "Install"],
  "service.build": ["Building", "Build"], "service.start": ["Starting", "Start"], "service.stop": ["Stopping", "Stop"],
  "service.restart": ["Restarting", "Restart"], "service.delete": ["Removing", "Removal"],
  "service.upgrade": ["Upgrading", "Upgrade"], "catalog.rollback": ["Rolling back", "Roll back"],
  "catalog.restore": ["Restoring", "Restore"],
};
export const verb = (method) => VERBS[method] ?? [method, method];

export function page() {
  const { catalog } = state;
  const shown = visible();
  const installed = shown.filter((app) => app.version || app.bundles.length);
  const available = shown.filter((app) => !(app.version || app.bundles.length));
  const foreign = state.filter === "all" && !state.search ? catalog.foreign : [];
  return [
    banners(catalog),
    installed.length ? section("installed", "Installed", installed.length, installed.map(card)) : null,
    available.length ? section("available", "Available", available.length, h("ul", { class: "list", "data-key": "list" },
      available.map(row))) : null,
    foreign.length ? section("foreign", "Not installed by hero-build", foreign.length,
      h("p", { class: "muted hint" }, "A supervisor runs these. To adopt one is to install its app over it."),
      h("ul", { class: "list", "data-key": "list" }, foreign.map(stranger))) : null,
    shown.length ? null : h("p", { class: "note", "data-key": "empty" }, "No app matches. ",
      button("Show all", "reset", {}, "plain")),
  ];
}

function section(key, title, count, ...content) {
  return h("section", { "data-key": key, "aria-labelledby": `${key}-title` },
    h("h2", { id: `${key}-title` }, title, h("span", { class: "count" }, count)), content);
}

function button(label, act, data = {}, style = "", more = {}) {
  const named = Object.fromEntries(Object.entries(data).map(([name, value]) => [`data-${name}`, value]));
  return h("button", { type: "button", class: style, "data-act": act, "data-key": act, ...named, ...more }, label);
}

function banners(catalog) {
  const notes = catalog.warnings.map((warning) => h("div", { class: "banner", "data-key": warning.text, role: "note" },
    h("div", {}, h("strong", {}, warning.text), h("p", {}, prose(warning.hint))),
    button("Install them", "bundle", { name: warning.app }, "primary", busyBecause(warning.app))));
  if (catalog.supervisor_trouble) notes.push(h("div", { class: "banner bad", "data-key": "supervisor", role: "note" },
    h("div", {}, h("strong", {}, "The supervisor does not answer"), h("p", {}, catalog.supervisor_trouble))));
  if (catalog.disk_free < 1e9) notes.push(h("div", { class: "banner", "data-key": "disk", role: "note" },
    h("div", {}, h("strong", {}, `Only ${bytes(catalog.disk_free)} of disk space is free`),
      h("p", {}, "Each install checks that its downloads fit before it starts."))));
  const root = state.operations.get("hero_build");
  if (root) notes.push(h("div", { class: "banner busy", "data-key": "root" }, progress(root)));
  return h("div", { class: "banners", "data-key": "banners" }, notes);
}

function busyBecause(name) {
  const app = state.catalog.apps.find((item) => item.name === name);
  return app && (running(app) || state.asked.has(name)) ? { "aria-disabled": "true" } : {};
}

// An app that is installed: its own line, then a row for each service.
function card(app) {
  const busy = Boolean(running(app)) || state.asked.has(app.name);
  const next = newer(app);
  const off = busy ? { "aria-disabled": "true" } : {};
  const data = { name: app.name };
  const [text, tone] = summary(app);
  return h("article", { class: `card ${needsAttention(app) ? "alert" : ""}`, "data-key": app.name, "data-app": app.name,
    tabindex: "-1", "aria-labelledby": `app-${app.name}` },
  h("header", {},
    h("div", {}, h("div", { class: "title" },
      h("h3", { id: `app-${app.name}` }, app.name),
      h("span", { class: "version" }, app.version ?? app.bundles.join(", ")),
      app.used === "source" ? h("span", { class: "tag" }, "built here") : null,
      app.held ? h("span", { class: "tag", title: "upgrade leaves it as it is" }, "held") : null,
      h("span", { class: `tally ${tone}` }, text)),
    app.about ? h("p", { class: "about" }, prose(app.about)) : null),
    h("div", { class: "actions" },
      next ? button(`Upgrade to ${next}`, "upgrade", data, "primary", { ...off, "aria-label": `Upgrade to ${next}: ${app.name}` }) : null,
      app.services.length > 1 && app.services.some((item) => !up(item))
        ? button("Start all", "start", data, "", { ...off, "aria-label": `Start all services of ${app.name}` }) : null,
      app.services.length > 1 && app.services.every(up)
        ? button("Restart all", "restart", data, "", { ...off, "aria-label": `Restart all services of ${app.name}` }) : null,
      app.previous ? button("Roll back", "rollback", data, "", { ...off, title: `to ${app.previous}`,
        "aria-label": `Roll back ${app.name} to ${app.previous}` }) : null,
      button("Uninstall", "uninstall", data, "quiet", { ...off, "aria-label": `Uninstall ${app.name}` }))),
  h("ul", { class: "services", "data-key": "services" }, app.services.map((service) => serviceRow(app, service, busy))),
  commands(app),
  app.trouble ? h("p", { class: "trouble", "data-key": "trouble" }, app.trouble) : null,
  activity(app));
}

const up = (service) => ["running", "starting"].includes(service.state);

function summary(app) {
  if (!app.services.length) return [app.version ? "no services" : "", "off"];
  const count = app.services.filter((service) => service.state === "running").length;
  const bad = app.services.some(isBad);
  if (count === app.services.length) return [bad ? "not healthy" : "running", bad ? "bad" : "ok"];
  if (!count) return [bad ? "failed" : "stopped", bad ? "bad" : "off"];
  return [`${count} of ${app.services.length} running`, bad ? "bad" : "warn"];
}

function serviceRow(app, service, busy) {
  let [label, tone] = STATES[service.state] ?? [service.state, "warn"];
  if (service.state === "running" && service.healthy === false) [label, tone] = ["Not healthy", "bad"];
  if (service.state === "stopped" && service.wanted === "running") [label, tone] = ["Down", "bad"];
  const old = service.version_running && app.version && service.version_running !== app.version;
  const facts = [
    service.since && service.pid ? `up ${duration(state.catalog.time - service.since)}` : "",
    service.restarts ? plural(service.restarts, "restart") : "",
    old ? `still runs ${service.version_running}` : "",
  ].filter(Boolean);
  const data = { name: service.target, service: service.name };
  const off = busy ? { "aria-disabled": "true" } : {};
  const does = (words) => ({ "aria-label": `${words} ${service.name}` });
  return h("li", { class: "service", "data-key": service.name, "data-service": service.name },
    h("span", { class: `state ${tone}` }, label),
    h("span", { class: "name" }, service.name, service.kind ? h("span", { class: "kind" }, service.kind) : null),
    h("span", { class: "facts" }, facts.join(" · "), service.reason && tone !== "off"
      ? h("span", { class: `reason ${tone === "bad" ? "bad" : ""}` }, service.reason) : null),
    h("span", { class: "actions" },
      service.url ? h("a", { class: "button", href: service.url, target: "_blank", rel: "noopener noreferrer",
        "data-key": "open", ...does("Open") }, "Open") : null,
      up(service) ? button("Restart", "restart", data, "", { ...off, ...does("Restart") }) : null,
      up(service) ? button("Stop", "stop", data, "", { ...off, ...does("Stop") })
        : button("Start", "start", data, "", { ...off, ...does("Start") }),
      button("Logs", "logs", data, "", does("Logs of"))));
}

function commands(app) {
  const names = app.binaries.filter((binary) => !binary.starts).map((binary) => binary.name);
  const parts = [names.length ? `commands: ${names.join(", ")}` : "", app.version && app.bundles.length
    ? `bundles: ${app.bundles.join(", ")}` : ""].filter(Boolean);
  return parts.length ? h("p", { class: "commands", "data-key": "commands" }, parts.join(" · ")) : null;
}

// An app that is not installed: one row.
function row(app) {
  const busy = Boolean(running(app)) || state.asked.has(app.name);
  const label = failed(app) ? "Retry" : "Install";
  const kinds = app.binaries.map((binary) => binary.kind);
  const what = app.installs === "islands" ? "islands" : [...new Set(kinds)].join(" · ");
  return h("li", { class: `row ${failed(app) ? "alert" : ""}`, "data-key": app.name, "data-app": app.name, tabindex: "-1" },
    h("div", { class: "line" },
      h("span", { class: "name" }, app.name),
      h("span", { class: "about" }, prose(app.refuses || app.trouble || app.about)),
      h("span", { class: "kinds", title: app.binaries.map((binary) => binary.name).join("\n") || null }, what),
      app.installs === "nothing" ? h("span", { class: "tag" }, app.trouble ? "recipe broken" : "not installable")
        : button(busy ? "Installing" : label, "install", { name: app.name }, "primary",
          { "aria-label": `${label} ${app.name}`, ...(busy ? { "aria-disabled": "true" } : {}) })),
    activity(app));
}

function stranger(service) {
  const [label, tone] = STATES[service.state] ?? [service.state, "warn"];
  return h("li", { class: "row", "data-key": `${service.supervisor} ${service.name}` },
    h("div", { class: "line" },
      h("span", { class: `state ${tone}` }, label),
      h("span", { class: "name" }, service.name),
      h("span", { class: "about" }, service.pid ? `${service.supervisor}, process ${service.pid}` : service.supervisor),
      service.app ? button("Adopt", "adopt", { name: service.app, service: service.name }, "",
        { "aria-label": `Adopt ${service.name}: install ${service.app}` }) : null));
}

// What happens to an app, or what failed.
function activity(app) {
  const operation = running(app);
  if (operation) return h("div", { class: "activity", "data-key": "activity" }, progress(operation));
  if (state.asked.has(app.name)) {
    return h("div", { class: "activity", "data-key": "activity" }, h("p", { class: "doing" }, "Asking the server …"));
  }
  const bad = failed(app);
  return bad ? failure(app, bad) : null;
}

function progress(operation) {
  const [doing] = verb(operation.method);
  const steps = [...(state.steps.get(operation.id)?.values() ?? [])];
  const step = steps.filter((item) => item.kind !== "warning").at(-1);
  const [text, numbers, done, total] = operation.state === "queued" ? ["Waiting for its turn", "", null, null]
    : step ? describe(step) : [doing, "", null, null];
  const name = `${doing} ${operation.app}`;
  const tail = steps.filter((item) => item.text || item.kind === "service").slice(-6);
  const known = done !== null && total;
  return h("div", { class: "progress" },
    h("p", { class: "doing" }, h("span", {}, text), h("span", { class: "numbers" }, numbers)),
    known ? h("progress", { max: total, value: done, "aria-label": name }) : h("progress", { "aria-label": name }),
    tail.length > 1 ? h("ol", { class: "steps", "aria-label": "Last steps" }, tail.map(stepLine)) : null);
}

function stepLine(step) {
  const [text] = describe(step);
  return h("li", {}, text);
}

const SERVICE_STEPS = {
  check: "looks at", prepare: "prepares", start: "starts", health: "waits for", reset: "starts again", stop: "stops",
  wait: "waits to use", restart: "restarts", settle: "watches", up: "is up:", down: "is down:",
};

function describe(step) {
  const { kind, subject, text, done, total } = step;
  switch (kind) {
    case "plan": return [`Looking up ${subject}`, "", null, null];
    case "start": return [`${subject}: ${text}`, total ? bytes(total) : "", 0, total];
    case "transfer": {
      const rate = state.rates.get(subject)?.rate;
      const size = total ? `${bytes(done)} of ${bytes(total)}` : bytes(done);
      return [`Downloading ${subject}`, rate ? `${size} · ${bytes(rate)}/s` : size, done, total];
    }
    case "git": return [`Fetching ${subject}: ${text}`, `${done}%`, done, 100];
    case "compile": {
      const crates = total ? `${done} of ${plural(total, "crate")}` : done ? plural(done, "crate") : "";
      return [text ? `Compiling ${text}` : `Compiling ${subject}`, crates, total ? done : null, total];
    }
    case "retry": return [`Trying again: ${subject}`, text, null, null];
    case "service": return [`${SERVICE_STEPS[text] ?? text} ${subject}`.replace(/^./, (c) => c.toUpperCase()), "", null, null];
    case "service done": return [`${subject}: ${text}`, "", null, null];
    case "part done": return [`${subject} is verified`, done ? bytes(done) : "", null, null];
    case "part failed": return [`${subject}: ${text}`, "", null, null];
    case "warning": return [text, "", null, null];
    default: return [`${subject} ${text}`, "", null, null];
  }
}

function failure(app, operation) {
  const reason = operation.failure;
  const [, noun] = verb(operation.method);
  const data = { name: app.name };
  const stopped = operation.state === "interrupted";
  return h("div", { class: "failure", "data-key": "failure", role: "group", "aria-label": `${noun} of ${app.name} failed` },
    h("p", { class: "cause" }, h("strong", {}, stopped ? `${noun} was interrupted. ` : `${noun} failed. `),
      reason?.message ?? "The server ended before the operation did."),
    reason?.hint ? h("p", { class: "hint" }, prose(reason.hint)) : null,
    reason?.tail?.length ? h("pre", { class: "tail", tabindex: "0", "aria-label": "Last lines" },
      reason.tail.slice(-12).join("\n")) : null,
    h("div", { class: "actions" },
      app.installs === "nothing" || !(app.version || app.bundles.length) ? null
        : button("Retry", "retry", data, "primary", { "aria-label": `Retry: ${noun} ${app.name}` }),
      button(state.copied.name === app.name ? state.copied.label : "Copy report", "report", data, "", { "aria-label": `Copy report about ${app.name}` })));
}

export function filters() {
  const { catalog } = state;
  const count = (test) => catalog.apps.filter(test).length;
  const choices = [
    ["all", "All", catalog.apps.length],
    ["installed", "Installed", count((app) => app.version)],
    ["newer", "Newer", count(newer)],
    ["attention", "Attention", count(needsAttention)],
    ...catalog.sets.map((set) => [set.name, set.name, set.apps.length]),
  ].filter(([key, , size]) => size || key === "all" || key === state.filter);
  return choices.map(([key, label, size]) => h("button", { type: "button", "data-act": "filter", "data-filter": key,
    "data-key": key, "aria-pressed": String(state.filter === key) }, label, h("span", { class: "count" }, size)));
}
