// Forms are sent once, and a replan that is under way tells by itself when it is done.

import { sendOnce } from "../board/once.js";

sendOnce();

const EVERY = 4000;

async function refresh() {
  const now = document.querySelector("#replan[data-live]");
  if (!now) return;
  if (document.visibilityState === "visible") {
    try {
      const answer = await fetch(`${location.pathname}?fragment=1`, { credentials: "same-origin" });
      if (answer.ok) {
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        const next = page.querySelector("#replan");
        if (next && next.innerHTML !== now.innerHTML && !now.contains(document.activeElement)) now.replaceWith(next);
      }
    } catch {
      // Offline for a moment: the next look will tell.
    }
  }
  setTimeout(refresh, EVERY);
}

setTimeout(refresh, EVERY);
