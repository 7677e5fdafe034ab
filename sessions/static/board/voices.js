// What is being written right now. Passing words: nobody keeps them, and what counts comes as a card of its own.

const CHAIR = { assess: "The facilitator", synthesis: "The memo", frame: "The question" };
const DOING = { vote: "is making a recommendation" };
const KEEP = 5000; // ms that a finished voice waits for its card

const said = new Map(); // key → { node, persona, text, ended }

/** Takes one `speaking` message: what it says at `at` replaces all from there on. */
export function hear({ key, node, persona, at, text, end }) {
  if (end) {
    const voice = said.get(key);
    if (!voice) return;
    voice.ended = true;
    setTimeout(() => said.get(key) === voice && drop(key), KEEP);
  } else {
    const voice = said.get(key);
    said.set(key, { node, persona, text: (voice?.text ?? "").slice(0, at) + text, ended: false });
  }
  draw();
}

/** The page has taken over what the events brought: finished voices have their cards now. */
export function settle() {
  for (const [key, voice] of said) if (voice.ended) said.delete(key);
  draw();
}

/** The connection is gone, and with it everything that was passing. */
export function hush() {
  said.clear();
  draw();
}

function drop(key) {
  said.delete(key);
  draw();
}

function draw() {
  const place = document.getElementById("voices");
  if (!place) return;
  const gone = new Set([...place.children].map((child) => child.id));
  for (const [key, voice] of said) {
    const id = `voice-${key}`;
    gone.delete(id);
    const seat = voice.persona ? document.querySelector(`.seat[data-persona="${CSS.escape(voice.persona)}"]`) : null;
    const who = seat ? seat.querySelector(".seat-name").textContent : CHAIR[voice.node];
    if (!who || !voice.text) continue;
    const card = document.getElementById(id) ?? place.appendChild(build(id, seat, who, DOING[voice.node] ?? "is writing"));
    write(card, voice);
  }
  for (const id of gone) document.getElementById(id)?.remove();
}

function build(id, seat, who, doing) {
  const card = document.createElement("article");
  card.id = id;
  card.className = "voice";
  const head = card.appendChild(document.createElement("header"));
  const face = seat?.querySelector(".face");
  if (face) head.append(face.cloneNode(true));
  const name = head.appendChild(document.createElement("h4"));
  name.append(who, " ");
  const does = name.appendChild(document.createElement("span"));
  does.className = "faint";
  does.textContent = doing;
  card.appendChild(document.createElement("div")).className = "words";
  return card;
}

function write(card, { text, ended }) {
  const words = card.lastElementChild;
  const lines = text.split("\n");
  const stuck = words.scrollHeight - words.scrollTop - words.clientHeight < 24;
  while (words.children.length > lines.length) words.lastElementChild.remove();
  lines.forEach((line, n) => {
    const row = words.children[n] ?? words.appendChild(document.createElement("p"));
    if (row.textContent !== line) row.textContent = line;
  });
  card.classList.toggle("ended", ended);
  if (stuck) words.scrollTop = words.scrollHeight;
}
