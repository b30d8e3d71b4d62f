// What the page knows: the catalog as of the last answer, and the operations as of the last event.

export const state = {
  catalog: null,
  latest: new Map(), // app -> {latest, newer, trouble}
  operations: new Map(), // app -> the operation that runs or waits
  steps: new Map(), // operation id -> Map(kind + subject -> step)
  rates: new Map(), // subject -> {time, done, rate}
  asked: new Set(), // apps whose change was just asked for
  filter: "all",
  search: "",
  online: null,
};

const LIVE = new Set(["queued", "running"]);

export function applySnapshot({ operations, steps }) {
  state.operations = new Map();
  state.steps = new Map();
  for (const operation of [...operations].reverse()) state.operations.set(operation.app, operation);
  for (const event of steps ?? []) applyStep(event);
}

export function applyOperation({ operation }) {
  const shown = state.operations.get(operation.app);
  state.asked.delete(operation.app);
  if (LIVE.has(operation.state)) {
    if (!shown || shown.id === operation.id || shown.state === "queued") state.operations.set(operation.app, operation);
  } else {
    if (shown?.id === operation.id) state.operations.delete(operation.app);
    state.steps.delete(operation.id);
    const app = appOf(operation.app);
    if (app) Object.assign(app, { operation, retry: false }); // whether it can be tried again, the next catalog says
  }
}

export function applyStep({ id, step }) {
  const steps = state.steps.get(id) ?? new Map();
  steps.delete(`${step.kind} ${step.subject}`); // the newest comes last
  steps.set(`${step.kind} ${step.subject}`, step);
  state.steps.set(id, steps);
  if (step.kind === "transfer") measure(step);
}

function measure(step) {
  const now = performance.now(), before = state.rates.get(step.subject);
  if (!before || step.done < before.done) {
    state.rates.set(step.subject, { time: now, done: step.done, rate: 0 });
  } else if (now - before.time > 400) {
    const rate = (1000 * (step.done - before.done)) / (now - before.time);
    const smooth = before.rate ? 0.6 * before.rate + 0.4 * rate : rate;
    state.rates.set(step.subject, { time: now, done: step.done, rate: smooth });
  }
}

export const appOf = (name) => state.catalog?.apps.find((app) => app.name === name);

export const up = (service) => ["running", "starting"].includes(service.state);

// The operation that runs or waits for an app: by the last event, or by the catalog where no event came yet.
export function running(app) {
  const live = state.operations.get(app.name);
  if (live) return live;
  return app.operation && LIVE.has(app.operation.state) ? app.operation : null;
}

export function failed(app) {
  const operation = app.operation;
  if (!operation || running(app) || !["failed", "interrupted"].includes(operation.state)) return null;
  const repaired = /(start|install)$/.test(operation.method) && app.version
    && app.services.every((service) => service.state === "running");
  return repaired ? null : operation;
}

export const newer = (app) => {
  const latest = state.latest.get(app.name);
  return app.version && latest?.newer && latest.latest !== app.version ? latest.latest : null;
};

export function visible() {
  const { catalog, filter, search } = state;
  const members = catalog.sets.find((set) => set.name === filter)?.apps;
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  return catalog.apps.filter((app) => {
    if (members && !members.includes(app.name)) return false;
    if (filter === "installed" && !app.version) return false;
    if (filter === "newer" && !newer(app)) return false;
    if (filter === "attention" && !needsAttention(app)) return false;
    const text = `${app.name} ${app.about} ${app.binaries.map((binary) => binary.name).join(" ")}`.toLowerCase();
    return words.every((word) => text.includes(word));
  });
}

export const needsAttention = (app) => Boolean(failed(app)) || app.services.some(isBad);

export const isBad = ({ state: is, healthy, wanted }) => healthy === false || ["failed", "flapping"].includes(is)
  || (is === "stopped" && wanted === "running");
