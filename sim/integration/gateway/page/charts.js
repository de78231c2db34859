/* Line charts as inline SVG, drawn to the width there is; gaps where nothing is known; faults as bands behind. */
const SPACE = "http://www.w3.org/2000/svg";
const HEIGHT = 152;
const LEFT = 50, RIGHT = 10, TOP = 8, BOTTOM = 20;
const POINTS_MAX = 400; // of a line; more are thinned by their highest

function shape(tag, attributes, text) {
  const made = document.createElementNS(SPACE, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

/* A round number at or above the highest value: 1, 2 or 5 times a power of ten. */
function ceiling(value) {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((factor) => factor * power).find((round) => round >= value * 0.999);
}

class Chart {
  constructor(title, tell, lines) {
    Object.assign(this, { title, tell, lines });
    this.figure = make("figure");
    const caption = make("figcaption");
    caption.append(make("strong", "", title));
    this.keys = lines.map(([name], index) => caption.appendChild(make("span", index ? "key two" : "key", name)));
    this.svg = shape("svg", { role: "img", height: HEIGHT });
    this.figure.append(caption, this.svg);
  }

  /* `index` is the sample that is told; what comes after it is not drawn. `bands` are [from, until]. */
  draw(series, from, until, index, bands) {
    const width = Math.max(200, this.svg.clientWidth || this.figure.clientWidth || 320);
    const right = width - RIGHT, floor = HEIGHT - BOTTOM;
    const told = this.lines.map(([name, field]) => `${name} ${this.tell(index < 0 ? null : series[field][index])}`);
    this.lines.forEach(([name], line) => { this.keys[line].textContent = told[line]; });
    this.svg.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
    this.svg.setAttribute("aria-label", `${this.title} at ${clock(index < 0 ? from : series.at[index])}: ${told.join(", ")}`);
    const highest = this.lines.reduce((most, [, field]) => series[field].reduce((a, b) => Math.max(a, b || 0), most), 0);
    const top = ceiling(highest), span = Math.max(1e-9, until - from);
    const x = (seconds) => LEFT + ((seconds - from) / span) * (right - LEFT);
    const y = (value) => floor - (value / top) * (floor - TOP);
    const parts = [];
    for (const [begins, ends] of bands) {
      const left = Math.max(LEFT, x(begins)), end = Math.min(right, x(ends));
      if (end > left) parts.push(shape("rect", { class: "fault", x: left, y: TOP, width: Math.max(1.5, end - left), height: floor - TOP }));
    }
    for (const share of [0, 0.5, 1]) {
      parts.push(shape("line", { class: "grid", x1: LEFT, x2: right, y1: y(top * share), y2: y(top * share) }));
      parts.push(shape("text", { x: LEFT - 6, y: y(top * share) + 4, "text-anchor": "end" }, this.tell(top * share)));
    }
    for (const share of [0, 0.5, 1]) {
      const anchor = share === 0 ? "start" : share === 1 ? "end" : "middle";
      parts.push(shape("text", { x: x(from + share * span), y: HEIGHT - 5, "text-anchor": anchor }, clock(from + share * span)));
    }
    this.lines.forEach(([, field], line) => parts.push(...this.path(series, field, index, x, y, line ? " two" : "")));
    if (index >= 0 && until > series.at[index] + 1e-9) {
      const place = x(series.at[index]);
      parts.push(shape("line", { class: "cursor", x1: place, x2: place, y1: TOP, y2: floor }));
    }
    this.svg.replaceChildren(...parts);
  }

  path(series, field, last, x, y, name) {
    const values = series[field], step = Math.max(1, Math.ceil((last + 1) / POINTS_MAX));
    let text = "", pen = "M";
    for (let first = 0; first <= last; first += step) {
      let best = null, when = first;
      for (let one = first; one < Math.min(first + step, last + 1); one += 1) {
        if (values[one] !== null && (best === null || values[one] > best)) { best = values[one]; when = one; }
      }
      if (best === null) { pen = "M"; continue; }
      text += `${pen}${x(series.at[when]).toFixed(1)} ${y(best).toFixed(1)}`;
      pen = "L";
    }
    const parts = text ? [shape("path", { class: `line${name}`, d: text })] : [];
    if (last >= 0 && values[last] !== null) {
      parts.push(shape("circle", { class: `point${name}`, cx: x(series.at[last]), cy: y(values[last]), r: 3 }));
    }
    return parts;
  }
}
