// The state of the live connection, in words, where everyone can see it.

const element = () => document.getElementById("connection");

let countdown = null;

function say(state, words) {
  clearInterval(countdown);
  const place = element();
  if (!place) return;
  place.dataset.state = state;
  place.textContent = words;
}

export function live() {
  say("live", "live");
}

export function connecting() {
  say("none", "connecting …");
}

export function reconnecting(milliseconds = 0) {
  const until = Date.now() + milliseconds;
  const words = () => {
    const seconds = Math.ceil((until - Date.now()) / 1000);
    return seconds > 0 ? `reconnecting in ${seconds} s` : "reconnecting …";
  };
  say("trouble", words());
  if (milliseconds > 0) {
    countdown = setInterval(() => {
      const place = element();
      if (place) place.textContent = words();
    }, 500);
  }
}

export function catchingUp(missed) {
  say("trouble", `catching up (${missed} missed)`);
}

export function polling(seconds) {
  say("live", `looking every ${seconds} seconds`);
}

export function ended() {
  say("ended", "ended, nothing more to come");
}

export function lost(words) {
  say("lost", words);
}
