// The leaderboard and the decisions feed, updated in place.

import { initials, marketTime, money, places, price, setTone, signedPct, sparkline, write } from "./format.js";

const FEED_LENGTH = 40;
const MINE_EVERY = 3000;

export class Board {
  constructor(table) {
    this.table = table;
    this.top = table.querySelector("[data-board-top]");
    this.pinned = table.querySelector("[data-board-me]");
    this.currency = table.dataset.currency;
    this.initial = Number(table.dataset.initial);
    this.me = table.dataset.me;
    this.limit = Number(table.dataset.rows) || 10;
    this.asked = 0;
    this.points = new Map();
    for (const svg of table.querySelectorAll("tr[data-account] .spark")) {
      const raw = svg.dataset.points;
      if (raw) this.points.set(svg.closest("tr").dataset.account, raw.split(",").map(Number));
    }
  }

  // rows as pushed: {rank, prev, account_id, name, kind, value, return_pct, trades}
  update(pushed) {
    const scale = 10 ** places(this.currency);
    const rows = pushed.map((row) => ({ ...row, value_minor: Math.round(Number(row.value) * scale) }));
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

  // The viewer's own row, under the top when it is not in it.
  pin(rows, shown) {
    if (!this.pinned || !this.me) return;
    const isMine = (row) => String(row.account_id) === this.me;
    if (shown.some(isMine)) {
      this.pinned.textContent = "";
      return;
    }
    const mine = rows.find(isMine);
    if (mine) this.pinMine(mine);
    else this.askForMine();
  }

  pinMine(mine) {
    let row = this.pinned.querySelector("tr");
    if (!row) {
      row = this.create(mine);
      if (!row) return;
      row.classList.add("is-pinned");
      this.pinned.append(row);
    }
    this.fill(row, mine);
  }

  // Whoever is below the rows that are pushed asks for their own, at most once in three seconds.
  async askForMine() {
    if (!this.table.dataset.mineUrl || document.hidden || Date.now() - this.asked < MINE_EVERY) return;
    this.asked = Date.now();
    const answer = await fetch(this.table.dataset.mineUrl, { headers: { Accept: "application/json" } }).catch(() => null);
    if (!answer || !answer.ok) return;
    const { row } = await answer.json();
    const scale = 10 ** places(this.currency);
    if (row) this.pinMine({ ...row, value_minor: Math.round(Number(row.value) * scale) });
  }

  create(row) {
    const template = document.getElementById("board-row");
    if (!template || !this.table.querySelector("th.c-spark")) return null;
    const element = template.content.firstElementChild.cloneNode(true);
    element.dataset.account = row.account_id;
    if (String(row.account_id) === this.me) element.classList.add("is-me");
    const badge = element.querySelector('[data-cell="badge"]');
    if (row.kind === "agent") badge.replaceWith(document.getElementById("agent-badge").content.firstElementChild.cloneNode(true));
    else badge.textContent = initials(row.name);
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
    back.textContent = row.score || signedPct(row.return_pct);
    setTone(back, Number(row.return_pct));
    if (cell("trades")) cell("trades").textContent = row.trades;
    this.move(cell("move"), row);
    this.spark(cell("spark"), row);
  }

  move(holder, row) {
    if (!holder) return;
    holder.textContent = "";
    const moved = row.rank && row.prev ? row.prev - row.rank : 0;
    if (!moved) return;
    const mark = document.createElement("span");
    mark.textContent = String(Math.abs(moved));
    setTone(mark, moved);
    mark.title = moved > 0 ? `up ${moved}` : `down ${-moved}`;
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

  // as pushed: {account_id, name, action, symbol, quantity, reason, confidence, status, tick, at}
  add(decision) {
    const key = `${decision.account_id}-${decision.tick}-${decision.action}-${decision.symbol}`;
    if (this.list.querySelector(`[data-decision="${CSS.escape(key)}"]`)) return;
    const row = document.getElementById("decision-row").content.firstElementChild.cloneNode(true);
    const cell = (name) => row.querySelector(`[data-cell="${name}"]`);
    row.dataset.decision = key;
    cell("agent").textContent = decision.name;
    const action = cell("action");
    const words = decision.action.charAt(0).toUpperCase() + decision.action.slice(1);
    action.textContent = decision.action === "hold" ? words : `${words} ${price(decision.quantity, 0)} ${decision.symbol}`;
    action.classList.add(decision.action === "buy" ? "side-buy" : decision.action === "sell" ? "side-sell" : "soft");
    cell("reason").textContent = decision.reason;
    cell("at").textContent = marketTime(decision.at);
    cell("at").dateTime = decision.at;
    this.confidence(cell("conf"), Math.round(Number(decision.confidence) * 100));
    this.outcome(cell("outcome"), decision.status);
    row.classList.add("decision-in");
    if (!this.list.querySelector("[data-decision]")) this.list.textContent = "";
    this.list.prepend(row);
    for (const old of [...this.list.children].slice(FEED_LENGTH)) old.remove();
  }

  confidence(holder, percent) {
    if (!Number.isFinite(percent)) return;
    holder.hidden = false;
    const bar = holder.querySelector("progress");
    bar.hidden = percent <= 0;
    bar.value = percent;
    holder.querySelector(".num").textContent = percent > 0 ? `${percent}%` : "no view";
  }

  outcome(chip, status) {
    if (!status || status === "none") return;
    chip.hidden = false;
    chip.textContent = status.replaceAll("_", " ");
    chip.classList.toggle("chip-up", status === "filled");
    chip.classList.toggle("chip-down", status === "denied" || status === "refused");
  }
}
