// Watching a contest again: a slider over its moments, lines that grow with it, places, and one participant's trades.

import {
  LineSeries,
  LineStyle,
  createChart,
  createSeriesMarkers,
} from "../vendor/lightweight-charts-5.2.1/lightweight-charts.standalone.production.mjs";
import { colour, fitted, options, themed } from "./charts.js";
import { marketTime, money, places, price, setTone, signedMoney, signedPct } from "./format.js";

const DAY = 86_400;
const COLOURS = 8;
const MOST_ADDED = 29;
const root = document.getElementById("rewatch");
const part = (name) => root.querySelector(`[data-${name}]`);
const code = root.dataset.code;

async function ask(url, values) {
  const query = new URLSearchParams(values);
  if (code) query.set("invite_code", code);
  const answer = await fetch(`${url}?${query}`, { headers: { Accept: "application/json" }, credentials: "same-origin" });
  const data = await answer.json();
  if (!answer.ok) throw new Error(data.message || "It could not be loaded.");
  return data;
}

function cell(row, text, kind = "td", name = "") {
  const made = row.appendChild(document.createElement(kind));
  if (kind === "th") made.scope = "row";
  if (name) made.className = name;
  made.textContent = text;
  return made;
}

// The last of an ascending list that is not above a value; -1 before the first.
function upto(list, value) {
  let [low, high] = [0, list.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (list[middle] <= value) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

class Lines {
  constructor(element) {
    this.chart = createChart(element, this.options());
    this.series = new Map();
    this.shown = -1;
    themed(() => this.paint());
    fitted(this.chart, element);
  }

  options() {
    const base = options();
    const day = (time) => `day ${Math.floor(time / DAY) + 1}`;
    // Days are marked where they begin.
    const mark = (time) => (time % DAY ? "" : day(time));
    return {
      ...base,
      localization: { priceFormatter: (value) => signedPct(value), timeFormatter: day },
      timeScale: { ...base.timeScale, tickMarkFormatter: mark, rightOffset: 0, fixLeftEdge: true, fixRightEdge: true },
      handleScale: false,
      handleScroll: false,
    };
  }

  // times: one a moment, ascending; lines: {id, values: [percent or null], own}
  load(times, lines) {
    for (const { line } of this.series.values()) this.chart.removeSeries(line);
    this.series.clear();
    // An empty line over all moments keeps the axis still while the others grow.
    if (!this.axis) this.axis = this.chart.addSeries(LineSeries, { priceLineVisible: false, lastValueVisible: false });
    this.axis.setData(times.map((time) => ({ time })));
    this.times = times;
    for (const { id, values, own, index } of lines) {
      const line = this.chart.addSeries(LineSeries, { lineWidth: own ? 3 : 2, priceLineVisible: false, lastValueVisible: false, crosshairMarkerVisible: false });
      this.series.set(id, { line, values, own, index, pins: createSeriesMarkers(line, []) });
    }
    const first = lines.length && this.series.get(lines[0].id);
    if (first) this.base = first.line.createPriceLine({ price: 0, lineWidth: 1, lineStyle: LineStyle.Dashed, axisLabelVisible: false, title: "" });
    this.shown = -1;
    this.paint();
    this.chart.timeScale().fitContent();
  }

  paint() {
    this.chart.applyOptions(this.options());
    for (const { line, own, index } of this.series.values()) {
      line.applyOptions({ color: own ? colour("--accent-ink") : colour(`--race-${index % COLOURS}`) });
    }
    if (this.base) this.base.applyOptions({ color: colour("--line-2") });
  }

  // Up to and with a moment. A step on is one point more, all else draws anew.
  show(at) {
    for (const { line, values } of this.series.values()) {
      if (at === this.shown + 1 && this.shown >= 0) {
        if (values[at] !== null) line.update({ time: this.times[at], value: values[at] });
      } else {
        const points = [];
        for (let i = 0; i <= at; i += 1) if (values[i] !== null) points.push({ time: this.times[i], value: values[i] });
        line.setData(points);
      }
    }
    this.shown = at;
  }

  // trades: {at: moment, side}
  mark(id, trades) {
    for (const [other, { pins }] of this.series) {
      const found = other === id ? trades : [];
      pins.setMarkers(
        found.map((trade) => ({
          time: this.times[trade.moment],
          position: trade.side === "buy" ? "belowBar" : "aboveBar",
          shape: trade.side === "buy" ? "arrowUp" : "arrowDown",
          color: colour("--ink-2"),
        })),
      );
    }
  }
}

class Rewatch {
  constructor() {
    this.added = [];
    this.chosen = root.dataset.one ? Number(root.dataset.one) : null;
    this.at = 0;
    this.slider = part("moment");
    this.play = part("play");
    this.slider.addEventListener("input", () => { this.stop(); this.go(Number(this.slider.value)); });
    this.play.addEventListener("click", () => this.toggle());
    part("speed").addEventListener("change", () => { if (this.timer) { this.stop(); this.start(); } });
    part("chosen").addEventListener("change", (event) => this.choose(Number(event.target.value)));
    part("find").addEventListener("submit", (event) => { event.preventDefault(); this.find(); });
    part("player").addEventListener("keydown", (event) => {
      // A button answers to space by itself.
      if (event.key !== " " || event.target.closest("button")) return;
      event.preventDefault();
      this.toggle();
    });
  }

  async load() {
    const values = {};
    if (this.added.length) values.accounts = this.added.join(",");
    if (this.chosen !== null) values.trades_of = String(this.chosen);
    this.data = await ask(root.dataset.url, values);
    const { data } = this;
    if (!data.moments.length || !data.lines.length) {
      part("state").textContent = "Nothing was recorded of this contest.";
      return;
    }
    for (const name of ["player", "tables"]) part(name).hidden = false;
    part("state").hidden = true;
    this.ticks = data.moments.map((moment) => moment.tick);
    this.clocks = data.moments.map((moment) => Date.parse(moment.at));
    this.closes = data.closes.map((close) => close.tick);
    this.percents = new Map(data.lines.map((line) => [line.account_id, line.values_minor.map((value) => this.percent(value))]));
    this.slider.max = String(this.ticks.length - 1);
    part("total").textContent = `${data.lines.length} of ${data.participants} shown`;
    part("places-note").textContent = this.byValue() ? "Ranked by value between two closes." : "Places are among everyone, at the last close before.";
    if (!this.lines) this.lines = new Lines(part("chart"));
    this.lines.load(this.times(), data.lines.map((line, index) => ({ id: line.account_id, index, own: line.account_id === data.me, values: this.percents.get(line.account_id) })));
    this.trades = data.trades.map((trade) => ({ ...trade, moment: Math.max(0, upto(this.clocks, Date.parse(trade.at))) }));
    this.choices();
    this.days();
  }

  percent(value) {
    return value === null ? null : Math.round(((value - this.data.initial_minor) / this.data.initial_minor) * 1e6) / 1e4;
  }

  // A market day is one day of the axis, however many moments it has; strictly ascending.
  times() {
    const counts = new Map();
    for (const { day } of this.data.moments) counts.set(day, (counts.get(day) || 0) + 1);
    const seen = new Map();
    return this.data.moments.map(({ day }) => {
      const place = seen.get(day) || 0;
      seen.set(day, place + 1);
      return day * DAY + Math.floor((place * DAY) / counts.get(day));
    });
  }

  go(at) {
    this.at = Math.max(0, Math.min(at, this.ticks.length - 1));
    const moment = this.data.moments[this.at];
    const words = `Day ${moment.day + 1}`;
    this.slider.value = String(this.at);
    this.slider.setAttribute("aria-valuetext", `${words}, ${marketTime(moment.at)} UTC`);
    part("day").textContent = words;
    part("at").textContent = `${marketTime(moment.at)} UTC`;
    this.lines.show(this.at);
    this.places();
    this.traded();
  }

  // Whether the values that are here say the places: all of them are, and it is they that rank.
  byValue() {
    return this.data.is_everyone && this.data.is_by_value;
  }

  // Rows of who is there at the moment: place, line, value. The end is as it was frozen.
  ranked() {
    const { data, at } = this;
    const isEnd = at === this.ticks.length - 1;
    const close = upto(this.closes, this.ticks[at]);
    const rows = data.lines
      .map((line, index) => ({ line, index, value: line.values_minor[at], place: isEnd ? line.final_rank : close < 0 ? null : line.places[close] }))
      .filter((row) => row.value !== null);
    if (this.byValue() && !isEnd) {
      const running = rows.filter((row) => row.line.final_rank !== null).sort((a, b) => b.value - a.value || a.line.final_rank - b.line.final_rank);
      for (const row of rows) row.place = null;
      running.forEach((row, place) => { row.place = place + 1; });
    }
    return rows.sort((a, b) => (a.place ?? Infinity) - (b.place ?? Infinity) || b.value - a.value);
  }

  places() {
    const body = part("places");
    body.replaceChildren();
    for (const { line, index, value, place } of this.ranked()) {
      const row = body.appendChild(document.createElement("tr"));
      row.classList.toggle("is-me", line.account_id === this.data.me);
      row.classList.toggle("is-chosen", line.account_id === this.chosen);
      cell(row, place === null ? "–" : String(place), "td", "num");
      const name = cell(row, "");
      const key = name.appendChild(document.createElement("span"));
      key.className = "race-key";
      key.dataset.colour = String(index % COLOURS);
      name.append(line.name);
      cell(row, money(value, this.data.currency), "td", "num");
      this.signed(row, value);
    }
  }

  signed(row, value) {
    const percent = this.percent(value);
    const figure = cell(row, "", "td", "num").appendChild(document.createElement("span"));
    figure.textContent = signedPct(percent);
    setTone(figure, percent);
  }

  choices() {
    const select = part("chosen");
    const before = this.chosen;
    select.replaceChildren();
    for (const line of this.data.lines) {
      const option = select.appendChild(document.createElement("option"));
      option.value = String(line.account_id);
      option.textContent = `${line.name}, ${line.trades} ${line.trades === 1 ? "trade" : "trades"}`;
    }
    if (before !== null) select.value = String(before);
  }

  async choose(account) {
    this.chosen = account;
    await this.again();
  }

  async again() {
    this.stop();
    try {
      await this.load();
      this.go(this.at);
    } catch (error) {
      part("state").textContent = error.message;
      part("state").hidden = false;
    }
  }

  traded() {
    const { currency } = this.data;
    const unit = 10 ** places(currency);
    const past = this.trades.filter((trade) => trade.moment <= this.at);
    this.lines.mark(this.data.trades_of, past);
    const body = part("trades");
    body.replaceChildren();
    if (!past.length) {
      const none = cell(body.appendChild(document.createElement("tr")), "No trade up to this moment.");
      none.colSpan = 6;
    }
    for (const trade of past.reverse()) {
      const row = body.appendChild(document.createElement("tr"));
      cell(row, marketTime(trade.at));
      cell(row, trade.side === "buy" ? "Buy" : "Sell");
      cell(row, trade.symbol);
      cell(row, trade.quantity, "td", "num");
      cell(row, price(trade.price), "td", "num");
      cell(row, Number(trade.realized) ? signedMoney(Math.round(Number(trade.realized) * unit), currency) : "–", "td", "num");
    }
  }

  days() {
    const body = part("days");
    body.replaceChildren();
    const line = this.data.lines.find((one) => one.account_id === this.chosen) || this.data.lines[0];
    this.data.closes.forEach((close, index) => {
      const at = upto(this.ticks, close.tick);
      const value = at < 0 ? null : line.values_minor[at];
      if (value === null) return;
      const row = body.appendChild(document.createElement("tr"));
      cell(row, `Day ${close.day + 1}`, "th");
      cell(row, money(value, this.data.currency), "td", "num");
      this.signed(row, value);
      cell(row, line.places[index] === null ? "–" : String(line.places[index]), "td", "num");
    });
  }

  async find() {
    const list = part("found");
    const text = part("find-text").value.trim();
    list.replaceChildren();
    if (!text) return;
    const say = (words) => { list.appendChild(document.createElement("li")).textContent = words; };
    try {
      const found = await ask(`${root.dataset.url}/names`, { q: text });
      if (!found.length) say("Nobody in this contest is called so.");
      for (const person of found) {
        const button = list.appendChild(document.createElement("li")).appendChild(document.createElement("button"));
        button.type = "button";
        button.className = "btn btn-small";
        button.textContent = `Show ${person.name}`;
        button.addEventListener("click", () => this.add(person.account_id));
      }
    } catch (error) {
      say(error.message);
    }
  }

  async add(account) {
    if (!this.data.lines.some((line) => line.account_id === account)) this.added = [...this.added, account].slice(-MOST_ADDED);
    part("found").replaceChildren();
    await this.choose(account);
  }

  toggle() {
    if (this.timer) this.stop();
    else this.start();
  }

  start() {
    if (this.at >= this.ticks.length - 1) this.go(0);
    const speed = Number(part("speed").querySelector("input:checked").value);
    // All of it in about twenty seconds at 2x, never faster than the eye.
    const pause = Math.max(40, Math.min(1000, 40_000 / this.ticks.length / speed));
    this.timer = setInterval(() => {
      this.go(this.at + 1);
      if (this.at >= this.ticks.length - 1) this.stop();
    }, pause);
    this.label();
  }

  stop() {
    clearInterval(this.timer);
    this.timer = null;
    this.label();
  }

  label() {
    this.play.textContent = this.timer ? "Stop" : "Play";
  }
}

const rewatch = new Rewatch();
try {
  await rewatch.load();
  if (rewatch.ticks) rewatch.go(rewatch.ticks.length - 1);
} catch (error) {
  part("state").textContent = error.message;
}
