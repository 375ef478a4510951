// The overview and the watchlists: live quotes, ages, countdowns; a table's filters apply when they are chosen.

import { again, countdowns, follow } from "./quotes.js";

const PULSE_MS = 30_000;
const root = document.querySelector("[data-quotes]");
if (root) follow(root.dataset.quotes);

// Exchanges, movers and the heat map renew themselves while somebody looks.
setInterval(() => {
  if (!document.hidden) document.body.dispatchEvent(new CustomEvent("pulse"));
}, PULSE_MS);

document.body.addEventListener("htmx:afterSwap", (event) => {
  if (!event.target.closest("[data-pulse], [data-list]")) return;
  again();
  countdowns();
});

document.addEventListener("change", (event) => {
  const form = event.target.closest("form.filters");
  if (form) form.requestSubmit();
});
