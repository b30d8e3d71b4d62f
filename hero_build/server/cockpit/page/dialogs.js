// The dialogs: logs, history, checks, and questions before what cannot be undone with one click.

import { call } from "./api.js";
import { copy, h, prose, refocus, show } from "./dom.js";
import { bytes, moment, plural } from "./format.js";

const dialog = document.getElementById("dialog");
let closed = () => {}, opener, pressed = null;
dialog.addEventListener("close", () => { closed(); refocus(opener); });
dialog.addEventListener("pointerdown", (event) => { pressed = event.target; });
dialog.addEventListener("click", (event) => {
  const outside = event.target === dialog && pressed === dialog; // not where a selection of text ends outside
  if (outside || event.target.closest?.("[data-close]")) dialog.close();
});

function open(title, style, ...content) {
  closed();
  closed = () => {};
  dialog.className = style;
  dialog.replaceChildren(
    h("header", h("h2", { id: "dialog-title" }, title),
      h("button.quiet", { type: "button", "data-close": true, label: "Close" }, "Close")),
    ...content);
  if (dialog.open) return;
  opener = document.activeElement?.closest("[data-app]")?.dataset.app;
  dialog.showModal();
}

export function confirm(title, text, label) {
  return new Promise((resolve) => {
    const yes = h("button.danger", { type: "button" }, label);
    const no = h("button", { type: "button", "data-close": true }, "Cancel");
    let answer = false;
    yes.addEventListener("click", () => { answer = true; dialog.close(); });
    open(title, "small", h("p", prose(text)),
      h("footer", no, yes));
    closed = () => { closed = () => {}; resolve(answer); };
    no.focus(); // an Enter that is held down answers no question
  });
}

export function logs(service, target) {
  const lines = h("pre.log", { tabindex: "0", role: "region", label: `Log of ${service}` }, "Reading the log …");
  const follow = h("input", { type: "checkbox", checked: true });
  const note = h("p.muted");
  const copies = h("button", { type: "button" }, "Copy");
  let shown = null, timer = 0;
  const read = async () => {
    try {
      const answer = await call("service.logs", { name: target, lines: 500 });
      const text = answer.logs.flatMap((log) => log.lines).join("\n");
      if (text !== shown) {
        shown = text;
        lines.textContent = text || "It has written nothing yet.";
        if (follow.checked) lines.scrollTop = lines.scrollHeight;
      }
      note.textContent = "The last 500 lines";
    } catch (error) {
      if (shown === null) lines.textContent = "";
      note.textContent = error.message;
    }
    if (dialog.open) timer = setTimeout(read, 1000);
  };
  copies.addEventListener("click", async () => { copies.textContent = await copy(shown ?? "") ? "Copied" : "Not copied"; });
  open(service, "wide", lines, h("footer", note, h("label.check", follow, "Follow"), copies));
  closed = () => clearTimeout(timer);
  lines.focus();
  read();
}

export async function history(restore) {
  const list = h("ol.generations", h("li", "Reading the history …"));
  open("History", "wide", h("p.muted", "Each change made a generation. To return to one makes a new one with its content."), list);
  try {
    const { generations } = await call("catalog.history");
    show(list, [...generations].reverse().map((item) => generation(item, restore)));
  } catch (error) {
    list.replaceChildren(h("li.trouble", error.message));
  }
}

function generation(item, restore) {
  const changes = item.changes.map((change) => h("li", change.part, " ",
    h("span.muted", versions(change))));
  const files = h("div.diff");
  const compare = h("button", { type: "button", "aria-expanded": "false", label: `Files changed by generation ${item.number}` }, "Files");
  compare.addEventListener("click", async () => {
    const opens = !files.childNodes.length;
    compare.setAttribute("aria-expanded", String(opens));
    if (!opens) { files.replaceChildren(); return; }
    const answer = await call("catalog.diff", { before: item.since ?? 0, after: item.number }).catch((error) => error);
    files.replaceChildren(answer.parts ? diff(answer) : h("p.trouble", answer.message));
  });
  const back = h("button", { type: "button", label: `Return to this generation, ${item.number}` }, "Return to this");
  back.addEventListener("click", () => restore(item.number));
  return h("li", { key: item.number },
    h("div.line", h("strong", item.number), h("span", item.trouble ?? item.action ?? ""),
      h("time.muted", { datetime: item.created }, item.created ? moment(item.created) : ""),
      h("span.actions", item.since === null ? null : compare,
        item.current ? h("span.tag", "current") : item.trouble ? null : back)),
    changes.length ? h("ul.changes", changes) : null, files);
}

function versions({ change, version_before: before, version_after: after }) {
  if (change === "added") return `${after} installed`;
  if (change === "removed") return `${before} removed`;
  return before === after ? `${after}, other files` : `${before} → ${after}`;
}

function diff({ parts }) {
  const files = parts.flatMap((part) => part.files);
  if (!files.length) return h("p.muted", "No file differs.");
  return h("table", h("caption", plural(files.length, "file")), files.map((file) => h("tr",
    h(`td.${file.change}`, file.change), h("td.path", file.path),
    h("td.size", bytes(file.size_after ?? file.size_before)),
    h("td.path.muted", (file.sha256_after ?? file.sha256_before ?? "").slice(0, 12)))));
}

export async function doctor() {
  const list = h("ul.checks", h("li", "Checking this machine …"));
  open("Checks", "wide", h("p.muted", "What hero-build needs from this machine."), list);
  try {
    const { checks } = await call("catalog.doctor");
    const order = { missing: 0, warning: 1, ok: 2 };
    const sorted = [...checks].sort((one, other) => order[one.state] - order[other.state]);
    show(list, sorted.map((check) => h("li",
      h(`span.state.${{ ok: "ok", warning: "warn", missing: "bad" }[check.state]}`,
        { ok: "OK", warning: "Attention", missing: "Missing" }[check.state]),
      h("span.name", check.name), h("span", prose(check.value),
        check.bytes === null ? null : h("span.muted", ` ${bytes(check.bytes)}`),
        check.hint ? h("p.muted", prose(check.hint)) : null,
        check.command ? h("pre", { tabindex: "0" }, check.command) : null))));
  } catch (error) {
    list.replaceChildren(h("li.trouble", error.message));
  }
}
