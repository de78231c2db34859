/* Tiles, charts, short lists and the table of events: everything that is drawn of one view of the fleet. */
const ALL = "all";

class Panels {
  constructor() {
    this.fleet = new FleetView();
    this.charts = [
      new Chart("Load", number, [["in flight", "in_flight"], ["waiting", "waiting"]]),
      new Chart("Latency", duration, [["p50", "p50_s"], ["p99", "p99_s"]]),
      new Chart("Requests a second", number, [["answered", "ok_per_s"], ["failed", "bad_per_s"]]),
      new Chart("Nodes", number, [["in service", "nodes_ready"], ["wanted", "desired"]]),
    ];
    at("charts").append(...this.charts.map((chart) => chart.figure));
    at("group").append(...[[ALL, "All events"], ...GROUPS, ["other", "Others"]].map(([value, text]) => new Option(text, value)));
    this.view = null;
    at("group").addEventListener("change", () => this.events());
    at("find").addEventListener("input", () => this.events());
    let asked = false;
    new ResizeObserver(() => {
      if (asked) return;
      asked = true;
      requestAnimationFrame(() => { asked = false; if (this.view) this.lines(); });
    }).observe(at("charts"));
  }

  /* view: {at, from, until, series, index, rows, leftOut, fold, events, agents, plugins, decisions, waitingAt, lost} */
  draw(view) {
    this.view = view;
    this.tiles();
    this.fleet.draw(view.rows, view.leftOut);
    this.lines();
    this.lists();
    this.events();
  }

  tiles() {
    const { series, index, rows, fold, agents, waitingAt } = this.view;
    const last = (field) => (index < 0 ? null : series[field][index]);
    const out = rows.filter((row) => told(row).mark !== "good").length, faults = fold.open().filter((one) => !one.outage).length;
    const wanted = last("desired");
    const tiles = [
      ["Nodes in service", `${rows.length - out} of ${rows.length}`, known(wanted) ? `${wanted} wanted` : "", out ? "bad" : rows.length ? "good" : ""],
      ["Agents ready", number(agents), "", ""],
      ["In flight", number(last("in_flight")), "", ""],
      ["Waiting", number(last("waiting")), waitingAt, ""],
      ["Requests a second", number(last("ok_per_s")), known(last("bad_per_s")) ? `${number(last("bad_per_s"))} failed` : "", last("bad_per_s") > 0 ? "bad" : ""],
      ["Latency p50", duration(last("p50_s")), "", ""],
      ["Latency p99", duration(last("p99_s")), "", ""],
      ["Faults on", String(faults), out ? `${out} node${out === 1 ? "" : "s"} not in service` : "", faults ? "bad" : ""],
    ];
    at("tiles").replaceChildren(...tiles.map(([name, value, more, mark]) => {
      const tile = make("div", mark), told = make("dd", "", value);
      if (more) told.append(make("small", "", more));
      tile.append(make("dt", "", name), told);
      return tile;
    }));
  }

  lines() {
    const { series, index, from, until, fold } = this.view;
    const bands = fold.faults.filter((one) => !one.outage).map((one) => [one.at, one.until === null ? this.view.at : one.until]);
    for (const chart of this.charts) chart.draw(series, from, until, index, bands);
  }

  lists() {
    const { fold, plugins, decisions } = this.view;
    const newest = (list) => list.slice(-LIST_MAX).reverse();
    const open = fold.faults.filter((one) => one.until === null), over = fold.faults.filter((one) => one.until !== null);
    this.list("faults", [...newest(open), ...newest(over)].slice(0, LIST_MAX).map((one) => ({
      at: one.at, mark: one.until === null ? "bad" : "", text: `${CAUSES[one.kind] || one.kind} · ${one.subject}`,
      why: `${one.until === null ? "on since" : `over after ${duration(one.until - one.at)}, began`} ${clock(one.at)}${one.why ? `: ${one.why}` : ""}`,
    })), "Nothing has failed.");
    this.list("scaling", newest(fold.scaling).map((one) => ({
      at: one.at, mark: one.kind === "scale_failed" ? "bad" : "", why: one.fields.reason,
      text: known(one.fields.desired) ? `${one.kind.replace("_", " ")} to ${one.fields.desired} nodes` : one.kind.replace("_", " "),
    })), "Nothing was scaled.");
    this.list("plugins", plugins, "No plugin is here.");
    this.list("decisions", decisions, "The optimizer has decided nothing, or is off.");
  }

  list(id, rows, none) {
    const items = rows.map((row) => {
      const item = make("li");
      if (known(row.at)) item.append(make("span", "at", clock(row.at)));
      item.append(make("span", `word ${row.mark || ""}`, row.text));
      if (row.why) item.append(make("span", "why", row.why));
      return item;
    });
    at(id).replaceChildren(...(items.length ? items : [make("li", "none", none)]));
  }

  events() {
    if (!this.view) return;
    const group = at("group").value, word = at("find").value.trim().toLowerCase(), { events, count, lost } = this.view;
    const rows = [];
    for (let place = count - 1; place >= 0 && rows.length < ROWS_MAX; place -= 1) {
      const event = events[place];
      if (group !== ALL && groupOf(event.kind) !== group) continue;
      if (word && !`${event.kind} ${event.subject} ${event.fields.reason || ""}`.toLowerCase().includes(word)) continue;
      const row = make("tr", markOf(event));
      row.append(make("td", "", clock(event.at)), make("td", "", event.kind), make("td", "", event.subject), make("td", "", reasonOf(event)));
      rows.push(row);
    }
    at("events").replaceChildren(...rows);
    at("events-count").textContent = `${count.toLocaleString("en")} so far`;
    at("events-lost").textContent = lost;
  }
}

/* The reason, and besides it what an event says in fields. */
function reasonOf(event) {
  const { reason, ...rest } = event.fields;
  const more = Object.entries(rest).filter(([, value]) => value !== "" && value !== null).map(([name, value]) => `${name} ${value}`);
  return [reason, more.join(", ")].filter(Boolean).join(" · ");
}

/* Rows of the plugin list from the events alone. */
function pluginRows(fold) {
  return Array.from(fold.plugins, ([id, one]) => ({
    text: `${id}: ${one.state || "known"}`, mark: /refused|failed|off/.test(one.state) ? "bad" : one.state === "enabled" ? "good" : "",
    why: [one.why, one.asked ? `${one.asked} calls of the host` : "", one.failed ? `${one.failed} failures` : ""].filter(Boolean).join(" · "),
  }));
}

function decisionRows(fold) {
  return fold.decisions.slice(-LIST_MAX).reverse().map((event) => ({
    at: event.at, mark: markOf(event), text: `${event.kind.replaceAll("_", " ")} · ${event.subject}`, why: reasonOf(event),
  }));
}
