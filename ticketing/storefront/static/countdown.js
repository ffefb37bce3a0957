// Counts a hold down, and says aloud when five, two and one minutes are left.
const clock = document.querySelector("[data-seconds]");
const announce = document.querySelector("[data-announce]");
const end = Date.now() + Number(clock?.dataset.seconds ?? 0) * 1000;
const spoken = new Set();

function tick() {
  const left = Math.max(0, Math.round((end - Date.now()) / 1000));
  clock.textContent = `${Math.floor(left / 60)} min ${String(left % 60).padStart(2, "0")} s`;
  for (const minutes of [5, 2, 1]) {
    if (left <= minutes * 60 && left > minutes * 60 - 5 && !spoken.has(minutes)) {
      spoken.add(minutes);
      announce.textContent = `${minutes} minute${minutes > 1 ? "s" : ""} left`;
    }
  }
  if (left === 0) location.reload();
  else setTimeout(tick, 1000);
}
if (clock) tick();
