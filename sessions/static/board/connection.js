// The state of the live connection, in words, where everyone can see it.

const STOPPED = {
  401: "signed out – reload the page to sign in again",
  403: "signed out – reload the page to sign in again",
  404: "this decision can no longer be read",
  410: "this decision can no longer be read",
};

function say(light, words) {
  const place = document.getElementById("connection");
  if (!place || place.textContent === words) return;
  place.dataset.state = light;
  place.textContent = words;
}

export function stopped(status) {
  const words = STOPPED[status] ?? "stopped – reload the page to connect again";
  say("lost", words);
  return words;
}

/** `news` is what the stream reports; `missed` counts events replayed since the connection came back, or is null. */
export function show({ state, seconds }, missed = null) {
  if (state === "live" && missed !== null) say("trouble", missed ? `catching up (${missed} missed)` : "catching up");
  else if (state === "live") say("live", "live");
  else if (state === "connecting") say("none", missed === null ? "connecting …" : "reconnecting …");
  else if (state === "waiting") say("trouble", `reconnecting in ${seconds} s`);
  else if (state === "offline") say("trouble", "offline – this device has no network");
  else if (state === "polling") say("live", "looking every few seconds");
  else if (state === "resting") say("none", "resting while the tab is hidden");
  else if (state === "ended") say("ended", "ended, nothing more to come");
}
