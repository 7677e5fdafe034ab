// Keeps durations and relative times right while a page is open.

const UNITS = [[86400, "day"], [3600, "hour"], [60, "minute"]];

export function ago(iso, now = Date.now()) {
  const seconds = (now - Date.parse(iso)) / 1000;
  for (const [size, name] of UNITS) {
    const count = Math.floor(Math.abs(seconds) / size);
    if (count) {
      const words = `${count} ${name}${count === 1 ? "" : "s"}`;
      return seconds > 0 ? `${words} ago` : `in ${words}`;
    }
  }
  return "just now";
}

export function lasting(seconds) {
  const total = Math.max(0, Math.floor(seconds));
  const two = (number) => String(number).padStart(2, "0");
  const hours = Math.floor(total / 3600);
  const minutes = Math.floor(total / 60) % 60;
  if (hours) return `${hours} h ${two(minutes)} min`;
  return minutes ? `${minutes} min ${two(total % 60)} s` : `${total} s`;
}

function set(element, words) {
  if (element.textContent !== words) element.textContent = words;
}

export function tick() {
  for (const element of document.querySelectorAll("[data-clock]")) {
    set(element, lasting((Date.now() - Date.parse(element.dataset.clock)) / 1000));
  }
  for (const element of document.querySelectorAll("[data-ago]")) {
    set(element, ago(element.dataset.ago || element.getAttribute("datetime")));
  }
}

export function keepTime() {
  setInterval(() => {
    if (!document.hidden) tick();
  }, 1000);
}
