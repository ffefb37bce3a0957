// Listens to what happens to the seats of the event on this page, and tells it to the page: "seat-states", with a function from a
// seat's number to its state. Also keeps the numbers beside the sections. While nobody looks at the page, it does not listen.
const plan = document.querySelector("[data-event]");
const STATES = ["free", "held", "sold", null];
const PATIENCE = 20000;
let source = null;
let version = null;

function left(sections) {
  for (const section of sections) {
    const place = document.querySelector(`[data-section="${section.section_id}"]`);
    if (place) place.textContent = section.available || "sold out";
  }
}

function tell(stateOf) {
  document.dispatchEvent(new CustomEvent("seat-states", { detail: stateOf }));
}

function takeMap(event) {
  const map = JSON.parse(event.data);
  const bytes = Uint8Array.from(atob(map.bitmap), (letter) => letter.charCodeAt(0));
  version = map.version;
  left(map.sections);
  tell((no) => STATES[(bytes[no >> 2] >> (2 * (no & 3))) & 3]);
}

function takeDelta(event) {
  const delta = JSON.parse(event.data);
  if (delta.since !== version) {
    listen(); // something is missing: the whole map comes first on a new stream
    return;
  }
  version = delta.version;
  left(delta.sections);
  const states = new Map();
  for (const [state, seats] of [["free", delta.free], ["held", delta.held], ["sold", delta.taken]]) {
    for (const no of seats) states.set(no, state);
  }
  tell((no) => states.get(no));
}

function listen() {
  source?.close();
  source = null;
  if (document.hidden) return;
  source = new EventSource(`/api/events/${plan.dataset.event}/seats/stream`);
  source.addEventListener("map", takeMap);
  source.addEventListener("delta", takeDelta);
  source.addEventListener("error", () => {
    if (source?.readyState === EventSource.CLOSED) setTimeout(listen, PATIENCE * (0.5 + Math.random())); // refused: too many
  });
}

document.addEventListener("visibilitychange", listen);
listen();
