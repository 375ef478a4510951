// Web push on the settings page: ask the browser, tell the server, say how it stands.

const box = document.querySelector("[data-push]");
const key = box && box.dataset.key;
const words = box && box.querySelector("[data-push-words]");
const button = box && box.querySelector("[data-push-switch]");
const API = "/api/v1/me/push-subscriptions";

function bytes(text) {
  const raw = atob(text.replace(/-/g, "+").replace(/_/g, "/") + "=".repeat((4 - (text.length % 4)) % 4));
  return Uint8Array.from(raw, (char) => char.charCodeAt(0));
}

async function send(method, body) {
  const headers = { "Content-Type": "application/json", ...JSON.parse(document.body.getAttribute("hx-headers")) };
  const answer = await fetch(API, { method, headers, credentials: "same-origin", body: JSON.stringify(body) });
  if (answer.ok) return;
  const told = await answer.json().catch(() => ({}));
  throw new Error(told.message || "The server did not take it. Try again.");
}

async function state() {
  const worker = await navigator.serviceWorker.getRegistration("/");
  return worker ? worker.pushManager.getSubscription() : null;
}

async function show() {
  const on = await state();
  button.hidden = false;
  button.dataset.on = on ? "yes" : "";
  button.textContent = on ? "Switch off" : "Switch on";
  if (Notification.permission === "denied") {
    button.hidden = true;
    words.textContent = "This browser refuses notifications from us. Allow them in its settings for this site first.";
  } else {
    words.textContent = on
      ? "On. Shows notifications also when no page of ours is open."
      : "Off. Shows notifications also when no page of ours is open.";
  }
}

async function on() {
  if ((await Notification.requestPermission()) !== "granted") return;
  await navigator.serviceWorker.register("/sw.js", { scope: "/" });
  const worker = await navigator.serviceWorker.ready;
  const made = await worker.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: bytes(key) });
  const { endpoint, keys } = made.toJSON();
  try {
    await send("POST", { endpoint, p256dh: keys.p256dh, auth: keys.auth });
  } catch (error) {
    await made.unsubscribe();
    throw error;
  }
}

async function off() {
  const made = await state();
  if (!made) return;
  await send("DELETE", { endpoint: made.endpoint });
  await made.unsubscribe();
}

async function change() {
  button.disabled = true;
  try {
    await (button.dataset.on ? off() : on());
    await show();
  } catch (error) {
    words.textContent = error.message || "The browser did not allow it.";
  }
  button.disabled = false;
}

if (key) {
  if (!("serviceWorker" in navigator) || !("PushManager" in window)) {
    words.textContent = "This browser does not take web push.";
  } else {
    button.addEventListener("click", change);
    show();
  }
}
