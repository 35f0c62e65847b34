import { connect } from "./events.js";
import { Plot } from "./plot.js";

const find = <E extends Element>(selector: string): E => {
  const found = document.querySelector<E>(selector);
  if (!found) throw new Error(`The page has no ${selector}`);
  return found;
};
const table = find<HTMLTableSectionElement>("tbody");
let isLive = false;
const state = (text: "live" | "away"): void => {
  isLive = text === "live";
  find("#state").textContent = text;
  find("#state").classList.toggle("away", !isLive);
};
let snapshots = 0;

// ANCHOR: page
const plots = new Map<string, Plot>();
const events = connect("/events", { share: true });

events.on("stock-changed", ({ item, left }, id) => {
  const plot = plots.get(item) ?? add(item);
  // What is part of a snapshot has no id: it has not changed now, it is so.
  plot.show(left, id === undefined ? "is" : "becomes");
});
events.onOpen(({ resumed }) => {
  state("live");
  // What follows is the state, whole, unless the stream goes on where it was.
  if (resumed) return;
  plots.forEach(plot => plot.forget());
  find("#snapshots").textContent = String(++snapshots);
});
events.onGap(({ reason, snapshot }) => {
  plots.forEach(plot => plot.mark());
  find("#missing").textContent = `Changes were missed (${reason}).`;
  // What is shown may be wrong until the state comes.
  if (!snapshot) events.restart();
});
events.onLost(() => state("away"));
// ANCHOR_END: page

function add(item: string): Plot {
  const plot = new Plot(item);
  plots.set(item, plot);
  const inOrder = [...plots].sort(([one], [other]) => one < other ? -1 : 1);
  table.replaceChildren(...inOrder.map(([, { row }]) => row));
  return plot;
}

const change = async (item: string, left: number): Promise<void> => {
  const failed = await fetch(`/stock/${encodeURIComponent(item)}`, {
    method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ left }),
  }).then(async answer => answer.ok ? "" : `${answer.status} ${await answer.text()}`).catch(String);
  find("#failed").textContent = failed && `Not changed: ${failed}`;
};

const form = find<HTMLFormElement>("form");
form.onsubmit = submit => {
  submit.preventDefault();
  const fields = new FormData(form);
  change(String(fields.get("item")), Number(fields.get("left")));
};

setInterval(() => {
  plots.forEach(plot => plot.draw());
  // Who does not know what there is sells nothing.
  if (!isLive || !find<HTMLInputElement>("#sell").checked) return;
  for (const [item, { left }] of plots) {
    if (left !== undefined && Math.random() < 0.5) change(item, left > 5 ? left - Math.floor(Math.random() * 6) : 100);
  }
}, 500);
