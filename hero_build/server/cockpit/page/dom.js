// Making elements, and changing those on the page into what they should be. Text is always a text node.

const SHORT = { key: "data-key", label: "aria-label" };

// h("p.hint.muted", {title: "…"}, "text", element): the attributes may be left out.
export function h(selector, ...children) {
  const [tag, ...classes] = selector.split(".");
  const element = document.createElement(tag);
  if (classes.length) element.className = classes.join(" ");
  const attributes = children[0]?.constructor === Object ? children.shift() : {};
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    element.setAttribute(SHORT[name] ?? name, value === true ? "" : String(value));
  }
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false || child === "") continue;
    element.append(child instanceof Node ? child : String(child));
  }
  return element;
}

// Text with `commands`.
export const prose = (text) => text.split("`").map((part, index) => (index % 2 ? h("code", part) : part));

// Elements with equal keys stay the same elements, so that the focus and the scroll position do.
export function show(parent, ...children) {
  const wanted = children.flat(Infinity).filter((child) => child instanceof Node);
  const focused = parent.contains(document.activeElement) ? document.activeElement : null;
  const app = focused?.closest("[data-app]")?.dataset.app;
  patch(parent, wanted);
  if (focused?.isConnected && document.activeElement !== focused) focused.focus({ preventScroll: true });
  else if (focused) refocus(app);
}

// The focus where the element that had it is gone: its app, or else the list of apps.
export function refocus(app) {
  const active = document.activeElement; // in a dialog that was just closed it is still there
  if (active !== document.body && active.checkVisibility()) return;
  const place = app && document.querySelector(`[data-app="${CSS.escape(app)}"]`);
  (place || document.getElementById("apps")).focus({ preventScroll: true });
}

function patch(parent, wanted) {
  const keyed = new Map(), kept = new Set(wanted.map((node) => node.dataset?.key));
  for (const child of [...parent.childNodes]) {
    if (!child.dataset?.key) continue;
    if (kept.has(child.dataset.key)) keyed.set(child.dataset.key, child);
    else child.remove(); // first, so that what follows it stays where it is
  }
  let place = parent.firstChild;
  for (const node of wanted) {
    const same = node.dataset?.key ? keyed.get(node.dataset.key) : alike(place, node) ? place : null;
    if (same && alike(same, node)) {
      if (same === place) place = place.nextSibling; else parent.insertBefore(same, place);
      morph(same, node);
    } else {
      parent.insertBefore(node, place);
    }
  }
  while (place) { const next = place.nextSibling; place.remove(); place = next; }
}

const alike = (one, other) => one && one.nodeName === other.nodeName && one.dataset?.key === other.dataset?.key;

function morph(from, to) {
  if (from.isEqualNode(to)) return;
  if (from.nodeType !== Node.ELEMENT_NODE) { from.nodeValue = to.nodeValue; return; }
  for (const { name } of [...from.attributes]) {
    if (!to.hasAttribute(name) && name !== "open") from.removeAttribute(name);
  }
  for (const { name, value } of to.attributes) if (from.getAttribute(name) !== value) from.setAttribute(name, value);
  patch(from, [...to.childNodes]);
}

export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = h("textarea.hidden", { "aria-hidden": "true" });
    area.value = text;
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }
}
