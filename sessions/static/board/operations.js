// Keeps the staff's operations page live: over a web socket, and by asking every few seconds while there is none.
// What is focused keeps its focus; hidden tabs ask nothing.
import { morph } from "./morph.js";

const root = document.getElementById("content-main");
const figures = document.getElementById("figures");
const freshness = document.getElementById("freshness");
const pause = Number(root.dataset.refresh) * 1000;
const FORBIDDEN = 4403;
let socket = null;
let heard = 0;
let attempt = 0;

function show(html, words) {
  const next = document.createElement("div");
  next.id = figures.id;
  next.innerHTML = html;
  morph(figures, next);
  say(words);
}

function say(words) {
  if (freshness.textContent !== words) freshness.textContent = words;
}

function connect() {
  const address = new URL(root.dataset.socket, location.href);
  address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  socket = new WebSocket(address);
  socket.addEventListener("message", (event) => {
    heard = Date.now();
    attempt = 0;
    show(event.data, "Live.");
  });
  socket.addEventListener("close", (event) => {
    socket = null;
    if (event.code === FORBIDDEN) {
      location.reload(); // signed out meanwhile, or no longer allowed
      return;
    }
    attempt += 1;
    setTimeout(connect, Math.min(30000, 1000 * 2 ** attempt) * (0.7 + Math.random() * 0.3));
  });
}

async function ask() {
  if (document.hidden) return;
  if (Date.now() - heard < 3 * pause) return;
  if (socket && heard) socket.close(); // open, and silent for too long
  try {
    const answer = await fetch(root.dataset.source, { headers: { Accept: "text/html" } });
    if (answer.redirected || answer.status === 403) {
      location.reload();
      return;
    }
    if (!answer.ok) throw new Error(String(answer.status));
    show(await answer.text(), `Asked every ${root.dataset.refresh} seconds; no live connection.`);
  } catch (error) {
    say("These figures are old: the board does not answer. Trying again.");
  }
}

connect();
setInterval(ask, pause);
document.addEventListener("visibilitychange", ask);
