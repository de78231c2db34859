/* Nodes as tiles, made once and changed in place, so that what a reader holds on to stays. */
const WORDS = { online: "in service", offline: "down", draining: "draining", maintenance: "maintenance" };
const SIGNS = { good: "●", warn: "◐", bad: "✕" };
const CAUSES = { ejected: "ejected", breaker: "breaker open", disconnected: "not connected", health: "down" };
const TILES_MAX = 240;

/* What a node's tile says: its mark, one word for it, and the reason where it is not in service. */
function told(row) {
  const causes = row.out ? Array.from(row.out.keys()) : [];
  if (row.status === "offline") return { mark: "bad", word: "down", why: row.out ? row.out.get("health") : "" };
  if (row.fault) return { mark: "bad", word: row.fault, why: "a fault is on, still in service" };
  if (causes.length) return { mark: "warn", word: CAUSES[causes[0]] || causes[0], why: row.out.get(causes[0]) };
  if (row.status !== "online") return { mark: "warn", word: WORDS[row.status] || row.status, why: "" };
  return { mark: "good", word: "in service", why: "" };
}

class FleetView {
  constructor() {
    this.tiles = new Map();
  }

  draw(rows, leftOut) {
    const list = at("fleet"), shown = rows.slice(0, TILES_MAX), there = new Set(shown.map((row) => row.id));
    for (const [id, tile] of this.tiles) {
      if (!there.has(id)) { tile.item.remove(); this.tiles.delete(id); }
    }
    for (const row of shown) {
      if (!this.tiles.has(row.id)) this.tiles.set(row.id, this.tile(list, row.id));
      this.change(this.tiles.get(row.id), row);
    }
    const missing = rows.length - shown.length + leftOut;
    at("fleet-count").textContent = rows.length ? `${rows.length + leftOut}${missing ? `, ${missing} of them not drawn` : ""}` : "";
    at("fleet-none").hidden = rows.length > 0;
  }

  tile(list, id) {
    const item = make("li", "node"), head = make("div", "head"), name = make("b", "", id), word = make("span", "word");
    const track = make("div", "track"), bar = make("div", "bar"), line = make("div", "told");
    name.title = id;
    head.append(name, word);
    track.append(bar);
    item.append(head, track, line);
    list.append(item);
    return { item, word, bar, line };
  }

  change(tile, row) {
    const { mark, word, why } = told(row), agents = row.agents, flying = row.in_flight;
    tile.item.className = `node ${mark}`;
    tile.word.textContent = `${SIGNS[mark]} ${word}`;
    const load = agents > 0 && known(flying) ? flying / agents : known(row.cpu) ? row.cpu : 0;
    tile.bar.style.width = `${Math.round(100 * Math.min(1, load))}%`;
    tile.bar.className = load > 1 ? "bar over" : "bar";
    const parts = [];
    if (known(flying)) parts.push(`${flying} in flight`);
    if (known(agents)) parts.push(`${agents} agent${agents === 1 ? "" : "s"}`);
    tile.line.textContent = why || parts.join(" · ");
    tile.line.title = [why, ...parts, row.zone].filter(Boolean).join(" · ");
  }
}
