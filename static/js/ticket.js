// The order ticket: what its type needs, quantity with steps and shares, the sheet on a phone. The server decides
// everything. It asks the server for an estimate when the person changes the ticket; between, the figures follow the
// quotes here.

import { money, places, price } from "./format.js";

const number = (text) => Number(String(text).replaceAll(",", "").trim());
const LIMITED = ["limit", "stop_limit"];
const STOPPED = ["stop", "stop_limit"];

export class Ticket {
  // quote(symbol) -> {bid, ask, last}
  constructor(form, { quote, currency }) {
    this.form = form;
    this.quote = quote;
    this.currency = currency;
    this.scale = 10 ** places(currency);
    this.symbol = form.elements.symbol;
    this.quantity = form.elements.quantity;
    this.box = form.querySelector("#estimate");
    this.unfold();
    form.addEventListener("input", (event) => this.changed(event.target));
    form.addEventListener("change", (event) => {
      if (event.target === this.symbol) this.clearPrices();
      this.group();
      this.changed(event.target);
    });
    form.addEventListener("click", (event) => this.click(event));
    this.quantity.addEventListener("keydown", (event) => {
      const step = { ArrowUp: 1, ArrowDown: -1 }[event.key];
      if (!step) return;
      event.preventDefault();
      this.step(step * (event.shiftKey ? 10 : 1));
    });
    document.body.addEventListener("ticket-size", (event) => this.sized(event.detail));
    form.addEventListener("htmx:afterSwap", (event) => {
      if (event.detail.target.id === "ticket-result") event.detail.target.scrollIntoView({ block: "nearest" });
    });
    this.dock = form.closest(".dock");
    this.dock.addEventListener("click", (event) => this.sheet(event));
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && this.dock.classList.contains("is-open")) this.close();
    });
    this.sync();
  }

  // Without this script the rarer fields fold under "more"; with it each shows when its type needs it.
  unfold() {
    const more = this.form.querySelector("[data-more]");
    more.replaceWith(...more.querySelector(".ticket-fields").children);
    this.form.querySelector(".ticket-foot").prepend(this.form.querySelector(".ticket-exits"));
    for (const hidden of this.form.querySelectorAll("[data-toggle], [data-shares]")) hidden.hidden = false;
    this.form.classList.add("is-live");
  }

  get side() {
    return this.form.elements.side.value;
  }

  get type() {
    return this.form.elements.type.value;
  }

  field(name) {
    return this.form.elements[name];
  }

  // The person changed something: figures at once, and the server's checks when they pause.
  changed(target) {
    const told = this.form.querySelector(".ticket-result .notice-down, .ticket-result .notice-warn");
    if (told && !told.contains(target)) told.remove();
    this.sync(target);
    this.reprice();
    document.body.dispatchEvent(new CustomEvent("estimate"));
  }

  sync(target) {
    const { type } = this;
    for (const field of this.form.querySelectorAll(".ticket-field[data-for]")) {
      const on = field.dataset.for.split(" ").includes(type);
      field.hidden = !on;
      for (const input of field.querySelectorAll("input, select")) {
        input.disabled = !on;
        input.required = on && input.tagName === "INPUT";
      }
    }
    this.syncTimes();
    this.syncExits(target);
    this.suggest();
    const button = this.form.querySelector(".ticket-submit");
    button.classList.toggle("is-buy", this.side === "buy");
    button.classList.toggle("is-sell", this.side === "sell");
    button.querySelector("[data-submit-label]").textContent = `${this.side === "buy" ? "Buy" : "Sell"} ${this.symbol.value}`;
  }

  syncTimes() {
    const times = this.field("time_in_force");
    for (const option of times.querySelectorAll("option[data-for]")) {
      const on = option.dataset.for.split(" ").includes(this.type);
      option.hidden = option.disabled = !on;
      if (!on && option.selected) times.value = "day";
    }
    const until = this.form.querySelector("[data-until]");
    until.hidden = times.value !== "gtd";
    this.field("expires_on").disabled = until.hidden;
    this.field("expires_on").required = !until.hidden;
  }

  // A ticked exit asks for its price and offers one; an exit and "reduce only" exclude each other.
  syncExits(target) {
    const boxes = [...this.form.querySelectorAll("[data-exit]")];
    const reduce = this.field("reduce_only");
    if (target === reduce && reduce.checked) for (const box of boxes) box.checked = false;
    if (boxes.includes(target) && target.checked) {
      reduce.checked = false;
      // Exits last as long as their entry's time in force: a day's exits would leave the position bare tomorrow.
      if (this.field("time_in_force").value !== "gtc") this.field("time_in_force").value = "gtc";
    }
    for (const box of boxes) {
      const input = document.getElementById(box.dataset.exit);
      input.hidden = input.disabled = !box.checked;
      input.required = box.checked;
      if (box === target && box.checked && !input.value) {
        input.value = this.away(box.dataset.exit === "ticket-profit" ? 0.04 : -0.02);
        input.select();
      }
    }
  }

  // A price that lies so far on the winning side of the entry (below zero: on the losing one).
  away(share) {
    const base = this.entry() || 0;
    return (base * (1 + (this.side === "buy" ? share : -share))).toFixed(2);
  }

  // Where the order would trade, as far as this page knows.
  entry() {
    if (LIMITED.includes(this.type)) return number(this.field("limit_price").value) || this.touch();
    if (STOPPED.includes(this.type)) return number(this.field("stop_price").value) || this.touch();
    return this.touch();
  }

  // Empty prices begin at the market: a limit at the touch, a stop and a trail a little away from it.
  suggest() {
    const offer = (name, value) => {
      const field = this.field(name);
      if (!field.disabled && !field.value && document.activeElement !== field && value) field.value = value;
    };
    const touch = this.touch();
    if (!touch) return;
    const stop = touch * (this.side === "buy" ? 1.02 : 0.98);
    if (STOPPED.includes(this.type)) offer("stop_price", stop.toFixed(2));
    const limit = this.type === "stop_limit" ? number(this.field("stop_price").value) || stop : touch;
    if (LIMITED.includes(this.type)) offer("limit_price", limit.toFixed(2));
    if (this.type === "trailing_stop") offer("trail", this.field("trail_unit").value === "percent" ? "2" : (touch * 0.02).toFixed(2));
  }

  clearPrices() {
    for (const name of ["limit_price", "stop_price", "take_profit_price", "stop_loss_price"]) this.field(name).value = "";
    for (const box of this.form.querySelectorAll("[data-exit]")) box.checked = false;
    if (this.field("trail_unit").value === "amount") this.field("trail").value = "";
  }

  select(symbol) {
    this.symbol.value = symbol;
    this.clearPrices();
    this.changed();
  }

  touch() {
    const quote = this.quote(this.symbol.value);
    if (!quote) return 0;
    return this.side === "buy" ? quote.ask : quote.bid;
  }

  // ---- The estimate between two answers of the server: only what a quote alone decides ----
  reprice() {
    const asked = number(this.quantity.value);
    const touch = this.touch();
    const { type } = this;
    if (!touch || !(asked > 0) || !["market", "limit"].includes(type) || this.form.dataset.margin) return;
    const limit = type === "limit" ? number(this.field("limit_price").value) : null;
    if (type === "limit" && !(limit > 0)) return;
    const buys = this.side === "buy";
    const fills = limit === null || (buys ? touch <= limit : touch >= limit);
    const at = fills ? touch : limit;
    const value = Math.round(asked * at * this.scale);
    const fee = this.fee(value);
    const power = Number(this.form.dataset.buyingPower);
    const total = buys ? value + fee : value - fee;
    const words = type === "limit" ? "Limit price" : buys ? "Price (ask)" : "Price (bid)";
    this.write({
      label: words,
      price: price(at),
      value: money(value, this.currency),
      fee: money(fee, this.currency),
      total: money(total, this.currency),
      after: money(buys ? power - total : power + total, this.currency),
    });
    this.note({ needs: buys ? total : 0, power, most: this.whole((asked * power) / total) });
  }

  // As the server last charged it, in proportion; it says the exact figure a moment later.
  fee(value) {
    const list = this.box.querySelector("dl");
    const [notional, fee] = [number(list.dataset.notional || 0), number(list.dataset.fee || 0)];
    return notional > 0 ? Math.round((value * fee) / notional) : 0;
  }

  write(figures) {
    for (const [name, text] of Object.entries(figures)) {
      const cell = this.box.querySelector(`[data-estimate="${name}"]`);
      if (cell && cell.textContent !== text) cell.textContent = text;
    }
  }

  // Only what the quotes decide is said here; any other refusal stands until the server is asked again.
  note({ needs, power, most }) {
    const note = this.box.querySelector("[data-note]");
    const code = note.dataset.denial || "";
    const short = needs > power;
    if ((code && code !== "not_enough_buying_power") || (!short && !code)) return;
    const advice = most > 0 ? `Reduce to ${price(most, 0)} ${most === 1 ? "share" : "shares"} or less.` : "Sell something or cancel an open order first.";
    const text = short ? `Not enough buying power: this order needs ${money(needs, this.currency)}, you have ${money(power, this.currency)}. ${advice}` : "";
    if (note.textContent === text) return;
    note.textContent = text;
    if (short) note.dataset.denial = "not_enough_buying_power";
    else delete note.dataset.denial;
    note.classList.toggle("down", short);
    note.classList.toggle("quiet", !short);
    this.box.querySelector('[data-estimate="after"]').classList.toggle("down", short);
  }

  // ---- Quantity ----
  whole(quantity) {
    const lot = Number(this.symbol.selectedOptions[0].dataset.lot) || 1;
    return Math.max(0, Math.floor(quantity / lot + 1e-9) * lot);
  }

  put(quantity) {
    this.quantity.value = price(quantity, Number.isInteger(quantity) ? 0 : 6).replace(/(\.\d*?)0+$/, "$1");
    this.changed(this.quantity);
  }

  // The server's answer to a share of buying power or of the position.
  sized({ quantity, words }) {
    if (quantity && number(quantity) > 0) {
      this.put(Number(quantity));
      return;
    }
    const note = this.box.querySelector("[data-note]");
    note.textContent = words;
    note.classList.replace("quiet", "down");
  }

  group() {
    const typed = number(this.quantity.value);
    if (Number.isSafeInteger(typed) && typed > 0) this.quantity.value = price(typed, 0);
  }

  step(by) {
    this.put(Math.max(1, Math.floor(number(this.quantity.value) || 0) + by));
  }

  click(event) {
    const step = event.target.closest("[data-step]");
    if (step) this.step(Number(step.dataset.step));
    const drop = event.target.closest("[data-drop]");
    if (drop) {
      drop.closest(".notice").remove();
      this.quantity.focus({ preventScroll: true });
    }
  }

  // ---- The sheet ----
  sheet(event) {
    const opener = event.target.closest("[data-sheet-open]");
    if (opener) {
      this.form.querySelector(`input[name="side"][value="${opener.dataset.sheetOpen}"]`).checked = true;
      this.changed();
      this.dock.classList.add("is-open");
      this.quantity.focus({ preventScroll: true });
    }
    if (event.target.closest("[data-sheet-close]")) this.close();
  }

  close() {
    this.dock.classList.remove("is-open");
    this.dock.querySelector(".sheet-buy").focus();
  }
}
