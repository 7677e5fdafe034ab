// Keeps the staff's operations page fresh. Hidden tabs ask nothing; what is focused keeps its focus.
const root = document.getElementById("content-main");
const figures = document.getElementById("figures");
const freshness = document.getElementById("freshness");
const pause = Number(root.dataset.refresh) * 1000;

async function refresh() {
  if (document.hidden || figures.contains(document.activeElement)) return;
  try {
    const answer = await fetch(root.dataset.source, { headers: { Accept: "text/html" } });
    if (answer.redirected || answer.status === 403) {
      location.reload(); // signed out meanwhile
      return;
    }
    if (!answer.ok) throw new Error(String(answer.status));
    figures.innerHTML = await answer.text();
    freshness.textContent = "";
  } catch (error) {
    freshness.textContent = "These figures are old: the board does not answer. Trying again.";
  }
}

setInterval(refresh, pause);
document.addEventListener("visibilitychange", refresh);
