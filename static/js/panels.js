// The panels of an account are asked for again whenever it changes. A change while an answer is under way is not in that
// answer, and the panel that would ask once more has been swapped out by then: so it is asked for here.

let missed = false;

const panels = () => [...document.querySelectorAll('[hx-trigger*="account-changed"]')];
const isAsking = () => panels().some((panel) => panel.classList.contains("htmx-request"));

document.addEventListener("account-changed", () => {
  if (isAsking()) missed = true;
}, { capture: true });

document.addEventListener("htmx:afterSettle", () => {
  if (!missed || isAsking()) return;
  missed = false;
  document.body.dispatchEvent(new CustomEvent("account-changed"));
});
