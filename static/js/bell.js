// The bell: its count goes on by itself, and its panel is fetched when it opens. One page of a browser listens to the
// stream for all of them (Web Locks); it tells the others by a broadcast.

const bell = document.querySelector("[data-bell]");
const user = bell.dataset.user;
const button = bell.querySelector("[data-bell-button]");
const badge = bell.querySelector("[data-bell-count]");
const panel = bell.querySelector("[data-bell-panel]");
const said = document.querySelector("[data-bell-said]");
const others = "BroadcastChannel" in window ? new BroadcastChannel(`bell-${user}`) : null;
const MAX_WAIT = 60000;
const SAY_EVERY = 10000;
let unread = Number(badge.dataset.unread || 0);
let heard = 0;
let lastSaid = 0;
let sayTimer = 0;
let lastTitle = "";

function show(next) {
  unread = Math.max(0, next);
  const text = unread > 99 ? "99+" : String(unread);
  if (badge.textContent !== text) badge.textContent = text;
  badge.hidden = unread === 0;
  const words = unread > 99 ? "more than 99" : text;
  button.setAttribute("aria-label", unread ? `Notifications, ${words} unread` : "Notifications");
}

// Said aloud at most once in ten seconds: one by its title, several as a number.
function say() {
  sayTimer = 0;
  lastSaid = Date.now();
  said.textContent = heard === 1 ? `Notification: ${lastTitle}` : `${heard} new notifications`;
  heard = 0;
}

function refresh() {
  if (bell.open && window.htmx) window.htmx.trigger(panel, "bell-open");
}

function take(name, data) {
  if (name === "notice") {
    show(unread + 1);
    heard += 1;
    lastTitle = data.title;
    if (!sayTimer) sayTimer = setTimeout(say, Math.max(500, lastSaid + SAY_EVERY - Date.now()));
    refresh();
  }
  if (name === "read") show(data.unread);
}

bell.addEventListener("toggle", refresh);
// What is pressed stays under the pointer: a list that arrives between press and release would lose the click.
panel.addEventListener("pointerdown", (event) => {
  if (window.htmx && event.target.closest("a, button")) window.htmx.trigger(panel, "htmx:abort");
});
document.addEventListener("htmx:afterSwap", (event) => {
  const inner = panel.contains(event.target) && panel.querySelector("[data-unread]");
  if (inner) show(Number(inner.dataset.unread));
});
if (others) others.addEventListener("message", (event) => take(event.data.name, event.data.data));

async function count() {
  const answer = await fetch(bell.dataset.countUrl, { headers: { Accept: "application/json" }, credentials: "same-origin" });
  if (!answer.ok || answer.redirected) return;
  const data = await answer.json();
  show(data.unread);
  if (others) others.postMessage({ name: "read", data });
}

let source = null;
let tries = 0;
let timer = 0;

async function open() {
  clearTimeout(timer);
  if (source) return;
  try {
    const query = new URLSearchParams({ channels: `person:${user}` });
    const answer = await fetch(`/stream-token?${query}`, { headers: { Accept: "application/json" }, credentials: "same-origin" });
    // Signed out elsewhere: this page hears nothing more.
    if (answer.status === 401 || answer.status === 403) return;
    if (!answer.ok) throw new Error(`stream token: ${answer.status}`);
    query.set("token", (await answer.json()).token);
    source = new EventSource(`${document.body.dataset.stream}/events?${query}`);
  } catch {
    again();
    return;
  }
  source.onopen = () => {
    if (tries > 0) count();
    tries = 0;
  };
  source.onerror = () => {
    close();
    again();
  };
  source.addEventListener("overflow", count);
  for (const name of ["notice", "read"]) {
    source.addEventListener(name, (event) => {
      const data = JSON.parse(event.data);
      take(name, data);
      if (others) others.postMessage({ name, data });
    });
  }
}

function close() {
  if (source) source.close();
  source = null;
}

function again() {
  const wait = Math.min(MAX_WAIT, 2000 * 2 ** tries) * (0.7 + Math.random() * 0.6);
  tries += 1;
  timer = setTimeout(open, wait);
}

window.addEventListener("pagehide", close);
window.addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  count();
  if (!navigator.locks) open();
});

if (navigator.locks) {
  navigator.locks.request(`bell-${user}`, () => {
    tries = tries || 0;
    open();
    return new Promise(() => {});
  });
} else {
  open();
}
