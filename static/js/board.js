// The leaderboard and the decisions feed, updated in place.

import { marketTime, money, setTone, signedPct, sparkline, write } from "./format.js";

const FEED_LENGTH = 40;

export class Board {
  constructor(table) {
    this.table = table;
    this.top = table.querySelector("[data-board-top]");
    this.pinned = table.querySelector("[data-board-me]");
    this.currency = table.dataset.currency;
    this.initial = Number(table.dataset.initial);
    this.me = table.dataset.me;
    this.limit = this.top.querySelectorAll("tr[data-account]").length || 20;
    this.points = new Map();
    for (const svg of table.querySelectorAll("tr[data-account] .spark")) {
      const raw = svg.dataset.points;
      if (raw) this.points.set(svg.closest("tr").dataset.account, raw.split(",").map(Number));
    }
  }

  // rows: {rank, previous_rank, account_id, name, kind, value_minor, return_pct, trades}
  update(rows) {
    const here = new Map([...this.top.querySelectorAll("tr[data-account]")].map((row) => [row.dataset.account, row]));
    const shown = rows.slice(0, Math.max(this.limit, 1));
    const order = [];
    for (const row of shown) {
      const id = String(row.account_id);
      const element = here.get(id) || this.create(row);
      if (!element) continue;
      here.delete(id);
      this.fill(element, row);
      order.push(element);
    }
    for (const gone of here.values()) gone.remove();
    order.forEach((element, index) => {
      if (this.top.children[index] !== element) this.top.insertBefore(element, this.top.children[index] || null);
    });
    for (const extra of [...this.top.children].slice(order.length)) extra.remove();
    this.pin(rows, shown);
  }

  pin(rows, shown) {
    if (!this.pinned || !this.me) return;
    const mine = rows.find((row) => String(row.account_id) === this.me);
    const inTop = shown.some((row) => String(row.account_id) === this.me);
    const row = this.pinned.querySelector("tr");
    if (inTop && row) row.remove();
    if (!inTop && row && mine) this.fill(row, mine);
  }

  create(row) {
    const template = document.getElementById("board-row");
    if (!template || !this.table.querySelector("th.c-spark")) return null;
    const element = template.content.firstElementChild.cloneNode(true);
    element.dataset.account = row.account_id;
    if (String(row.account_id) === this.me) element.classList.add("is-me");
    const badge = element.querySelector('[data-cell="badge"]');
    if (row.kind === "agent") badge.replaceWith(document.getElementById("agent-badge").content.firstElementChild.cloneNode(true));
    else badge.textContent = row.name.slice(0, 1).toUpperCase();
    element.querySelector('[data-cell="name"]').textContent = row.name;
    return element;
  }

  fill(element, row) {
    const cell = (name) => element.querySelector(`[data-cell="${name}"]`);
    const value = cell("value");
    const before = Number(value.dataset.minor || row.value_minor);
    value.dataset.minor = row.value_minor;
    cell("rank").textContent = row.rank || "\u2013";
    write(value, money(row.value_minor, this.currency), row.value_minor - before);
    const back = cell("return");
    back.textContent = signedPct(row.return_pct);
    setTone(back, Number(row.return_pct));
    if (cell("trades")) cell("trades").textContent = row.trades;
    this.move(cell("move"), row);
    this.spark(cell("spark"), row);
  }

  move(holder, row) {
    if (!holder) return;
    holder.textContent = "";
    const places = row.rank && row.previous_rank ? row.previous_rank - row.rank : 0;
    if (!places) return;
    const mark = document.createElement("span");
    mark.textContent = String(Math.abs(places));
    setTone(mark, places);
    mark.title = places > 0 ? `up ${places}` : `down ${-places}`;
    holder.append(mark);
  }

  spark(holder, row) {
    if (!holder) return;
    const id = String(row.account_id);
    const points = this.points.get(id) || [];
    points.push(row.value_minor);
    if (points.length > 60) points.shift();
    this.points.set(id, points);
    let svg = holder.querySelector("svg");
    if (!svg) {
      svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
      svg.setAttribute("viewBox", "0 0 72 22");
      svg.setAttribute("preserveAspectRatio", "none");
      svg.setAttribute("aria-hidden", "true");
      holder.append(svg);
    }
    sparkline(svg, points, this.initial);
  }
}

export class Feed {
  constructor(list) {
    this.list = list;
  }

  // {id, agent_name, action, symbol, quantity, reason, confidence, outcome, market_at}
  add(decision) {
    const known = this.list.querySelector(`[data-decision="${CSS.escape(String(decision.id))}"]`);
    const row = known || document.getElementById("decision-row").content.firstElementChild.cloneNode(true);
    const cell = (name) => row.querySelector(`[data-cell="${name}"]`);
    if (!known) {
      row.dataset.decision = decision.id;
      cell("agent").textContent = decision.agent_name;
      const action = cell("action");
      const words = decision.action.charAt(0).toUpperCase() + decision.action.slice(1);
      action.textContent = decision.action === "hold" ? words : `${words} ${Number(decision.quantity)} ${decision.symbol}`;
      action.classList.add(decision.action === "buy" ? "side-buy" : decision.action === "sell" ? "side-sell" : "soft");
      cell("reason").textContent = decision.reason;
      cell("at").textContent = marketTime(decision.market_at);
      cell("at").dateTime = decision.market_at;
      this.confidence(cell("conf"), decision.confidence);
      row.classList.add("decision-in");
      if (!this.list.querySelector("[data-decision]")) this.list.textContent = "";
      this.list.prepend(row);
      for (const old of [...this.list.children].slice(FEED_LENGTH)) old.remove();
    }
    this.outcome(cell("outcome"), decision.outcome);
  }

  confidence(holder, value) {
    if (value === null || value === undefined) return;
    holder.hidden = false;
    holder.querySelector("progress").value = value;
    holder.querySelector(".num").textContent = `${value}%`;
  }

  outcome(chip, value) {
    if (!chip || !value) return;
    chip.hidden = false;
    chip.textContent = value.replaceAll("_", " ");
    chip.classList.toggle("chip-up", value === "filled");
    chip.classList.toggle("chip-down", value === "denied");
  }
}
