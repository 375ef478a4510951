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

// Rewrites the rows of the positions table; returns their value in minor units.
export function markRows(quotes, currency) {
  const scale = 10 ** places(currency);
  let total = 0;
  for (const row of document.querySelectorAll("[data-position]")) {
    const quote = quotes[row.dataset.position];
    if (!quote) continue;
    const cost = Number(row.dataset.cost);
    const minor = Math.round(Number(row.dataset.quantity) * quote.last * scale);
    const moved = minor - Number(row.dataset.value || minor);
    row.dataset.value = minor;
    total += minor;
    write(row.querySelector("[data-last]"), price(quote.last), moved);
    write(row.querySelector('[data-cell="value"]'), money(minor, currency), moved);
    const profit = row.querySelector('[data-cell="pnl"]');
    write(profit, `${signedMoney(minor - cost, currency)} (${signedPct(cost ? ((minor - cost) * 100) / cost : 0)})`, moved);
    setTone(profit, minor - cost);
  }
  return total;
}

// The tiles' own account of what is held: "SYM:quantity:cost SYM:quantity:cost".
function holdings(tiles) {
  return (tiles.dataset.holdings || "")
    .split(" ")
    .filter(Boolean)
    .map((item) => item.split(":"))
    .map(([symbol, quantity, cost]) => ({ symbol, quantity: Number(quantity), cost: Number(cost) }));
}

// Rewrites the stat tiles; returns the equity in minor units, or null while a quote is missing.
export function markTiles(tiles, quotes, currency) {
  const scale = 10 ** places(currency);
  const held = holdings(tiles);
  if (held.some((item) => !quotes[item.symbol])) return null;
  const value = held.reduce((sum, item) => sum + Math.round(item.quantity * quotes[item.symbol].last * scale), 0);
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
  return equity;
}
