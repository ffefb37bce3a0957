// Counts a hold down, and says aloud when five, two and one minutes are left.
const clock = document.querySelector("[data-seconds]");
const announce = document.querySelector("[data-announce]");
const end = Date.now() + Number(clock.dataset.seconds) * 1000;
let before = Infinity;

function tick() {
  const left = Math.max(0, Math.round((end - Date.now()) / 1000));
  clock.textContent = `${Math.floor(left / 60)} min ${String(left % 60).padStart(2, "0")} s`;
  for (const minutes of [5, 2, 1]) {
    if (left <= minutes * 60 && before > minutes * 60 && before !== Infinity) {
      announce.textContent = `${minutes} minute${minutes > 1 ? "s" : ""} left to pay`;
      clock.classList.toggle("short", minutes < 5);
    }
  }
  before = left;
  if (left === 0) setTimeout(() => location.reload(), 1500); // the server's clock decides
  else setTimeout(tick, 1000);
}
tick();
