// Adds to the seat form: what is chosen and its total, the limit per person, and arrow keys between seats
// (one seat at a time is in the tab order). Without it the form works, with each seat in the tab order.
const form = document.querySelector(".seat-form");
const output = form.querySelector(".chosen-text");
const seats = [...form.querySelectorAll("input[name=seat]")];
const most = Number(form.dataset.most);
const hint = output.textContent;
const money = new Intl.NumberFormat("en-GB", { style: "currency", currency: form.dataset.currency });
const minor = 10 ** money.resolvedOptions().maximumFractionDigits;
const spots = new Map();
for (const [row, group] of [...form.querySelectorAll("[role=row]")].entries()) {
  for (const seat of group.querySelectorAll("input")) spots.set(seat, { row, x: Number(seat.parentElement.getAttribute("x")) });
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

enter(seats.find((seat) => seat.checked) ?? seats[0]);
const frame = form.querySelector(".grid-scroll");
frame.scrollLeft = (frame.scrollWidth - frame.clientWidth) / 2;
show();
