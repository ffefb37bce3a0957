// Adds to the seat form: what is chosen and its total, the limit per person, arrow keys between seats (one seat at a time is
// in the tab order), and what others take or give back meanwhile, as live_seats.js tells it. Without it the form works, with
// each seat in the tab order.
const form = document.querySelector(".seat-form");
const output = form.querySelector(".chosen-text");
let seats = [];
const most = Number(form.dataset.most);
const hint = output.textContent;
const money = new Intl.NumberFormat("en-GB", { style: "currency", currency: form.dataset.currency });
const minor = 10 ** money.resolvedOptions().maximumFractionDigits;
const spots = new Map();
const cells = new Map([...form.querySelectorAll("[role=gridcell]")].map((cell) => [Number(cell.dataset.no), cell]));

function collect() {
  seats = [...form.querySelectorAll("input[name=seat]")];
  spots.clear();
  for (const [row, group] of [...form.querySelectorAll("[role=row]")].entries()) {
    for (const seat of group.querySelectorAll("input")) spots.set(seat, { row, x: Number(seat.parentElement.getAttribute("x")) });
  }
}

function show(note = "") {
  const chosen = seats.filter((seat) => seat.checked);
  const total = chosen.reduce((sum, seat) => sum + Number(seat.dataset.price), 0);
  const names = chosen.map((seat) => `row ${seat.dataset.row} seat ${seat.dataset.number}`).join(", ");
  output.textContent = (chosen.length ? `${money.format(total / minor)} for ${names}` : hint) + note;
}

// The nearest seat in a direction: along the row, or the closest one of the next row that has any.
function nearest(from, along, down) {
  const here = spots.get(from);
  let best = null;
  let least = Infinity;
  for (const [seat, spot] of spots) {
    const ahead = along ? (spot.row === here.row ? (spot.x - here.x) * along : 0) : (spot.row - here.row) * down;
    const away = along ? ahead : ahead * 1e5 + Math.abs(spot.x - here.x);
    if (ahead > 0 && away < least) [best, least] = [seat, away];
  }
  return best;
}

function ends(from, last) {
  const row = [...spots.keys()].filter((seat) => spots.get(seat).row === spots.get(from).row);
  return last ? row.at(-1) : row[0];
}

const moves = {
  ArrowRight: (seat) => nearest(seat, 1, 0),
  ArrowLeft: (seat) => nearest(seat, -1, 0),
  ArrowDown: (seat) => nearest(seat, 0, 1),
  ArrowUp: (seat) => nearest(seat, 0, -1),
  Home: (seat) => ends(seat, false),
  End: (seat) => ends(seat, true),
};

function enter(seat) {
  for (const other of seats) other.tabIndex = other === seat ? 0 : -1;
}

form.addEventListener("change", (event) => {
  const tooMany = seats.filter((seat) => seat.checked).length > most;
  if (tooMany) event.target.checked = false;
  enter(event.target);
  show(tooMany ? ` · ${most} is the most per person` : "");
});
form.addEventListener("keydown", (event) => {
  if (!spots.has(event.target)) return;
  if (event.key === "Enter") {
    event.preventDefault(); // would send the form
    event.target.click();
    return;
  }
  const next = moves[event.key]?.(event.target);
  if (!next) return;
  event.preventDefault();
  enter(next);
  next.focus();
});
form.addEventListener("submit", (event) => {
  if (seats.some((seat) => seat.checked)) return;
  event.preventDefault();
  output.textContent = "Choose at least one seat first.";
});

const SVG = "http://www.w3.org/2000/svg";
const WORDS = { held: ["held", "◐"], sold: ["taken", "✕"] };

function element(name, attributes, ...children) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

// Draws a place anew, as the page would have come with it.
function draw(cell, state) {
  const { no, price, mark, row, label, place } = cell.dataset;
  const x = Number(cell.dataset.x);
  const y = Number(cell.dataset.y);
  let made;
  if (state === "free") {
    const seat = document.createElement("input");
    Object.assign(seat, { className: "seat", type: "checkbox", name: "seat", value: no, title: place, tabIndex: -1 });
    Object.assign(seat.dataset, { price, seat: mark, row, number: label });
    seat.setAttribute("aria-label", `${place}, available`);
    made = element("foreignObject", { role: "gridcell", x, y, width: 28, height: 28 }, seat);
  } else {
    const [word, sign] = WORDS[state];
    const box = element("rect", { x: x + 1, y: y + 1, width: 26, height: 26, rx: 7 });
    const text = element("text", { x: x + 14, y: y + 15, "aria-hidden": "true" }, sign);
    made = element("g", { role: "gridcell", class: state, "aria-label": `${place}, ${word}` }, box, text);
  }
  Object.assign(made.dataset, { ...cell.dataset, state });
  cells.set(Number(no), made);
  cell.replaceWith(made);
}

// What others have taken or given back; `detail` answers the state of a seat by its number.
document.addEventListener("seat-states", (event) => {
  const lost = [];
  let changed = false;
  let focus = null;
  for (const [no, cell] of cells) {
    const state = event.detail(no);
    if (!state || state === cell.dataset.state) continue;
    const seat = cell.querySelector("input");
    if (seat?.checked) lost.push(`row ${cell.dataset.row} seat ${cell.dataset.label}`);
    if (seat && seat === document.activeElement) focus = nearest(seat, 1, 0) ?? nearest(seat, -1, 0) ?? nearest(seat, 0, 1);
    draw(cell, state);
    changed = true;
  }
  if (!changed) return;
  collect();
  if (!seats.some((seat) => seat.tabIndex === 0) || focus) enter(focus ?? seats.find((seat) => seat.checked) ?? seats[0]);
  focus?.focus();
  if (lost.length) show(` · just taken by somebody else: ${lost.join(", ")}`);
});

collect();
enter(seats.find((seat) => seat.checked) ?? seats[0]);
const frame = form.querySelector(".grid-scroll");
frame.scrollLeft = (frame.scrollWidth - frame.clientWidth) / 2;
show();
