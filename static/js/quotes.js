// Live quotes written in place: every [data-quote] holds cells [data-q=last|change|volume|bid|ask|age|source|...].

import { ago, duration, price, setTone, signedPct, write } from "./format.js";
import { Stream } from "./stream.js";

const STALE_MS = 60_000;
const KIND = { simulated: "Simulated", replay: "Replay", polygon: "Polygon.io", alpaca: "Alpaca", finnhub: "Finnhub", alpha_vantage: "Alpha Vantage" };
const newest = new Map();

export function signedPrice(value, decimals) {
  const text = price(Math.abs(value), decimals);
  if (Number(text.replaceAll(",", "")) === 0) return text;
  return (value < 0 ? "\u2212" : "+") + text;
}

function cells(row, name) {
  return row.querySelectorAll(`[data-q="${name}"]`);
}

function put(row, name, text, direction) {
  for (const cell of cells(row, name)) write(cell, text, direction);
}

// The change is from the close before as the page knows it; the event's own stands where the page knows none.
function changeOf(row, quote) {
  const before = Number(row.dataset.previous);
  const last = Number(quote.last);
  if (before) return { pct: ((last - before) / before) * 100, money: last - before };
  return { pct: quote.change_pct === null ? null : Number(quote.change_pct), money: null };
}

function show(row, quote, direction) {
  const decimals = Number(row.dataset.decimals || 2);
  if (quote.last !== null) put(row, "last", price(quote.last, decimals), direction);
  if (quote.bid !== null) put(row, "bid", price(quote.bid, decimals), 0);
  if (quote.ask !== null) put(row, "ask", price(quote.ask, decimals), 0);
  const { pct, money } = changeOf(row, quote);
  if (pct !== null && quote.last !== null) {
    for (const cell of cells(row, "change")) {
      write(cell, signedPct(pct), 0);
      setTone(cell, pct);
    }
    put(row, "change-bare", `(${signedPct(pct)})`, 0);
  }
  if (money !== null) {
    for (const cell of cells(row, "move")) {
      write(cell, signedPrice(money, decimals), 0);
      setTone(cell.parentElement, money);
    }
  }
  if (quote.volume) put(row, "volume", quote.volume.toLocaleString("en-US"), 0);
  put(row, "source", KIND[quote.source] || quote.source, 0);
  row.dataset.at = quote.at;
  for (const time of cells(row, "age")) {
    time.dateTime = quote.at;
    time.dataset.age = "";
  }
}

export function take(quote) {
  const before = newest.get(quote.id);
  if (before && before.at > quote.at) return false;
  newest.set(quote.id, quote);
  const direction = before && before.last !== null ? Number(quote.last) - Number(before.last) : 0;
  for (const row of document.querySelectorAll(`[data-quote="${quote.id}"]`)) {
    let moved = direction;
    if (!before) {
      const shown = row.querySelector('[data-q="last"]');
      moved = shown ? Number(quote.last) - Number(shown.textContent.replaceAll(",", "")) : 0;
    }
    show(row, quote, moved);
  }
  ages();
  return true;
}

// Parts of a page that were fetched again show what is already known.
export function again() {
  for (const quote of newest.values()) {
    for (const row of document.querySelectorAll(`[data-quote="${quote.id}"]`)) show(row, quote, 0);
  }
  ages();
}

export function ages() {
  for (const time of document.querySelectorAll("time[data-age]")) {
    const words = ago(time.dateTime);
    if (time.textContent !== words) time.textContent = words;
  }
  for (const row of document.querySelectorAll("[data-quote][data-at]")) {
    row.classList.toggle("is-old", Date.now() - Date.parse(row.dataset.at) > STALE_MS);
  }
}

export function countdowns() {
  for (const element of document.querySelectorAll("[data-until]")) {
    const left = Date.parse(element.dataset.until) - Date.now();
    const text = left > 0 ? `${element.dataset.untilWord} ${duration(left)}` : `${element.dataset.untilWord} a moment`;
    if (element.textContent !== text) element.textContent = text;
  }
}

class QuoteStream extends Stream {
  // Quiet is no fault here: a closed market has no quotes. Each price says its own age.
  get isPlaying() {
    return true;
  }

  checkStale() {}
}

async function snapshot(channels) {
  const ids = channels.split(",").map((name) => name.slice("quote:".length));
  try {
    const answer = await fetch(`/markets/quotes?ids=${ids.join(",")}`, { headers: { Accept: "application/json" } });
    if (answer.ok) return (await answer.json()).quotes;
  } catch {
    // The stream goes on; the next quote tells.
  }
  return [];
}

// channels: "quote:1,quote:2"; onQuote hears each one that is news.
export function follow(channels, onQuote) {
  setInterval(() => {
    ages();
    countdowns();
  }, 1000);
  ages();
  countdowns();
  if (!channels) return null;
  const hear = (quote) => {
    if (take(quote) && onQuote) onQuote(quote);
  };
  const refresh = async () => (await snapshot(channels)).forEach(hear);
  return new QuoteStream({ channels, status: "running", handlers: { quote: hear, reconnected: refresh, opened: refresh } });
}
