/* The state of a fleet from its events, one after the other: marks of nodes, faults, scaling, plugins, decisions. */
const GROUPS = [
  ["fault", "Faults", /^fault_/],
  ["health", "Health", /^(node_(ejected|readmitted|status|fenced)|ejection_|breaker_|panic_)/],
  ["scaling", "Scaling", /^scale_/],
  ["plugin", "Plugins", /^plugin\./],
  ["optimizer", "Optimizer", /^(optimization_|verification_|promoted|rolled_back|drift_alarm|surrogate_)/],
  ["agent", "Agents", /^(agent_|states?_|save_|vacate_|reopen_)/],
  ["node", "Nodes", /^(node_|join_|leave_|start_)/],
];
const BAD = /^(fault_began|node_(ejected|fenced|disconnected|process_ended)|breaker_opened|panic_began|rolled_back|drift_alarm)$|failed|plugin\.(refused|off|quarantined)/;
const GOOD = /^(fault_ended|node_(readmitted|registered|connected)|breaker_closed|panic_ended|promoted)$/;

function groupOf(kind) {
  const found = GROUPS.find(([, , pattern]) => pattern.test(kind));
  return found ? found[0] : "other";
}

function markOf(event) {
  if (event.kind === "node_status") return event.fields.new === "online" ? "good" : "bad";
  return BAD.test(event.kind) ? "bad" : GOOD.test(event.kind) ? "good" : "";
}

class Fold {
  constructor() {
    this.nodes = new Map(); // id -> {status, zone, capacity, out: Map(cause -> reason)}
    this.faults = []; // newest last; `until` null while it is on
    this.scaling = [];
    this.plugins = new Map();
    this.decisions = [];
    this.desired = null;
  }

  node(id) {
    if (!this.nodes.has(id)) this.nodes.set(id, { status: "online", zone: "", capacity: null, out: new Map() });
    return this.nodes.get(id);
  }

  apply(event) {
    const { kind, subject, fields } = event;
    const group = groupOf(kind);
    if (kind === "node_removed") {
      this.nodes.delete(subject);
      for (const one of this.faults) if (one.subject === subject && one.until === null && one.outage) one.until = event.at;
    } else if (kind === "node_registered") {
      Object.assign(this.node(subject), { status: fields.status, zone: fields.zone, capacity: fields.capacity });
    } else if (kind === "node_status") {
      this.node(subject).status = fields.new;
      this.outage(event, "health", fields.new === "offline");
    } else if (kind === "node_ejected" || kind === "node_readmitted") {
      this.outage(event, "ejected", kind === "node_ejected");
    } else if (kind === "breaker_opened" || kind === "breaker_closed") {
      this.outage(event, "breaker", kind === "breaker_opened");
    } else if (kind === "node_disconnected" || kind === "node_connected") {
      this.outage(event, "disconnected", kind === "node_disconnected");
    } else if (group === "fault") {
      this.fault(event);
    } else if (group === "scaling") {
      if (known(fields.desired)) this.desired = fields.desired;
      if (kind !== "scale_held") this.keep(this.scaling, event);
    } else if (group === "plugin") {
      this.plugin(event);
    } else if (group === "optimizer" && kind !== "surrogate_trained") {
      this.keep(this.decisions, event);
    }
  }

  outage(event, cause, begins) {
    const out = this.node(event.subject).out;
    const open = this.faults.find((one) => one.outage && one.until === null && one.subject === event.subject && one.kind === cause);
    if (begins) {
      out.set(cause, event.fields.reason || "");
      if (!open) this.keep(this.faults, { kind: cause, subject: event.subject, at: event.at, until: null, outage: true, why: event.fields.reason });
    } else {
      out.delete(cause);
      if (open) open.until = event.at;
    }
  }

  fault(event) {
    const { kind, occurrence } = event.fields;
    const same = (one) => !one.outage && one.until === null && one.subject === event.subject && one.kind === kind && one.occurrence === occurrence;
    if (event.kind === "fault_began") {
      this.keep(this.faults, { kind, occurrence, subject: event.subject, at: event.at, until: null, outage: false, why: "" });
    } else {
      const open = this.faults.find(same);
      if (open) open.until = event.at;
    }
  }

  plugin(event) {
    const what = event.kind.slice("plugin.".length);
    const old = this.plugins.get(event.subject) || { state: "", why: "", asked: 0, failed: 0 };
    if (what === "asked") old.asked += 1;
    else {
      if (what.endsWith("failed")) old.failed += 1;
      Object.assign(old, { state: what, why: event.fields.reason || "" });
    }
    this.plugins.set(event.subject, old);
  }

  /* Faults that are over go first when a list is full. */
  keep(list, entry) {
    list.push(entry);
    if (list.length > 400) {
      const over = list.findIndex((one) => one.until !== null);
      list.splice(Math.max(0, over), 1);
    }
  }

  open() {
    return this.faults.filter((one) => one.until === null);
  }
}
