// Asks how things stand as often as the answer says, and shows a page of news only when there are some.
const place = document.getElementById("place");

async function look() {
  try {
    const answer = await fetch(`/api/queue/${place.dataset.token}`);
    if (answer.ok) {
      const now = await answer.json();
      if (now.state !== place.dataset.state || String(now.position ?? "") !== place.dataset.position) {
        location.replace(`/queue/${now.token}`);
        return;
      }
      const ahead = place.querySelector("[data-ahead]");
      if (ahead && ahead.textContent !== String(now.ahead)) ahead.textContent = now.ahead;
      place.dataset.askAgain = now.ask_again_seconds;
    }
  } catch {
    // the network is away for a moment: ask again
  }
  setTimeout(look, 1000 * Number(place.dataset.askAgain));
}

setTimeout(look, 1000 * Number(place.dataset.askAgain));
