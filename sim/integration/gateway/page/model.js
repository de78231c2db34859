"use strict";
/* What the page knows: at most so much of it, and how numbers are told. Times are seconds, as the gateway's. */
const EVENTS_MAX = 2000; // live: the newest ones stay
const SAMPLES_MAX = 900; // half an hour of a live fleet
const ROWS_MAX = 120; // of the table
const LIST_MAX = 30; // of each short list

const at = (id) => document.getElementById(id);

function make(tag, name, text) {
  const made = document.createElement(tag);
  if (name) made.className = name;
  if (text !== undefined) made.textContent = text;
  return made;
}

function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (value) => String(value).padStart(2, "0");
  const hours = Math.floor(whole / 3600);
  const rest = two(whole % 60);
  return hours ? `${hours}:${two(Math.floor(whole / 60) % 60)}:${rest}` : `${Math.floor(whole / 60)}:${rest}`;
}

const known = (value) => typeof value === "number" && Number.isFinite(value);

function number(value) {
  if (!known(value)) return "–";
  if (value !== 0 && Math.abs(value) < 1) return value.toPrecision(2);
  if (Math.abs(value) < 100 && !Number.isInteger(value)) return value.toFixed(1);
  return Math.round(value).toLocaleString("en");
}

function duration(value) {
  if (!known(value)) return "–";
  if (value < 1) return `${Math.round(1000 * value)} ms`;
  return `${value < 100 ? value.toPrecision(3) : Math.round(value)} s`;
}

/* One instant: what the charts draw and the tiles tell. `nodes` are rows of the fleet. */
const FIELDS = ["in_flight", "waiting", "ok_per_s", "bad_per_s", "p50_s", "p99_s", "nodes_ready", "desired"];

class Series {
  constructor(max) {
    this.max = max;
    this.at = [];
    for (const field of FIELDS) this[field] = [];
  }

  add(sample) {
    this.at.push(sample.at);
    for (const field of FIELDS) this[field].push(known(sample[field]) ? sample[field] : null);
    if (this.at.length > this.max) for (const field of ["at", ...FIELDS]) this[field].shift();
  }
}
