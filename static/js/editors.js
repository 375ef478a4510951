// Forms that open in place under a row: changing an order, closing a part of a position, protecting it. Without this
// script their buttons are links to the same forms on a page of their own.

function rowOf(opener) {
  return document.getElementById(opener.getAttribute("aria-controls")).parentElement;
}

function openerOf(row) {
  return document.querySelector(`[data-editor][aria-controls="${row.firstElementChild.id}"]`);
}

function toggle(opener, open) {
  const row = rowOf(opener);
  row.hidden = !open;
  opener.setAttribute("aria-expanded", String(open));
  if (open) return;
  row.firstElementChild.replaceChildren();
  caughtUp(row);
}

// What changed while somebody was at work in a table shows now.
function caughtUp(inside) {
  const table = inside.closest("[data-waits]");
  if (!table) return;
  table.removeAttribute("data-waits");
  document.body.dispatchEvent(new CustomEvent("account-changed"));
}

document.addEventListener("change", (event) => {
  if (event.target.matches(".cancel-all [type=checkbox]") && !event.target.checked) caughtUp(event.target);
});

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-editor]");
  if (opener) toggle(opener, opener.getAttribute("aria-expanded") !== "true");
});

// A second click closes the form: nothing needs to be fetched for that.
document.body.addEventListener("htmx:confirm", (event) => {
  const opener = event.target.closest && event.target.closest("[data-editor]");
  if (opener && opener.getAttribute("aria-expanded") === "true") event.preventDefault();
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const row = event.target.closest && event.target.closest(".editor-row");
  if (!row) return;
  const opener = openerOf(row);
  toggle(opener, false);
  opener.focus();
});

document.body.addEventListener("htmx:afterSwap", (event) => {
  const row = event.detail.target.closest(".editor-row");
  if (row) row.scrollIntoView({ block: "nearest" });
});

// A form that was taken has done its work: it closes, and the table shows what became of it. One that was refused stays.
document.body.addEventListener("htmx:afterRequest", (event) => {
  if (event.target.matches && event.target.matches(".cancel-all")) {
    event.target.reset();
    caughtUp(event.target);
  }
  const row = event.target.closest && event.target.closest(".editor-row");
  if (!row || event.target.tagName !== "FORM" || !event.detail.successful) return;
  const opener = openerOf(row);
  toggle(opener, false);
  opener.focus();
});

// Where somebody holds a button down: a table that is replaced between press and release would lose the click.
let pressed = null;
document.addEventListener("pointerdown", (event) => {
  pressed = event.target.closest("#positions, #orders");
});
for (const name of ["pointerup", "pointercancel"]) {
  document.addEventListener(name, () => {
    const table = pressed;
    pressed = null;
    // The click comes first, and may open a form.
    if (table) setTimeout(() => inUse(table) || caughtUp(table));
  });
}

function inUse(table) {
  return pressed === table || table.querySelector(".editor-row:not([hidden]), .cancel-all :checked") !== null;
}

// A table is not replaced under somebody who is typing in it, or has ticked what they are about to send.
document.body.addEventListener("htmx:beforeSwap", (event) => {
  const { target } = event.detail;
  if (!["positions", "orders"].includes(target.id)) return;
  if (inUse(target)) {
    event.detail.shouldSwap = false;
    target.setAttribute("data-waits", "");
  }
});
