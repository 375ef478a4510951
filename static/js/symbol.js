// A symbol's page: its chart and the controls around it, and the price that moves both.

import { toast } from "./app.js";
import { history, seconds } from "./history.js";
import { follow } from "./quotes.js";
import { SymbolChart } from "./symbol-chart.js";

const MAX_BARS = 20_000;
const REFRESH_MS = 60_000;
// The finest resolution that shows a range well; a range of 0 days is everything.
const RANGE_RESOLUTION = { 5: "15", 31: "1D", 92: "1D", 366: "1D", 1827: "1W", 0: "1W" };

const root = document.getElementById("symbol");
const { symbol } = root.dataset;
const holder = root.querySelector('[data-chart="symbol"]');
const note = root.querySelector("[data-chart-note]");
const state = { resolution: root.dataset.resolution, adjusted: true, bars: [], ended: false, busy: false, compare: null, asked: 0 };
let chart = null;

function say(text) {
  note.textContent = text;
  note.hidden = !text;
}

function isIntraday() {
  return !["1D", "1W"].includes(state.resolution);
}

function merged(older, newer) {
  if (!newer.length) return older;
  return [...older.filter((bar) => bar.time < newer[0].time), ...newer];
}

async function load() {
  const asked = (state.asked += 1);
  say("");
  try {
    const found = await history({ symbol, resolution: state.resolution, adjusted: state.adjusted });
    if (asked !== state.asked) return false;
    state.bars = found.bars;
    state.ended = found.ended;
    chart.load(state.bars, { intraday: isIntraday(), fresh: true });
    if (!found.bars.length) say(isIntraday() ? "No minutes of this symbol are kept. Choose 1D for its days." : "No bars at this resolution.");
    holder.dataset.bars = String(found.bars.length);
    await compareAgain();
    return true;
  } catch {
    if (asked === state.asked) say("The chart's history could not be loaded. Try again in a moment.");
    return false;
  }
}

async function older() {
  if (state.busy || state.ended || !state.bars.length || state.bars.length >= MAX_BARS) return false;
  state.busy = true;
  const asked = state.asked;
  try {
    const found = await history({ symbol, resolution: state.resolution, adjusted: state.adjusted, to: state.bars[0].time });
    if (asked !== state.asked) return false;
    state.ended = found.ended || !found.bars.length;
    state.bars = merged(found.bars.filter((bar) => bar.time < state.bars[0].time), state.bars);
    chart.load(state.bars, { intraday: isIntraday(), fresh: false });
    holder.dataset.bars = String(state.bars.length);
    return found.bars.length > 0;
  } catch {
    state.ended = true;
    return false;
  } finally {
    state.busy = false;
  }
}

function choose(resolution) {
  state.resolution = resolution;
  for (const input of root.querySelectorAll('input[name="resolution"]')) input.checked = input.value === resolution;
}

async function showRange(days) {
  const wanted = RANGE_RESOLUTION[days] || "1D";
  if (wanted !== state.resolution) {
    const before = state.resolution;
    choose(wanted);
    if (!(await load()) || !state.bars.length) {
      choose(before === wanted || days === 5 ? "1D" : before);
      await load();
    }
  }
  if (!state.bars.length) return;
  const last = state.bars[state.bars.length - 1].time;
  const since = days ? last - days * 86_400 : 0;
  for (let page = 0; page < 12 && state.bars[0].time > since && (await older()); page += 1);
  chart.showSince(since);
}

async function compareAgain() {
  if (!state.compare) return;
  const count = Math.min(5_000, Math.max(500, state.bars.length));
  const found = await history({ symbol: state.compare, resolution: state.resolution, adjusted: state.adjusted, count });
  const first = state.bars.length ? state.bars[0].time : 0;
  chart.compare(state.compare, found.bars.filter((bar) => bar.time >= first));
}

// What a price does to the bar at the right end: it moves it, or begins the next one.
function live(quote) {
  if (!chart || !state.bars.length || quote.last === null) return;
  const last = state.bars[state.bars.length - 1];
  const step = seconds(state.resolution);
  const at = Math.floor(Date.parse(quote.at) / 1000);
  const value = Number(quote.last);
  if (at < last.time) return;
  const time = last.time + Math.floor((at - last.time) / step) * step;
  const daily = state.resolution === "1D" ? quote.volume : null;
  if (time === last.time) {
    chart.update({ ...last, high: Math.max(last.high, value), low: Math.min(last.low, value), close: value, volume: daily || last.volume });
  } else {
    chart.update({ time, open: value, high: value, low: value, close: value, volume: daily || 0 });
  }
  state.bars = chart.bars;
  state.moved = true;
}

// The bars at the right end as the server has them: volumes, and what was missed.
async function refresh() {
  if (!state.moved || document.hidden || !state.bars.length) return;
  state.moved = false;
  const asked = state.asked;
  try {
    const found = await history({ symbol, resolution: state.resolution, adjusted: state.adjusted, count: 3 });
    if (asked !== state.asked) return;
    const last = state.bars[state.bars.length - 1].time;
    for (const bar of found.bars.filter((each) => each.time >= last)) chart.update(bar);
    state.bars = chart.bars;
  } catch {
    // The next price moves the bar again.
  }
}

function controls() {
  root.addEventListener("change", (event) => {
    const { name, value, checked } = event.target;
    if (name === "resolution") {
      state.resolution = value;
      load();
    } else if (name === "indicator") chart.toggle(value, checked);
    else if (name === "adjusted") {
      state.adjusted = checked;
      load();
    }
  });
  for (const button of root.querySelectorAll("[data-range]")) button.addEventListener("click", () => showRange(Number(button.dataset.range)));
  const form = root.querySelector("[data-compare]");
  const off = form.querySelector("[data-compare-off]");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const other = form.querySelector("input").value.trim().toUpperCase();
    if (!other || other === symbol) return;
    try {
      state.compare = other;
      await compareAgain();
      off.hidden = false;
    } catch {
      state.compare = null;
      toast(`There is no history of ${other} to compare with.`, "error");
    }
  });
  off.addEventListener("click", () => {
    state.compare = null;
    chart.compare(null, null);
    off.hidden = true;
  });
}

if (holder) {
  chart = new SymbolChart(holder, { decimals: Number(root.dataset.decimals), legend: root.querySelector("[data-legend]") });
  chart.onLeft = older;
  controls();
  load();
  setInterval(refresh, REFRESH_MS);
}

follow(root.dataset.quotes, live);
