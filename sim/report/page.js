"use strict";
/* Sort a table by the column whose head is pressed: numbers by data-sort, the rest by text; again turns it round. */
function valueOf(row, column) {
  const cell = row.cells[column];
  const number = cell.dataset.sort;
  return number === undefined ? cell.textContent.trim() : Number(number.replace("inf", "Infinity"));
}

function compare(a, b) {
  if (typeof a === "number" && typeof b === "number") return a - b;
  return String(a).localeCompare(String(b), "en", { numeric: true });
}

function sortBy(head) {
  const table = head.closest("table");
  const body = table.tBodies[0];
  const column = head.cellIndex;
  const up = head.getAttribute("aria-sort") !== "ascending";
  const rows = Array.from(body.rows).map((row, at) => ({ row, at, value: valueOf(row, column) }));
  rows.sort((a, b) => (up ? 1 : -1) * compare(a.value, b.value) || a.at - b.at);
  for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", up ? "ascending" : "descending");
  for (const { row } of rows) body.appendChild(row);
}

for (const head of document.querySelectorAll("table.sortable thead th")) {
  head.querySelector("button").addEventListener("click", () => sortBy(head));
}

/* A link to a folded group opens it. */
function unfold() {
  const target = location.hash && document.getElementById(location.hash.slice(1));
  const folded = target && target.querySelector(":scope > details");
  if (folded) folded.open = true;
}
window.addEventListener("hashchange", unfold);
unfold();
