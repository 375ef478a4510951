// The order ticket: side, type, quantity with steps and the most, the sheet on a phone. The server decides everything.
// It asks the server for an estimate when the person changes the ticket; between, the figures follow the quotes here.

import { money, places, price } from "./format.js";

const number = (text) => Number(String(text).replaceAll(",", "").trim());

export class Ticket {
  // quote(symbol) -> {bid, ask}; held(symbol) -> {quantity, free}; equity() -> minor units
  constructor(form, { quote, held, equity, currency }) {
    this.form = form;
    this.quote = quote;
    this.held = held;
    this.equity = equity;
    this.currency = currency;
    this.scale = 10 ** places(currency);
    this.symbol = form.elements.symbol;
    this.quantity = form.elements.quantity;
    this.limit = form.elements.limit_price;
    this.box = form.querySelector("#estimate");
    form.addEventListener("input", () => this.changed());
    form.addEventListener("change", (event) => {
      if (event.target === this.symbol) this.limit.value = "";
      this.group();
      this.changed();
    });
    form.addEventListener("click", (event) => this.click(event));
    this.quantity.addEventListener("keydown", (event) => {
      const step = { ArrowUp: 1, ArrowDown: -1 }[event.key];
      if (!step) return;
      event.preventDefault();
      this.step(step * (event.shiftKey ? 10 : 1));
    });
    this.dock = form.closest(".dock");
    this.dock.addEventListener("click", (event) => this.sheet(event));
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && this.dock.classList.contains("is-open")) this.close();
    });
    this.sync();
  }

  get side() {
    return this.form.elements.side.value;
  }

  get isLimit() {
    return this.form.elements.type.value === "limit";
  }

  // The person changed something: figures at once, and the server's checks when they pause.
  changed() {
    const refusal = this.form.querySelector(".ticket-result .notice-down");
    if (refusal) refusal.remove();
    this.sync();
    this.reprice();
    document.body.dispatchEvent(new CustomEvent("estimate"));
  }

  sync() {
    for (const field of this.form.querySelectorAll("[data-limit-field]")) field.hidden = !this.isLimit;
    this.limit.disabled = !this.isLimit;
    this.limit.required = this.isLimit;
    if (this.isLimit && !this.limit.value && document.activeElement !== this.limit) this.limit.value = this.touch().toFixed(2);
    const button = this.form.querySelector(".ticket-submit");
    button.classList.toggle("is-buy", this.side === "buy");
    button.classList.toggle("is-sell", this.side === "sell");
    button.querySelector("[data-submit-label]").textContent = `${this.side === "buy" ? "Buy" : "Sell"} ${this.symbol.value}`;
  }

  select(symbol) {
    this.symbol.value = symbol;
    this.limit.value = "";
    this.changed();
  }

  touch() {
    const quote = this.quote(this.symbol.value);
    if (!quote) return 0;
    return this.side === "buy" ? quote.ask : quote.bid;
  }

  // ---- The estimate between two answers of the server ----
  reprice() {
    const asked = number(this.quantity.value);
    const touch = this.touch();
    const limit = this.isLimit ? number(this.limit.value) : null;
    if (!touch || !(asked > 0) || (this.isLimit && !(limit > 0))) return;
    const buys = this.side === "buy";
    const fills = limit === null || (buys ? touch <= limit : touch >= limit);
    const at = fills ? touch : limit;
    const value = Math.round(asked * at * this.scale);
    const fee = Math.round((asked * at * this.scale * Number(this.form.dataset.feeBps || 0)) / 10_000);
    const power = Number(this.form.dataset.buyingPower);
    const after = buys ? power - value - fee : power + value - fee;
    const words = this.isLimit ? "Limit price" : buys ? "Price (ask)" : "Price (bid)";
    this.write({ label: words, price: price(at), value: money(value, this.currency), fee: money(fee, this.currency), after: money(after, this.currency) });
    this.note({ needs: buys ? value + fee : 0, power, most: this.whole((asked * power) / (value + fee)), waits: !fills });
  }

  write(figures) {
    for (const [name, text] of Object.entries(figures)) {
      const cell = this.box.querySelector(`[data-estimate="${name}"]`);
      if (cell && cell.textContent !== text) cell.textContent = text;
    }
  }

  // Only what the quotes decide is said here; any other refusal stands until the server is asked again.
  note({ needs, power, most, waits }) {
    const note = this.box.querySelector("[data-note]");
    const code = note.dataset.denial || "";
    const short = needs > power;
    if (code && code !== "not_enough_buying_power") return;
    const advice = most > 0 ? `Reduce to ${price(most, 0)} ${most === 1 ? "share" : "shares"} or less.` : "Sell something or cancel an open order first.";
    const text = short
      ? `Not enough buying power: this order needs ${money(needs, this.currency)}, you have ${money(power, this.currency)}. ${advice}`
      : waits ? "It would wait for its limit." : "";
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
    this.changed();
  }

  group() {
    const typed = number(this.quantity.value);
    if (Number.isSafeInteger(typed) && typed > 0) this.quantity.value = price(typed, 0);
  }

  step(by) {
    this.put(Math.max(1, Math.floor(number(this.quantity.value) || 0) + by));
  }

  most() {
    const { quantity, free } = this.held(this.symbol.value);
    if (this.side === "sell") return free;
    const at = this.isLimit ? number(this.limit.value) : this.touch();
    if (!at) return 0;
    const money = Number(this.form.dataset.buyingPower) / this.scale;
    const affordable = money / (at * (1 + Number(this.form.dataset.feeBps || 0) / 10_000));
    const share = Number(this.form.dataset.positionPct);
    if (!share) return this.whole(affordable);
    return this.whole(Math.min(affordable, (this.equity() / this.scale) * (share / 100) / at - quantity));
  }

  click(event) {
    const step = event.target.closest("[data-step]");
    if (step) this.step(Number(step.dataset.step));
    if (event.target.closest("[data-max]")) this.put(this.most());
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
