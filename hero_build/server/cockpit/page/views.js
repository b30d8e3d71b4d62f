// The page as elements, made from what is known. Actions are named in data-act, and carried out in cockpit.js.

import { h, prose } from "./dom.js";
import { bytes, duration, plural } from "./format.js";
import { appOf, failed, isBad, needsAttention, newer, running, state, up, visible } from "./state.js";

const STATES = {
  running: ["Running", "ok"], starting: ["Starting", "busy"], stopping: ["Stopping", "busy"], stopped: ["Stopped", "off"],
  exited: ["Finished", "off"], failed: ["Failed", "bad"], flapping: ["Restarts too often", "bad"], unknown: ["Unknown", "warn"],
};
const VERBS = {
  "catalog.adopt": ["Adopting", "Adoption"],
  "catalog.install": ["Installing", "Install"], "service.install": ["Installing", "Install"],
  "service.build": ["Building", "Build"], "service.start": ["Starting", "Start"], "service.stop": ["Stopping", "Stop"],
  "service.restart": ["Restarting", "Restart"], "service.delete": ["Removing", "Removal"],
  "service.upgrade": ["Upgrading", "Upgrade"], "catalog.rollback": ["Rolling back", "Roll back"],
  "catalog.restore": ["Restoring", "Restore"], resume: ["Recovering", "Recovery"], uninstall: ["Uninstalling", "Uninstall"],
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
    available.length ? section("available", "Available", available.length, h("ul.list", { key: "list" },
      available.map(row))) : null,
    foreign.length ? section("foreign", "Not installed by hero-build", foreign.length,
      h("p.muted.hint", "A supervisor runs these. Adopt installs the app and runs it in place of the service."),
      h("ul.list", { key: "list" }, foreign.map(stranger))) : null,
    shown.length ? null : h("p.note", { key: "empty" }, "No app matches. ",
      button("Show all", "reset", {}, { style: "plain" })),
  ];
}

function section(key, title, count, ...content) {
  return h("section", { key: key, "aria-labelledby": `${key}-title` },
    h("h2", { id: `${key}-title` }, title, h("span.count", count)), content);
}

// `data`: what ACTS in cockpit.js get; `says`: the label for those who do not see where the button is.
function button(label, act, data = {}, { style = null, busy = false, says = null, title = null } = {}) {
  const named = Object.fromEntries(Object.entries(data).map(([name, value]) => [`data-${name}`, value]));
  return h("button", { type: "button", class: style, "data-act": act, key: act, ...named, title,
    label: says, "aria-disabled": busy ? "true" : null }, label);
}

function banners(catalog) {
  const notes = catalog.warnings.map((warning) => h("div.banner", { key: warning.text, role: "note" },
    h("div", h("strong", warning.text), h("p", prose(warning.hint))),
    button("Install them", "bundle", { name: warning.app }, { style: "primary", busy: isBusy(appOf(warning.app)) })));
  if (catalog.supervisor_trouble) notes.push(h("div.banner.bad", { key: "supervisor", role: "note" },
    h("div", h("strong", "The supervisor does not answer"), h("p", catalog.supervisor_trouble))));
  if (catalog.disk_free < 1e9) notes.push(h("div.banner", { key: "disk", role: "note" },
    h("div", h("strong", `Only ${bytes(catalog.disk_free)} of disk space is free`),
      h("p", "Each install checks that its downloads fit before it starts."))));
  const root = state.operations.get("hero_build");
  if (root) notes.push(h("div.banner.busy", { key: "root" }, progress(root)));
  return h("div.banners", { key: "banners" }, notes);
}

const isBusy = (app) => Boolean(app && (running(app) || state.asked.has(app.name)));

// An app that is installed: its own line, then a row for each service.
function card(app) {
  const busy = isBusy(app), next = newer(app), { name, services } = app, data = { name };
  const [text, tone] = summary(app);
  return h("article.card", { key: app.name, "data-app": app.name,
    tabindex: "-1", "aria-labelledby": `app-${app.name}` },
  h("header",
    h("div", h("div.title",
      h("h3", { id: `app-${app.name}` }, app.name),
      h("span.version", app.version ?? app.bundles.join(", ")),
      app.used === "source" ? h("span.tag", "built here") : null,
      app.held ? h("span.tag", { title: "upgrade leaves it as it is" }, "held") : null,
      h(`span.tally.${tone}`, text)),
    app.about ? h("p.about", prose(app.about)) : null),
    h("div.actions",
      next ? button(`Upgrade to ${next}`, "upgrade", data, { style: "primary", busy, says: `Upgrade to ${next}: ${name}` }) : null,
      services.length > 1 && !services.every(up) ? button("Start all", "start", data, { busy, says: `Start all services of ${name}` }) : null,
      services.length > 1 && services.every(up) ? button("Restart all", "restart", data, { busy, says: `Restart all services of ${name}` }) : null,
      app.previous ? button("Roll back", "rollback", data, { busy, title: `to ${app.previous}`, says: `Roll back ${name} to ${app.previous}` }) : null,
      button("Uninstall", "uninstall", data, { style: "quiet", busy, says: `Uninstall ${name}` }))),
  h("ul.services", { key: "services" }, services.map((service) => serviceRow(app, service, busy))),
  more(app),
  app.trouble ? h("p.trouble", { key: "trouble" }, app.trouble) : null,
  activity(app));
}

function summary(app) {
  if (!app.services.length) return [app.version ? "no services" : "", "off"];
  const count = app.services.filter((service) => service.state === "running").length;
  const bad = app.services.some(isBad);
  if (count === app.services.length) return [bad ? "not healthy" : "running", bad ? "bad" : "ok"];
  const moving = app.services.find(({ state: is }) => ["starting", "stopping"].includes(is));
  if (!count) return [bad ? "failed" : moving?.state ?? "stopped", bad ? "bad" : "off"];
  return [`${count} of ${app.services.length} running`, bad ? "bad" : "warn"];
}

