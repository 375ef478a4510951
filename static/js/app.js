// Every page: theme, toasts, menus, tabs, times, countdowns, and what htmx answers with.

import { ago, duration } from "./format.js";

document.addEventListener("click", (event) => {
  const toggle = event.target.closest("[data-theme-toggle]");
  if (toggle) {
    const next = document.documentElement.dataset.theme === "light" ? "dark" : "light";
    document.documentElement.dataset.theme = next;
    document.documentElement.dataset.chosen = "yes";
    try {
      localStorage.setItem("theme", next);
    } catch {
      // A browser that keeps nothing still switches for this page.
    }
    window.dispatchEvent(new Event("themechange"));
  }
  const dismiss = event.target.closest("[data-dismiss]");
  if (dismiss) dismiss.closest("[data-toast]").remove();
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});

// Success messages leave on their own; errors stay until dismissed.
function retire(toast) {
  if (!toast.classList.contains("toast-error")) setTimeout(() => toast.remove(), 6000);
}

export function toast(text, kind = "info") {
  const box = document.createElement("div");
  box.className = `toast toast-${kind}`;
  box.dataset.toast = "";
  const words = document.createElement("span");
  words.textContent = text;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "icon-btn";
  button.dataset.dismiss = "";
  button.setAttribute("aria-label", "Dismiss");
  button.textContent = "\u00d7";
  box.append(words, button);
  document.getElementById("toasts").append(box);
  retire(box);
}

document.querySelectorAll("[data-toast]").forEach(retire);

// Tabs: arrows move, Home and End jump, the panel follows.
function selectTab(list, tab) {
  for (const other of list.querySelectorAll('[role="tab"]')) {
    const on = other === tab;
    other.setAttribute("aria-selected", String(on));
    other.tabIndex = on ? 0 : -1;
    const panel = document.getElementById(other.getAttribute("aria-controls"));
    if (list.hasAttribute("data-tabs") && panel) panel.hidden = !on;
  }
  list.dispatchEvent(new CustomEvent("tabselected", { detail: tab, bubbles: true }));
}

document.addEventListener("click", (event) => {
  const tab = event.target.closest('[role="tab"]');
  if (tab) selectTab(tab.closest('[role="tablist"]'), tab);
});

document.addEventListener("keydown", (event) => {
  const tab = event.target.closest('[role="tab"]');
  if (!tab) return;
  const list = tab.closest('[role="tablist"]');
  const tabs = [...list.querySelectorAll('[role="tab"]')];
  const here = tabs.indexOf(tab);
  const there = { ArrowRight: here + 1, ArrowLeft: here - 1, Home: 0, End: tabs.length - 1 }[event.key];
  if (there === undefined) return;
  event.preventDefault();
  const next = tabs[(there + tabs.length) % tabs.length];
  selectTab(list, next);
  next.focus();
  next.scrollIntoView({ block: "nearest", inline: "nearest" });
});

// Times say how long ago on hover.
document.addEventListener("mouseover", (event) => {
  const time = event.target.closest("time[data-ago]");
  if (time) time.title = ago(time.dateTime);
});

function countDown() {
  for (const element of document.querySelectorAll("[data-countdown]")) {
    const left = Date.parse(element.dataset.countdown) - Date.now();
    const word = element.dataset.countdownWord;
    if (word) element.textContent = left > 0 ? `${word} ${duration(left)}` : "now";
    else element.textContent = left > 0 ? `Starts in ${duration(left)}` : "Starting";
  }
}

if (document.querySelector("[data-countdown]")) {
  countDown();
  setInterval(countDown, 1000);
}

// An order's audit trail opens in place.
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-trail]");
  if (!button) return;
  const row = document.getElementById(button.getAttribute("aria-controls")).parentElement;
  row.hidden = !row.hidden;
  button.setAttribute("aria-expanded", String(!row.hidden));
  button.querySelector("[data-words]").textContent = row.hidden ? "Show" : "Hide";
});

document.body.addEventListener("htmx:responseError", (event) => {
  const status = event.detail.xhr.status;
  if (status === 401 || status === 403) toast("Your session is over. Sign in again, then retry.", "error");
  else toast("That did not work. Nothing was changed; try again in a moment.", "error");
});

document.body.addEventListener("htmx:sendError", () => {
  toast("The server cannot be reached. An order you just sent may not have arrived: check your orders before you send it again.", "error");
});
