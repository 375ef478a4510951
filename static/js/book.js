// What an account holds, at the quotes of the last print. For showing only: the server's figures count.

import { money, places, price, setTone, signedMoney, signedPct, write } from "./format.js";

// The quotes of a tick, read into `quotes`: {symbol: {last, bid, ask, change}}. Returns the symbols with what each moved.
export function readQuotes(quotes, event) {
  return Object.entries(event.quotes).map(([symbol, [last, bid, ask, change]]) => {
    const before = quotes[symbol] ? quotes[symbol].last : Number(last);
    quotes[symbol] = { last: Number(last), bid: Number(bid), ask: Number(ask), change: Number(change) };
    return [symbol, quotes[symbol].last - before];
  });
}

// Rewrites the rows of the positions table, their total and the exposure; returns their value in minor units.
export function markRows(quotes, currency) {
  const scale = 10 ** places(currency);
  let [total, long, short, costs, days] = [0, 0, 0, 0, 0];
  for (const row of document.querySelectorAll("[data-position]")) {
    const quote = quotes[row.dataset.position];
    if (!quote) continue;
    const cost = Number(row.dataset.cost);
    const minor = Math.round(Number(row.dataset.quantity) * quote.last * Number(row.dataset.fx || 1) * scale);
    const moved = minor - Number(row.dataset.value || minor);
    row.dataset.value = minor;
    total += minor;
    costs += cost;
    if (minor > 0) long += minor;
    else short += minor;
    write(row.querySelector("[data-last]"), price(quote.last), moved);
    write(row.querySelector('[data-cell="value"]'), money(minor, currency), moved);
    const profit = row.querySelector('[data-cell="pnl"]');
    write(profit, `${signedMoney(minor - cost, currency)} (${signedPct(cost ? ((minor - cost) * 100) / Math.abs(cost) : 0)})`, moved);
    setTone(profit, minor - cost);
    const day = row.querySelector('[data-cell="day"]');
    if (day) {
      const today = minor - Number(row.dataset.previous);
      days += today;
      write(day, signedMoney(today, currency), moved);
      setTone(day, today);
    }
  }
  markTotals({ total, long, short, costs, days }, currency);
  return total;
}

// The last row of the table, and what is long and short.
function markTotals({ total, long, short, costs, days }, currency) {
  const value = document.querySelector('[data-total="value"]');
  if (value) write(value, money(total, currency), 0);
  const day = document.querySelector('[data-total="day"]');
  if (day) {
    write(day, signedMoney(days, currency), 0);
    setTone(day, days);
  }
  const profit = document.querySelector('[data-total="pnl"]');
  if (profit) {
    const whole = Number(profit.dataset.cost);
    write(profit, `${signedMoney(total - costs, currency)} (${whole ? signedPct(((total - costs) * 100) / whole) : "\u2013"})`, 0);
    setTone(profit, total - costs);
  }
  for (const [name, minor] of Object.entries({ long, short, net: long + short, gross: long - short })) {
    const figure = document.querySelector(`[data-exposure-of="${name}"]`);
    if (figure) write(figure, money(minor, currency), 0);
  }
}

// A trailing stop follows the price on the server: ask for the orders again, at most so often.
const TRAILS_EVERY = 4000;
let trailed = 0;

export function followTrails() {
  if (Date.now() - trailed < TRAILS_EVERY || document.hidden || !document.querySelector("#orders [data-trailing]")) return;
  trailed = Date.now();
  document.body.dispatchEvent(new CustomEvent("trails-moved"));
}

// The tiles' own account of what is held: "SYM:quantity:cost:rate SYM:quantity:cost:rate".
function holdings(tiles) {
  return (tiles.dataset.holdings || "")
    .split(" ")
    .filter(Boolean)
    .map((item) => item.split(":"))
    .map(([symbol, quantity, cost, fx]) => ({ symbol, quantity: Number(quantity), cost: Number(cost), fx: Number(fx || 1) }));
}

// Rewrites the stat tiles; returns the equity in minor units, or null while a quote is missing.
export function markTiles(tiles, quotes, currency) {
  const scale = 10 ** places(currency);
  const held = holdings(tiles);
  if (held.some((item) => !quotes[item.symbol])) return null;
  const value = held.reduce((sum, item) => sum + Math.round(item.quantity * quotes[item.symbol].last * item.fx * scale), 0);
  const open = value - held.reduce((sum, item) => sum + item.cost, 0);
  const equity = Number(tiles.dataset.cash) + value;
  const initial = Number(tiles.dataset.initial);
  const figure = (name, text, signed) => {
    const element = tiles.querySelector(`[data-me="${name}"]`);
    const before = Number(element.dataset.minor || equity);
    write(element, text, equity - before);
    element.dataset.minor = equity;
    if (signed !== undefined) setTone(element, signed);
  };
  figure("equity", money(equity, currency));
  figure("pnl", `${signedMoney(equity - initial, currency)} (${signedPct(((equity - initial) * 100) / initial)})`, equity - initial);
  figure("unrealized", signedMoney(open, currency), open);
  const day = tiles.querySelector('[data-me="day"]');
  if (day && day.dataset.open) figure("day", signedMoney(equity - Number(day.dataset.open), currency), equity - Number(day.dataset.open));
  return equity;
}
