// The list keeps itself current while something on it moves and somebody looks at it.

import { keepTime } from "./clock.js";
import { morph, parse } from "./morph.js";

const EVERY = 5000;

async function refresh() {
  const rows = document.getElementById("rows");
  if (document.hidden || !rows || !rows.hasAttribute("data-moving")) return;
  const url = new URL(location.href);
  url.searchParams.set("fragment", "1");
  try {
    const response = await fetch(url, { redirect: "manual", cache: "no-store" });
    if (!response.ok) return; // signed out, busy: the next look tells
    const fresh = parse(await response.text());
    if (fresh) morph(rows, fresh);
  } catch {
    // offline for a moment; the list stays as it was
  }
}

keepTime();
setInterval(refresh, EVERY);
document.addEventListener("visibilitychange", refresh);
