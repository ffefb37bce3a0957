// Adds to the seat form: the running total, and arrow keys between seats (one seat is in the tab order at a time).
const form = document.querySelector(".seat-form");
const output = form.querySelector(".chosen-text");
const seats = [...form.querySelectorAll("input[name=seat]")];
const hint = output.textContent;
const money = new Intl.NumberFormat("en-GB", { style: "currency", currency: form.dataset.currency });
const minor = 10 ** money.resolvedOptions().maximumFractionDigits;

function show() {
  const chosen = seats.filter((seat) => seat.checked);
  const total = chosen.reduce((sum, seat) => sum + Number(seat.dataset.price), 0);
  output.textContent = chosen.length ? `${chosen.length} chosen · ${money.format(total / minor)}` : hint;
}

function place(seat) {
  const cell = seat.closest("[role=gridcell]");
  const row = cell.parentElement;
  return [[...row.parentElement.children].indexOf(row), [...row.children].indexOf(cell)];
}

const steps = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] };
const places = new Map(seats.map((seat) => [seat, place(seat)]));

function nearest(from, [down, right]) {
  const [row, column] = places.get(from);
  let best = null;
  let least = Infinity;
  for (const [seat, [r, c]] of places) {
    const ahead = down ? (r - row) * down : r === row ? (c - column) * right : 0;
    const away = down ? ahead * 100 + Math.abs(c - column) : ahead;
    if (ahead > 0 && away < least) [best, least] = [seat, away];
  }
  return best;
}

seats.forEach((seat, index) => {
  seat.tabIndex = index ? -1 : 0;
  seat.addEventListener("change", show);
});
form.addEventListener("keydown", (event) => {
  const step = steps[event.key];
  if (!step || !places.has(event.target)) return;
  event.preventDefault();
  const next = nearest(event.target, step);
  if (!next) return;
  event.target.tabIndex = -1;
  next.tabIndex = 0;
  next.focus();
});
show();
