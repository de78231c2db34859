/* A live fleet: the key from the form or this tab's session, a ticket for it, and the WebSocket, again when it breaks. */
const STORED = "victor-sim.key";
const AGAIN_S = [1, 2, 4, 8, 15, 30];

class Live {
  constructor(panels) {
    Object.assign(this, { panels, failures: 0, socket: null, timer: null, wanted: false });
    this.keyless = document.body.dataset.keys === "none";
    at("title").textContent = "Fleet status";
    at("login").addEventListener("submit", (event) => {
      event.preventDefault();
      sessionStorage.setItem(STORED, at("key").value.trim());
      at("key").value = "";
      this.begin();
    });
    at("leave").addEventListener("click", () => this.ask("The key is forgotten."));
    if (this.keyless || sessionStorage.getItem(STORED)) this.begin();
    else this.ask("");
  }

  say(mark, text) {
    at("link").className = `badge ${mark}`;
    at("link").textContent = text;
  }

  /* Back to the form. */
  ask(problem) {
    this.wanted = false;
    clearTimeout(this.timer);
    if (this.socket) this.socket.close();
    sessionStorage.removeItem(STORED);
    at("login-problem").textContent = problem;
    at("login").hidden = false;
    at("main").hidden = true;
    at("leave").hidden = true;
    this.say("wait", "not connected");
    at("key").focus();
  }

  begin() {
    this.wanted = true;
    at("login").hidden = true;
    at("leave").hidden = this.keyless;
    this.say("wait", "connecting");
    this.connect();
  }

  async connect() {
    const key = sessionStorage.getItem(STORED), headers = key ? { "X-API-Key": key } : {};
    let answer;
    try {
      answer = await fetch("/v1/events/ticket", { headers, cache: "no-store", credentials: "omit" });
    } catch {
      return this.later("no answer");
    }
    if (answer.status === 401 || answer.status === 403) return this.ask("This key is not accepted here, or may not read.");
    if (!answer.ok) return this.later(answer.status === 429 ? "too many requests" : `answer ${answer.status}`, Number(answer.headers.get("retry-after")));
    const { ticket } = await answer.json();
    if (!this.wanted) return undefined;
    this.reset();
    const socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/v1/events`, ["victor-sim.status", ...(ticket ? [`ticket.${ticket}`] : [])]);
    this.socket = socket;
    socket.addEventListener("message", (message) => { if (this.socket === socket) this.take(JSON.parse(message.data)); });
    socket.addEventListener("close", () => { if (this.socket === socket && this.wanted) this.later("connection lost"); });
    return undefined;
  }

  later(why, waitS) {
    const seconds = Math.max(waitS || 0, AGAIN_S[Math.min(this.failures, AGAIN_S.length - 1)]);
    this.failures += 1;
    this.say("bad", `${why}, again in ${seconds} s`);
    this.timer = setTimeout(() => this.connect(), 1000 * seconds);
  }

  reset() {
    Object.assign(this, { fold: new Fold(), events: [], series: new Series(SAMPLES_MAX), status: null, lost: 0, asked: false });
  }

  take(message) {
    this.failures = 0;
    if (message.kind === "status") {
      this.status = message;
      this.series.add(this.sample(message));
      at("main").hidden = false;
      this.say("good", "live");
    } else if (message.kind === "events_lost") {
      this.lost += message.count;
    } else {
      this.events.push(message);
      if (this.events.length > EVENTS_MAX) this.events.shift();
      this.fold.apply(message);
    }
    if (!this.asked && this.status) {
      this.asked = true; // many messages, one drawing
      requestAnimationFrame(() => { this.asked = false; this.draw(); });
    }
  }

  sample({ at: when, fields }) {
    const nodes = fields.node_rows || [], tasks = fields.tasks || {};
    return {
      at: when, in_flight: known(fields.in_flight) ? fields.in_flight : tasks.running, waiting: fields.waiting,
      ok_per_s: known(tasks.ended_per_s) ? tasks.ended_per_s - tasks.failed_per_s : null, bad_per_s: tasks.failed_per_s,
      p50_s: tasks.latency_s_p50, p99_s: tasks.latency_s_p99, nodes_ready: nodes.filter((node) => node.status === "online" && !this.isOut(node.node_id)).length,
      desired: this.fold.desired,
    };
  }

  isOut(id) {
    const mark = this.fold.nodes.get(id);
    return Boolean(mark && mark.out.size);
  }

  draw() {
    const { status, fold, series } = this, fields = status.fields, nodes = fields.node_rows || [];
    const rows = nodes.map((node) => {
      const mark = fold.nodes.get(node.node_id);
      return { id: node.node_id, zone: node.zone, status: node.status, out: mark ? mark.out : null, agents: node.agents, in_flight: node.in_flight, cpu: node.cpu };
    });
    at("about").textContent = `${location.host} · ${fields.ready ? "ready" : "not ready yet"} · up ${clock(status.at)} · strategy ${fields.fleet ? fields.fleet.strategy : "unknown"}`;
    const lost = this.lost ? `${this.lost.toLocaleString("en")} events were too many for this connection and are not shown.` : "";
    this.panels.draw({
      at: status.at, from: series.at[0], until: status.at, series, index: series.at.length - 1, rows, leftOut: fields.nodes_left_out || 0, fold,
      events: this.events, count: this.events.length, agents: fields.fleet ? fields.fleet.agents.ready : null,
      plugins: fields.plugin_rows ? fields.plugin_rows.map(pluginRow) : [], decisions: [...decisionRows(fold), ...(fields.decisions || []).map(decisionRow)].slice(0, LIST_MAX),
      waitingAt: "at the balancer", lost,
    });
  }
}

function pluginRow(plugin) {
  const bad = plugin.is_off || plugin.state === "refused", isolation = plugin.isolation ? `in ${plugin.isolation}` : "";
  return {
    text: `${plugin.plugin_id} ${plugin.version || ""}: ${plugin.is_off ? "switched off by its circuit" : plugin.state || "known"}`,
    mark: bad ? "bad" : plugin.state === "enabled" ? "good" : "", why: [plugin.reason, isolation].filter(Boolean).join(" · "),
  };
}

function decisionRow(one) {
  const told = one.reason ? `abstained: ${one.reason}` : `${number(one.improvement_percentage)} % better, confidence ${number(one.confidence)}`;
  return { at: one.timestamp, mark: one.is_applied ? "good" : "", text: `${one.agent_id} · ${one.target || ""}${one.is_applied ? " · applied" : ""}`, why: told };
}
