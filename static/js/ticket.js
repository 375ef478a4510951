// The order ticket: side, type, quantity with steps and the most, the sheet on a phone. The server decides everything.

import { places } from "./format.js";

export class Ticket {
  constructor(form, { quote, free, currency }) {
    this.form = form;
    this.quote = quote;
    this.free = free;
    this.scale = 10 ** places(currency);
    this.symbol = form.elements.symbol;
    this.quantity = form.elements.quantity;
    this.limit = form.elements.limit_price;
    form.addEventListener("change", () => this.sync());
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
      if (event.key === "Escape") this.dock.classList.remove("is-open");
    });
    this.sync();
  }

  get side() {
    return this.form.elements.side.value;
  }

  sync() {
    const isLimit = this.form.elements.type.value === "limit";
    for (const field of this.form.querySelectorAll("[data-limit-field]")) field.hidden = !isLimit;
    this.limit.disabled = !isLimit;
    this.limit.required = isLimit;
    if (isLimit && !this.limit.value) this.limit.value = this.price().toFixed(2);
    const button = this.form.querySelector(".ticket-submit");
    button.classList.toggle("is-buy", this.side === "buy");
    button.classList.toggle("is-sell", this.side === "sell");
    button.querySelector("[data-submit-label]").textContent = `${this.side === "buy" ? "Buy" : "Sell"} ${this.symbol.value}`;
  }

  select(symbol) {
    this.symbol.value = symbol;
    this.limit.value = "";
    this.sync();
    this.estimate();
  }

  estimate() {
    document.body.dispatchEvent(new CustomEvent("estimate"));
  }

  price() {
    const quote = this.quote(this.symbol.value);
    if (!quote) return 0;
    return this.side === "buy" ? quote.ask : quote.bid;
  }

  step(by) {
    const next = Math.max(1, Math.floor(Number(this.quantity.value.replace(",", "")) || 0) + by);
    this.quantity.value = String(next);
    this.estimate();
  }

  click(event) {
    const step = event.target.closest("[data-step]");
    if (step) this.step(Number(step.dataset.step));
    if (event.target.closest("[data-max]")) {
      this.quantity.value = String(Math.max(0, this.most()));
      this.estimate();
    }
  }

  most() {
    if (this.side === "sell") return this.free(this.symbol.value);
    const isLimit = this.form.elements.type.value === "limit";
    const price = isLimit ? Number(this.limit.value) : this.price();
    if (!price) return 0;
    const money = Number(this.form.dataset.buyingPower) / this.scale;
    const estimate = this.form.querySelector("[data-notional]");
    const rate = estimate && Number(estimate.dataset.notional) ? Number(estimate.dataset.fee) / Number(estimate.dataset.notional) : 0;
    return Math.floor(money / (price * (1 + rate)));
  }

  sheet(event) {
    const opener = event.target.closest("[data-sheet-open]");
    if (opener) {
      const radio = this.form.querySelector(`input[name="side"][value="${opener.dataset.sheetOpen}"]`);
      radio.checked = true;
      this.sync();
      this.estimate();
      this.dock.classList.add("is-open");
      this.quantity.focus({ preventScroll: true });
    }
    if (event.target.closest("[data-sheet-close]")) {
      this.dock.classList.remove("is-open");
      this.dock.querySelector(".sheet-buy").focus();
    }
  }
}
