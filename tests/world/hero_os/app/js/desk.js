// The page around the islands: `#dock` gets a button for each that islands.json names, `#desk` a card for each that is
// open. `?open=all` opens them all. `body.dataset.state` is `ready`, or `failed` without an islands.json;
// `body.dataset.opened` counts the cards that have rendered, and those that could not have the class `failed`.

const INDEX = new URL("/islands/islands.json", document.baseURI);

function add(parent, kind, id, text) {
  const made = document.createElement(kind);
  made.id = id;
  made.textContent = text;
  document.getElementById(parent).append(made);
  return made;
}

async function open(island, label) {
  const id = `card-${island.name}`;
  if (document.getElementById(id)) return;
  const card = add("desk", "section", id, "");
  card.title = label(island.name);
  add(id, "div", `view-${island.name}`, "");
  try {
    const module = await import(new URL(island.entry, INDEX));
    await module.default();
    module.mount(`view-${island.name}`);
    document.body.dataset.opened = Number(document.body.dataset.opened ?? 0) + 1;
  } catch (error) {
    card.classList.add("failed");
    card.textContent = `${label(island.name)}: ${error}`;
  }
}

async function fill(label) {
  const answer = await fetch(INDEX);
  if (!answer.ok) throw new Error(`${INDEX.pathname} answers ${answer.status}`);
  const { islands } = await answer.json();
  for (const island of islands) {
    add("dock", "button", `dock-${island.name}`, label(island.name)).onclick = () => open(island, label);
  }
  if (new URLSearchParams(location.search).get("open") === "all") {
    await Promise.all(islands.map((island) => open(island, label)));
  }
}

export function show(label) {
  fill(label).then(
    () => { document.body.dataset.state = "ready"; },
    (error) => {
      document.getElementById("desk").textContent = String(error);
      document.body.dataset.state = "failed";
    },
  );
}
