// The live room: events say that something happened, the page then fetches what it looks like now and takes it over.

import { keepTime } from "./clock.js";
import * as connection from "./connection.js";
import { morph, parse } from "./morph.js";
import { sendOnce } from "./once.js";
import * as voices from "./voices.js";

const AT_MOST_EVERY = 1000;
const POLL_EVERY = 5000; // only where the live stream cannot be had
const LOOK_EVERY = 15000; // what changes without an event of ours: the place in line, the cost

const live = JSON.parse(document.getElementById("live").textContent);
const room = document.getElementById("room");
const announcer = document.getElementById("announcer");
const newer = document.getElementById("newer");
const name = document.title;

let head = live.lastId; // newest event that we have heard of
let shown = live.lastId; // newest event that the page shows for sure
let missed = 0; // events replayed since the connection came back
let interrupted = false;
let over = live.over;
let stopped = over;

// -- taking over what is new ------------------------------------------------------------------------------------------

let timer = null;
let fetching = false;
let lastLook = 0;

function look(soon = AT_MOST_EVERY) {
  if (timer || fetching) return;
  const pause = document.hidden ? POLL_EVERY : soon;
  timer = setTimeout(take, Math.max(80, lastLook + pause - Date.now()));
}

async function take() {
  timer = null;
  fetching = true;
  lastLook = Date.now();
  const asked = head;
  let again = 0;
  try {
    const response = await fetch(live.fragmentUrl, { redirect: "manual", cache: "no-store" });
    if (response.type === "opaqueredirect" || response.status === 401 || response.status === 403) {
      halt(401);
    } else if (response.status === 404) {
      halt(404);
    } else if (!response.ok) {
      again = 1000 * (Number(response.headers.get("Retry-After")) || 3);
    } else {
      const fresh = parse(await response.text());
      if (fresh) swap(fresh);
      if (shown < Math.max(asked, head)) again = AT_MOST_EVERY;
    }
  } catch {
    again = 3000;
  }
  fetching = false;
  if (again && !stopped) look(again);
}

function swap(fresh) {
  const known = new Set([...room.querySelectorAll(".card")].map((card) => card.id));
  morph(room, fresh);
  voices.settle();
  offerUnfolding();
  shown = Math.max(shown, Number(room.dataset.sequence));
  head = Math.max(head, shown);
  tell([...room.querySelectorAll(".card")].filter((card) => !known.has(card.id)));
  if (room.dataset.over && !over) finish();
  else if (!over) document.title = `${room.dataset.words} · ${name}`;
  if (interrupted && news.state === "live" && shown >= head) {
    interrupted = false;
    missed = 0;
  }
  showConnection();
}

function finish() {
  over = true;
  waiting = []; // the memo stands at the top; what was said on the way is no news any more
  newer.hidden = true;
  stopped = true;
  document.title = `${room.dataset.words} · ${name}`;
  announce(room.querySelector("#memo .answer")?.textContent.trim() || room.dataset.words);
  connection.show({ state: "ended" });
}

function halt(status) {
  if (stopped) return;
  stopped = true;
  stream?.close();
  announce(`Connection: ${connection.stopped(status)}`);
}

// -- telling about it -------------------------------------------------------------------------------------------------

function announce(words) {
  announcer.textContent = words;
}

function tell(cards) {
  if (!cards.length) return;
  for (const card of cards) card.classList.add("fresh");
  const newest = cards[cards.length - 1];
  const who = newest.querySelector("h4").firstChild.textContent.trim();
  const claim = newest.querySelector(".claim").textContent.trim();
  announce(`${cards.length > 1 ? `${cards.length} new contributions. ` : ""}${who}: ${claim}`);
  if (!over && newest.getBoundingClientRect().top > window.innerHeight) offer(cards);
}

let waiting = [];

function offer(cards) {
  waiting = [...waiting, ...cards].filter((card) => card.isConnected);
  newer.firstElementChild.textContent = `${waiting.length} new ${waiting.length === 1 ? "contribution" : "contributions"} ↓`;
  newer.hidden = false;
}

function withdraw() {
  waiting = waiting.filter((card) => card.isConnected && card.getBoundingClientRect().top > window.innerHeight);
  if (!waiting.length) newer.hidden = true;
}

newer.firstElementChild.addEventListener("click", () => {
  const first = waiting[0];
  const part = first?.closest("details.part");
  if (part) part.open = true;
  first?.scrollIntoView({ block: "start" });
  first?.focus({ preventScroll: true });
  waiting = [];
  newer.hidden = true;
});
addEventListener("scroll", withdraw, { passive: true });

// -- hearing of it ----------------------------------------------------------------------------------------------------

let stream = null;
let news = { state: "connecting" };

function showConnection() {
  if (!over && !stopped) connection.show(news, interrupted ? missed : null);
}

function onEvent({ id }) {
  head = Math.max(head, id);
  if (interrupted) missed += 1;
  showConnection();
  look();
}

function onGap() {
  look(); // the page always shows the whole session, so a gap in the stream costs nothing
}

function onLive({ type, data }) {
  if (type === "speaking" && !over) voices.hear(data);
}

function onState(now) {
  if (over) return;
  news = now;
  if (now.state !== "live") voices.hush();
  if (now.state === "stopped") {
    halt(now.status);
    return;
  }
  if (now.state === "waiting" || now.state === "offline") {
    if (!interrupted && (now.state === "offline" || now.seconds > 1)) announce("The connection was lost. Reconnecting.");
    interrupted = true;
  }
  showConnection();
  if (now.state === "ended" || (now.state === "live" && interrupted)) look(80);
}

async function listen() {
  try {
    const { openStream } = await import("./stream.js");
    const from = { lastId: live.lastId, eventsUrl: live.eventsUrl };
    stream = openStream(live.url, { ...from, onEvent, onGap, onLive, onState });
  } catch {
    news = { state: "polling" };
    showConnection();
    setInterval(() => !stopped && look(POLL_EVERY), POLL_EVERY);
  }
}

// -- the reasons ------------------------------------------------------------------------------------------------------

const unfold = document.getElementById("unfold");
const folds = () => [...room.querySelectorAll(".card details")];

function offerUnfolding() {
  const all = folds();
  unfold.hidden = all.length < 2;
  unfold.textContent = all.some((fold) => !fold.open) ? "Show all reasons" : "Hide all reasons";
}

unfold.addEventListener("click", () => {
  const all = folds();
  const open = all.some((fold) => !fold.open);
  for (const fold of all) fold.open = open;
  offerUnfolding();
});
room.addEventListener("toggle", offerUnfolding, true);

// -- a link into a fold opens it --------------------------------------------------------------------------------------

function reveal() {
  const target = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!target) return;
  for (let fold = target.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
  target.querySelector("details")?.setAttribute("open", "");
  target.scrollIntoView({ block: "start" });
}

addEventListener("hashchange", reveal);
reveal();

offerUnfolding();
sendOnce();
keepTime();
if (!over) {
  showConnection();
  listen();
  setInterval(() => !stopped && !document.hidden && look(), LOOK_EVERY);
  document.addEventListener("visibilitychange", () => {
    if (document.hidden || stopped || shown >= head) return;
    clearTimeout(timer); // it was put off while nobody looked
    timer = null;
    look(80);
  });
}
