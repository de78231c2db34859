/* A stored run: the same view at any instant, with a slider, play and pause, and steps from event to event. */
const SPEEDS = [1, 5, 20, 60, 300, 1800];
const PLAY_S = 90; // what a whole run should take at the first speed that is offered

class Replay {
  constructor(run, panels) {
    Object.assign(this, { run, panels, now: 0, playing: false, fold: new Fold(), applied: 0 });
    this.events = run.events.map(([when, kind, subject, fields]) => ({ at: when, kind, subject, fields }));
    this.series = { at: run.bins.at };
    for (const field of FIELDS) this.series[field] = run.bins[field] || run.bins.at.map(() => null);
    this.until = run.ended_at;
    at("title").textContent = `${run.name}: ${run.point}`;
    at("about").textContent = `Replication ${run.replication}, seed ${run.seed}, ${run.engine} engine; ${run.verdict}. Again: ${run.command}`;
    at("link").textContent = "replay";
    const slider = at("time");
    slider.max = this.until;
    slider.addEventListener("input", () => { this.pause(); this.go(Number(slider.value)); });
    const wanted = SPEEDS.find((speed) => this.until / speed <= PLAY_S) || SPEEDS[SPEEDS.length - 1];
    at("speed").append(...SPEEDS.map((speed) => new Option(`${speed}×`, speed, speed === wanted, speed === wanted)));
    at("play").addEventListener("click", () => (this.playing ? this.pause() : this.play()));
    at("back").addEventListener("click", () => { this.pause(); this.step(-1); });
    at("next").addEventListener("click", () => { this.pause(); this.step(1); });
    at("controls").hidden = false;
    at("main").hidden = false;
    this.go(0);
  }

  play() {
    if (this.now >= this.until) this.go(0);
    this.playing = true;
    this.said("Pause", true);
    let before = null;
    const frame = (now) => {
      if (!this.playing) return;
      if (before !== null) this.go(this.now + ((now - before) / 1000) * Number(at("speed").value));
      before = now;
      if (this.now >= this.until) this.pause();
      else requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  }

  pause() {
    this.playing = false;
    this.said("Play", false);
  }

  said(word, pressed) {
    at("play").textContent = word;
    at("play").setAttribute("aria-pressed", String(pressed));
  }

  /* To the next instant at which something happened, or the one before. */
  step(way) {
    const far = way > 0 ? this.events.find((event) => event.at > this.now + 1e-9) : this.events.findLast((event) => event.at < this.now - 1e-9);
    if (far) this.go(far.at);
  }

  go(seconds) {
    this.now = Math.min(this.until, Math.max(0, seconds));
    if (this.applied && this.events[this.applied - 1].at > this.now) { this.fold = new Fold(); this.applied = 0; }
    while (this.applied < this.events.length && this.events[this.applied].at <= this.now) this.fold.apply(this.events[this.applied++]);
    const slider = at("time");
    slider.value = this.now;
    slider.setAttribute("aria-valuetext", `${clock(this.now)} of ${clock(this.until)}`);
    at("clock").textContent = clock(this.now);
    this.draw();
  }

  index() {
    const when = this.series.at;
    let low = 0, high = when.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (when[middle] <= this.now + 1e-9) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  draw() {
    const { run, fold, series } = this, index = this.index();
    const struck = new Map(fold.open().filter((one) => !one.outage).map((one) => [one.subject, one.kind]));
    const there = run.nodes.filter((node) => node.born_at <= this.now && (node.gone_at === null || this.now < node.gone_at));
    const rows = there.map((node) => {
      const mark = fold.nodes.get(node.id);
      return {
        id: node.id, zone: node.zone, status: mark ? mark.status : "online", out: mark ? mark.out : null, fault: struck.get(node.id),
        agents: node.agents ? node.agents[Math.max(0, index)] : null, in_flight: node.in_flight ? node.in_flight[Math.max(0, index)] : null,
      };
    });
    this.panels.draw({
      at: this.now, from: 0, until: this.until, series, index, rows, leftOut: run.nodes_left_out, fold, events: this.events,
      count: this.applied, agents: index < 0 ? null : run.bins.agents_ready[index], plugins: pluginRows(fold), decisions: decisionRows(fold),
      waitingAt: "for an agent", lost: run.left_out,
    });
  }
}
