// The list keeps itself current: a stream says that a decision moved, the page then fetches what it looks like now.

import { keepTime } from "./clock.js";
import { morph, parse } from "./morph.js";

const AT_MOST_EVERY = 1000;
const POLL_EVERY = 5000; // only while the live stream cannot be had, and something on the page moves
const REST_AFTER = 60000; // ms hidden until the tab gives its connection back (browsers allow six for a host)
const QUIET = new Set(["connecting", "live"]);

const live = JSON.parse(document.getElementById("live").textContent);
let stream = null;
let lastId = 0; // the first message of a stream always has the list read, so what changed until then is not missed
let state = "connecting";
let lastLook = 0;
let timer = null;

function look() {
  if (timer || document.hidden) return;
  timer = setTimeout(refresh, Math.max(80, lastLook + AT_MOST_EVERY - Date.now()));
}

async function refresh() {
  timer = null;
  lastLook = Date.now();
  const rows = document.getElementById("rows");
  const url = new URL(location.href);
  url.searchParams.set("fragment", "1");
  try {
    const response = await fetch(url, { redirect: "manual", cache: "no-store" });
    if (!response.ok) return; // signed out, busy: the next look tells
    const fresh = parse(await response.text());
    if (fresh) morph(rows, fresh);
  } catch {
    // offline for a moment; the list stays as it was, and the stream tells when it is back
  }
}

async function listen() {
  if (stream) return;
  try {
    const { openStream } = await import("./stream.js");
    stream = openStream(live.url, { lastId, numbered: false, onEvent: look, onState: follow });
  } catch {
    state = "stopped";
  }
}

function follow(now) {
  state = now.state;
  lastId = now.lastId;
}

let rest = null;

document.addEventListener("visibilitychange", () => {
  clearTimeout(rest);
  if (document.hidden) {
    rest = setTimeout(() => {
      lastId = stream?.lastId ?? lastId;
      stream?.close();
      stream = null;
    }, REST_AFTER);
  } else {
    listen();
    look();
  }
});

keepTime();
listen();
setInterval(() => {
  if (!QUIET.has(state) && document.getElementById("rows").hasAttribute("data-moving")) look();
}, POLL_EVERY);