function serviceRow(app, service, busy) {
  let [label, tone] = STATES[service.state] ?? [service.state, "warn"];
  if (service.state === "running" && service.healthy === false) [label, tone] = ["Not healthy", "bad"];
  if (service.state === "stopped" && service.wanted === "running") [label, tone] = ["Down", "bad"];
  const old = service.version_running && app.version && service.version_running !== app.version;
  const facts = [
    service.since && service.pid ? `${service.state === "running" ? "up" : "for"} ${duration(state.catalog.time - service.since)}` : "",
    service.restarts ? plural(service.restarts, "restart") : "",
    old ? `still runs ${service.version_running}` : "",
  ].filter(Boolean);
  const data = { name: service.target, service: service.name };
  const does = (label, act) => button(label, act, data, { busy, says: `${label} ${service.name}` });
  return h("li.service", { key: service.name, "data-service": service.name },
    h(`span.state.${tone}`, label),
    h("span.name", service.name, service.kind ? h("span.kind", service.kind) : null),
    h("span.facts", facts.join(" · "), service.reason && tone !== "off"
      ? h(`span.reason.${tone}`, service.reason) : null),
    h("span.actions",
      service.url && up(service) ? h("a.button", { href: service.url, target: "_blank", rel: "noopener noreferrer",
        key: "open", label: `Open ${service.name}` }, "Open") : null,
      up(service) ? [does("Restart", "restart"), does("Stop", "stop")] : does("Start", "start"),
      button("Logs", "logs", data, { says: `Logs of ${service.name}` })));
}

function more(app) {
  const commands = app.binaries.filter((binary) => !binary.starts).map((binary) => binary.name);
  const lists = [["commands", commands], ["bundles", app.version ? app.bundles : []], ["needs", needs(app)]];
  const text = lists.filter(([, names]) => names.length).map(([title, names]) => `${title}: ${names.join(", ")}`).join(" · ");
  return text ? h("p.more", { key: "more" }, text) : null;
}

function needs(app) {
  return app.needs.map((name) => {
    const other = appOf(name);
    if (!other?.version) return `${name} (not installed)`;
    return other.services.length && !other.services.some(up) ? `${name} (not running)` : name;
  });
}

// An app that is not installed: one row.
function row(app) {
  const busy = isBusy(app);
  const again = app.retry && failed(app)?.method === "catalog.adopt" ? "retry" : "install";
  const label = failed(app) ? "Retry" : "Install";
  const kinds = app.binaries.map((binary) => binary.kind);
  const what = app.installs === "islands" ? "islands" : [...new Set(kinds)].join(" · ");
  return h("li.row", { key: app.name, "data-app": app.name, tabindex: "-1" },
    h("div.line",
      h("span.name", app.name),
      h("span.about", prose(app.refuses || app.trouble || app.about),
        app.needs.length ? h("span.needs", ` Needs ${needs(app).join(", ")}.`) : null),
      h("span.kinds", { title: app.binaries.map((binary) => binary.name).join("\n") || null }, what),
      app.installs === "nothing" ? h("span.tag", app.trouble ? "recipe broken" : "not installable")
        : button(busy ? "Installing" : label, again, { name: app.name }, { style: "primary", busy, says: `${label} ${app.name}` })),
    activity(app));
}

function stranger(service) {
  const [label, tone] = STATES[service.state] ?? [service.state, "warn"];
  return h("li.row", { key: `${service.supervisor} ${service.name}` },
    h("div.line",
      h(`span.state.${tone}`, label),
      h("span.name", service.name),
      h("span.about", service.pid ? `${service.supervisor}, process ${service.pid}` : service.supervisor),
      service.app ? button("Adopt", "adopt", { name: service.app, service: service.name, supervisor: service.supervisor },
        { busy: isBusy(appOf(service.app)), says: `Adopt ${service.name}: install ${service.app}` }) : null));
}

// What happens to an app, or what failed.
function activity(app) {
  const operation = running(app);
  if (operation) return h("div.activity", { key: "activity" }, progress(operation));
  if (state.asked.has(app.name)) {
    return h("div.activity", { key: "activity" }, h("p.doing", "Asking the server …"));
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
  return h("div.progress",
    h("p.doing", h("span", text), h("span.numbers", numbers)),
    known ? h("progress", { max: total, value: done, label: name }) : h("progress", { label: name }),
    tail.length > 1 ? h("ol.steps", { label: "Last steps" }, tail.map(stepLine)) : null);
}

function stepLine(step) {
  const [text] = describe(step);
  return h("li", text);
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
  return h("div.failure", { key: "failure", role: "group", label: `${noun} of ${app.name} failed` },
    h("p.cause", h("strong", stopped ? `${noun} was interrupted. ` : `${noun} failed. `),
      reason?.message ?? "The server ended before the operation did."),
    reason?.hint ? h("p.hint", prose(reason.hint)) : null,
    reason?.tail?.length ? h("pre.tail", { tabindex: "0", role: "region", label: "Last lines" },
      reason.tail.slice(-12).join("\n")) : null,
    h("div.actions",
      app.installs === "nothing" || !app.retry || !(app.version || app.bundles.length) ? null
        : button("Retry", "retry", data, { style: "primary", says: `Retry: ${noun} ${app.name}` }),
      button("Copy report", "report", data, { says: `Copy report about ${app.name}` })));
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
    key: key, "aria-pressed": String(state.filter === key) }, label, h("span.count", size)));
}
