// The contest page: candles, prices, positions, leaderboard and decisions, all moved by one stream.

import { Board, Feed } from "./board.js";
import { followTrails, markRows, readQuotes } from "./book.js";
import { Candles } from "./charts.js";
import { marketTime, money, price, setTone, signedMoney, signedPct, write } from "./format.js";
import { Stream } from "./stream.js";
import "./editors.js";
import "./panels.js";
import { Ticket } from "./ticket.js";

const root = document.getElementById("contest");
const { currency } = root.dataset;
const initial = Number(root.dataset.initial);
const quotes = JSON.parse(document.getElementById("quotes").textContent);
const all = (selector, base = document) => base.querySelectorAll(selector);
const one = (selector, base = document) => base.querySelector(selector);
const state = { symbol: root.dataset.selected, tick: null, cash: Number(root.dataset.cash || 0) };

// ---- Chart ----
const chart = new Candles(one('[data-chart="candles"]'));
chart.load(JSON.parse(document.getElementById("bars").textContent));

// A replay's candles are days, a live market's minutes (in epoch seconds).
const isLive = root.dataset.kind !== "replay";
const barTime = (at) => (isLive ? Math.floor(Date.parse(at) / 60_000) * 60 : at.slice(0, 10));

function ownFills() {
  return [...all("[data-fill]")]
    .filter((row) => row.dataset.symbol === state.symbol)
    .map((row) => ({ time: barTime(row.dataset.at), side: row.dataset.side, price: Number(row.dataset.price), quantity: row.dataset.quantity }));
}

function showQuote(direction) {
  const quote = quotes[state.symbol];
  one(".chart-quote").hidden = !quote;
  if (!quote) return;
  const part = (name) => one(`[data-chart="${name}"]`);
  write(part("last"), price(quote.last), direction);
  write(part("bid"), price(quote.bid));
  write(part("ask"), price(quote.ask));
  part("change").textContent = signedPct(quote.change);
  setTone(part("change"), quote.change);
}

async function loadBars() {
  const symbol = state.symbol;
  const answer = await fetch(`/markets/${root.dataset.market}/candles/${encodeURIComponent(symbol)}`);
  if (!answer.ok || symbol !== state.symbol) return;
  chart.load((await answer.json()).bars);
  chart.mark(ownFills());
}

function select(symbol) {
  if (symbol === state.symbol) return;
  state.symbol = symbol;
  const tab = one(`[data-symbols] [data-symbol="${CSS.escape(symbol)}"]`);
  one('[data-chart="symbol"]').textContent = symbol;
  one('[data-chart="name"]').textContent = tab.dataset.name;
  one('[data-chart="last"]').textContent = "";
  showQuote();
  loadBars();
}

one("[data-symbols]").addEventListener("tabselected", (event) => {
  select(event.detail.dataset.symbol);
  if (ticket) ticket.select(event.detail.dataset.symbol);
});

// ---- Positions and my equity ----
function markPositions() {
  const value = markRows(quotes, currency);
  if (!root.dataset.account) return;
  const equity = state.cash + value;
  const change = equity - initial;
  const pnl = one('[data-me="pnl"]');
  write(one('[data-me="equity"]'), money(equity, currency), equity - (state.equity ?? equity));
  state.equity = equity;
  pnl.textContent = `${signedMoney(change, currency)} (${signedPct((change * 100) / initial)})`;
  setTone(pnl, change);
}

// ---- Ticket ----
const form = document.getElementById("ticket");
const ticket = form && new Ticket(form, { quote: (symbol) => quotes[symbol], currency });
if (ticket) {
  ticket.symbol.addEventListener("change", () => {
    const tab = one(`[data-symbols] [data-symbol="${CSS.escape(ticket.symbol.value)}"]`);
    for (const other of all("[data-symbols] [role=tab]")) {
      other.setAttribute("aria-selected", String(other === tab));
      other.tabIndex = other === tab ? 0 : -1;
    }
    tab.scrollIntoView({ block: "nearest", inline: "nearest" });
    select(ticket.symbol.value);
  });
}

const changed = () => document.body.dispatchEvent(new CustomEvent("account-changed"));

// Partials that were swapped in carry the account's cash and counts.
document.body.addEventListener("htmx:afterSwap", () => {
  const figures = one("[data-account-figures]");
  if (figures) {
    state.cash = Number(figures.dataset.cash);
    if (form) form.dataset.buyingPower = figures.dataset.buyingPower;
  }
  for (const count of all("[data-count-of]")) {
    const holder = document.getElementById(count.dataset.countOf);
    if (holder) count.textContent = holder.dataset.count;
  }
  markPositions();
  chart.mark(ownFills());
  if (ticket) ticket.reprice();
});

// What went well steps aside; a refusal stays until the next try.
document.body.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target.id !== "ticket-result") return;
  const done = one(".notice:not(.notice-down)", event.detail.target);
  if (done) setTimeout(() => done.remove(), 8000);
});

// ---- Live ----
const board = new Board(one("[data-board]"));
const feed = new Feed(one("[data-feed]"));

function onTick(data) {
  const date = barTime(data.at);
  const missed = state.tick !== null && data.tick > state.tick + 1;
  for (const [symbol, moved] of readQuotes(quotes, data)) {
    const quote = quotes[symbol];
    const name = CSS.escape(symbol);
    write(one(`[data-symbols] [data-last="${name}"]`), price(quote.last), moved);
    const cell = one(`[data-change="${name}"]`);
    if (cell) {
      cell.textContent = signedPct(quote.change);
      setTone(cell, quote.change);
    }
    if (symbol === state.symbol) showQuote(moved);
  }
  if (missed) loadBars();
  else if (quotes[state.symbol]) chart.tick(date, quotes[state.symbol].last, !isLive && data.phase === 0);
  state.tick = data.tick;
  for (const day of all('[data-clock="day"]')) day.textContent = data.day + 1;
  one('[data-clock="at"]').textContent = marketTime(data.at);
  one('[data-clock="phase"]').textContent = data.phase === 0 ? "open" : data.close ? "close" : "trading";
  const progress = one('[data-clock="progress"]');
  if (progress) progress.value = data.tick + 1;
  markPositions();
  followTrails();
  // A new day counts from another close.
  if (data.phase === 0 && root.dataset.account) changed();
  if (ticket) ticket.reprice();
}

function onFill(data) {
  changed();
  const words = `${data.side === "buy" ? "Bought" : "Sold"} ${price(data.filled_quantity, 0)} ${data.symbol} at ${price(data.average_price)}`;
  one("[data-announce]").textContent = words;
}

new Stream({
  channels: root.dataset.channels,
  secondsPerTick: root.dataset.seconds,
  status: root.dataset.status,
  handlers: {
    tick: onTick,
    comment: (data) => document.body.dispatchEvent(new CustomEvent("arena:comment", { detail: data })),
    standings: (data) => {
      board.update(data.rows);
      one("[data-participants]").textContent = price(data.total, 0);
    },
    decision: (data) => feed.add(data),
    order: changed,
    fill: onFill,
    status: (data) => {
      if (data.slug && data.status !== root.dataset.status) setTimeout(() => window.location.reload(), 800);
    },
    reconnected: () => {
      loadBars();
      changed();
    },
  },
});

showQuote();
markPositions();
chart.mark(ownFills());
