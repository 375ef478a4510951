// The account and agent pages: tiles, positions, curve and decisions, moved by the stream.

import { Feed } from "./board.js";
import { followTrails, markRows, markTiles, readQuotes } from "./book.js";
import { EquityCurve } from "./charts.js";
import "./editors.js";
import "./panels.js";
import { places, price } from "./format.js";
import { Stream } from "./stream.js";
import { Ticket } from "./ticket.js";

// Whoever may not hear of an account's fills as they happen asks again this often.
const WATCH_EVERY = 10_000;

const root = document.getElementById("account");
const { currency } = root.dataset;
const scale = 10 ** places(currency || "USD");
const known = document.getElementById("quotes");
const quotes = known ? JSON.parse(known.textContent) : {};
let curve = null;
let asked = Date.now();

const holder = root.querySelector('[data-chart="equity"]');
if (holder) {
  const points = JSON.parse(document.getElementById("curve").textContent);
  curve = new EquityCurve(holder, points.map(([time, minor]) => [time, minor / scale]), Number(root.dataset.initial) / scale);
}

const form = document.getElementById("ticket");
const ticket = form && new Ticket(form, { quote: (symbol) => quotes[symbol], currency });

function changed() {
  asked = Date.now();
  document.body.dispatchEvent(new CustomEvent("account-changed"));
}

function mark() {
  const tiles = document.getElementById("figures");
  markRows(quotes, currency);
  return tiles ? markTiles(tiles, quotes, currency) : null;
}

function onTick(event) {
  readQuotes(quotes, event);
  if (ticket) ticket.reprice();
  followTrails();
  // A new day begins with another opening equity.
  if (event.phase === 0 && root.dataset.channels.includes("account:")) changed();
  for (const day of document.querySelectorAll('[data-clock="day"]')) day.textContent = event.day + 1;
  const equity = mark();
  if (equity !== null && curve) curve.add(Math.floor(Date.parse(event.at) / 1000), equity / scale);
  const hears = root.dataset.channels.includes("account:");
  if (!hears && !document.hidden && Date.now() - asked > WATCH_EVERY) changed();
}

const list = document.querySelector("[data-feed]");
const feed = list && new Feed(list);

function onDecision(event) {
  if (String(event.account_id) !== root.dataset.account) return;
  if (feed) feed.add(event);
  if (event.status === "filled") changed();
}

document.body.addEventListener("htmx:afterSwap", () => {
  const figures = document.querySelector("[data-account-figures]");
  if (figures && form) form.dataset.buyingPower = figures.dataset.buyingPower;
  if (Object.keys(quotes).length) mark();
  if (ticket) ticket.reprice();
});

function onFill(data) {
  changed();
  const told = root.querySelector("[data-announce]");
  if (told) told.textContent = `${data.side === "buy" ? "Bought" : "Sold"} ${price(data.filled_quantity, 0)} ${data.symbol} at ${price(data.average_price)}`;
}

if (root.dataset.channels) {
  new Stream({
    channels: root.dataset.channels,
    secondsPerTick: root.dataset.seconds,
    status: root.dataset.status,
    handlers: { tick: onTick, fill: onFill, order: changed, decision: onDecision, reconnected: changed },
  });
}
