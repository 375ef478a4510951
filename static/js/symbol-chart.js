// A symbol's chart: candles, volume, indicators, a symbol to compare with, more history as one scrolls left.

import {
  CandlestickSeries,
  HistogramSeries,
  LineSeries,
  LineStyle,
  PriceScaleMode,
  createChart,
} from "../vendor/lightweight-charts-5.2.1/lightweight-charts.standalone.production.mjs";
import { colour, options, themed } from "./charts.js";
import { price, signedPct } from "./format.js";
import { bollinger, ema, macd, rsi, sma } from "./indicators.js";

const OVERLAYS = { sma: 20, ema: 50 };
const RIGHT_BARS = 4;

export class SymbolChart {
  constructor(element, { decimals, legend }) {
    this.element = element;
    this.decimals = decimals;
    this.legend = legend;
    this.bars = [];
    this.intraday = false;
    this.indicators = new Set();
    this.lines = new Map();
    this.other = null;
    this.chart = createChart(element, this.options());
    const format = { type: "price", precision: decimals, minMove: 10 ** -decimals };
    this.candles = this.chart.addSeries(CandlestickSeries, { priceFormat: format });
    this.volume = this.chart.addSeries(HistogramSeries, { priceScaleId: "", priceFormat: { type: "volume" }, lastValueVisible: false, priceLineVisible: false });
    this.volume.priceScale().applyOptions({ scaleMargins: { top: 0.84, bottom: 0 } });
    this.chart.priceScale("right").applyOptions({ scaleMargins: { top: 0.06, bottom: 0.2 } });
    this.chart.subscribeCrosshairMove((move) => this.tell(move));
    this.chart.timeScale().subscribeVisibleLogicalRangeChange((range) => {
      if (range && range.from < 15 && this.onLeft && this.bars.length) this.onLeft();
    });
    themed(() => this.paint());
  }

  options() {
    const base = options();
    return {
      ...base,
      layout: { ...base.layout, panes: { separatorColor: colour("--line"), separatorHoverColor: colour("--hover"), enableResize: true } },
      localization: { priceFormatter: (value) => price(value, this.decimals), ...(this.intraday ? {} : { dateFormat: "dd MMM yyyy" }) },
      timeScale: { ...base.timeScale, rightOffset: RIGHT_BARS, timeVisible: this.intraday, secondsVisible: false },
    };
  }

  paint() {
    const [up, down] = [colour("--up"), colour("--down")];
    this.chart.applyOptions(this.options());
    this.candles.applyOptions({ upColor: up, wickUpColor: up, borderUpColor: up, downColor: down, wickDownColor: down, borderDownColor: down, priceLineColor: colour("--ink-3") });
    if (this.other) this.other.series.applyOptions({ color: colour("--agent") });
    this.draw();
  }

  // bars: {time, open, high, low, close, volume} by time; `fresh` looks at the newest ones
  load(bars, { intraday, fresh }) {
    this.bars = bars;
    this.intraday = intraday;
    const range = this.chart.timeScale().getVisibleLogicalRange();
    const grown = this.drawn === undefined ? 0 : bars.length - this.drawn;
    this.chart.applyOptions({ timeScale: { timeVisible: intraday } });
    this.draw();
    if (fresh || !range) this.showLast(this.barsThatFit());
    else if (grown > 0) this.chart.timeScale().setVisibleLogicalRange({ from: range.from + grown, to: range.to + grown });
  }

  barsThatFit() {
    return Math.max(40, Math.floor((this.element.clientWidth - 60) / 8));
  }

  showLast(count) {
    const last = this.bars.length;
    this.chart.timeScale().setVisibleLogicalRange({ from: Math.max(-1, last - count), to: last + RIGHT_BARS });
  }

  showSince(time) {
    const from = this.bars.findIndex((bar) => bar.time >= time);
    if (from < 0) this.showLast(this.barsThatFit());
    else this.chart.timeScale().setVisibleLogicalRange({ from: from - 0.5, to: this.bars.length + RIGHT_BARS });
  }

  draw() {
    this.candles.setData(this.bars.map(({ time, open, high, low, close }) => ({ time, open, high, low, close })));
    this.volume.setData(this.bars.map((bar) => this.volumeBar(bar)));
    this.drawn = this.bars.length;
    this.drawIndicators();
    this.tell(null);
  }

  volumeBar(bar) {
    return { time: bar.time, value: bar.volume, color: colour(bar.close >= bar.open ? "--up" : "--down", 0.28) };
  }

  // A bar that is new or has changed at the right end.
  update(bar) {
    const last = this.bars[this.bars.length - 1];
    if (last && bar.time < last.time) return;
    if (last && bar.time === last.time) this.bars[this.bars.length - 1] = bar;
    else this.bars.push(bar);
    this.drawn = this.bars.length;
    const { time, open, high, low, close } = bar;
    this.candles.update({ time, open, high, low, close });
    this.volume.update(this.volumeBar(bar));
    this.drawIndicators(true);
    this.tell(null);
  }

  toggle(name, on) {
    if (on) this.indicators.add(name);
    else this.indicators.delete(name);
    this.drawIndicators();
    this.tell(null);
  }

  // What each indicator draws: [name of the line, values, colour, pane, kind].
  parts() {
    const closes = this.bars.map((bar) => bar.close);
    const found = [];
    let pane = 1;
    const priced = !this.other;
    if (priced && this.indicators.has("sma")) found.push(["SMA 20", sma(closes, OVERLAYS.sma), "--warn", 0]);
    if (priced && this.indicators.has("ema")) found.push(["EMA 50", ema(closes, OVERLAYS.ema), "--accent-ink", 0]);
    if (priced && this.indicators.has("bollinger")) {
      const { middle, upper, lower } = bollinger(closes);
      found.push(["Upper", upper, "--ink-3", 0], ["Middle", middle, "--line-2", 0], ["Lower", lower, "--ink-3", 0]);
    }
    if (this.indicators.has("rsi")) {
      found.push(["RSI 14", rsi(closes), "--accent-ink", pane]);
      pane += 1;
    }
    if (this.indicators.has("macd")) {
      const { line, signal, histogram } = macd(closes);
      found.push(["Histogram", histogram, "", pane, "histogram"], ["MACD", line, "--accent-ink", pane], ["Signal", signal, "--warn", pane]);
    }
    return found;
  }

  // `tip`: only the newest point has changed.
  drawIndicators(tip = false) {
    const parts = this.parts();
    const wanted = new Set(parts.map(([name]) => name));
    for (const [name, line] of this.lines) {
      if (wanted.has(name)) continue;
      this.chart.removeSeries(line.series);
      this.lines.delete(name);
    }
    for (const [name, values, token, pane, kind] of parts) this.drawLine({ name, values, token, pane, kind, tip });
    this.chart.panes().forEach((pane, at) => pane.setStretchFactor(at ? 1 : 4));
  }

  drawLine({ name, values, token, pane, kind, tip }) {
    let line = this.lines.get(name);
    if (line && line.pane !== pane) {
      this.chart.removeSeries(line.series);
      line = null;
    }
    if (!line) {
      const quiet = { lastValueVisible: pane > 0, priceLineVisible: false, crosshairMarkerVisible: false };
      const series = kind
        ? this.chart.addSeries(HistogramSeries, { ...quiet, lastValueVisible: false }, pane)
        : this.chart.addSeries(LineSeries, { ...quiet, lineWidth: pane ? 2 : 1.5 }, pane);
      if (name === "RSI 14") {
        for (const level of [30, 70]) series.createPriceLine({ price: level, color: colour("--line-2"), lineWidth: 1, lineStyle: LineStyle.Dashed, axisLabelVisible: false, title: "" });
      }
      line = { series, pane };
      this.lines.set(name, line);
    }
    line.values = values;
    if (!kind) line.series.applyOptions({ color: colour(token) });
    const point = (at) => {
      const time = this.bars[at].time;
      if (values[at] === null || values[at] === undefined) return { time };
      return kind ? { time, value: values[at], color: colour(values[at] >= 0 ? "--up" : "--down", 0.5) } : { time, value: values[at] };
    };
    if (tip && this.bars.length) line.series.update(point(this.bars.length - 1));
    else line.series.setData(this.bars.map((_, at) => point(at)));
  }

  // bars of another symbol, or null: both in percent of the first visible bar
  compare(name, bars) {
    if (this.other) this.chart.removeSeries(this.other.series);
    this.other = null;
    if (bars) {
      const series = this.chart.addSeries(LineSeries, { lineWidth: 2, priceLineVisible: false, color: colour("--agent"), title: name });
      series.setData(bars.map((bar) => ({ time: bar.time, value: bar.close })));
      this.other = { series, name, bars };
    }
    this.chart.priceScale("right").applyOptions({ mode: bars ? PriceScaleMode.Percentage : PriceScaleMode.Normal });
    this.drawIndicators();
    this.tell(null);
  }

  tell(move) {
    const over = move && move.time !== undefined ? this.bars.findIndex((bar) => bar.time === move.time) : -1;
    const at = over >= 0 ? over : this.bars.length - 1;
    const bar = this.bars[at];
    if (!bar) {
      this.legend.textContent = "";
      return;
    }
    const figure = (value) => price(value, this.decimals);
    const parts = [`O ${figure(bar.open)}`, `H ${figure(bar.high)}`, `L ${figure(bar.low)}`, `C ${figure(bar.close)}`];
    if (at > 0) parts.push(signedPct((bar.close / this.bars[at - 1].close - 1) * 100));
    parts.push(`Vol ${Math.round(bar.volume).toLocaleString("en-US")}`);
    for (const [name, line] of this.lines) {
      const value = line.values[at];
      if (value !== null && value !== undefined) parts.push(`${name} ${value < 0 ? "\u2212" : ""}${price(Math.abs(value), 2)}`);
    }
    if (this.other) {
      const pair = this.other.bars.find((each) => each.time === bar.time);
      if (pair) parts.push(`${this.other.name} ${price(pair.close, 2)}`);
    }
    const words = parts.map((text) => {
      const span = document.createElement("span");
      span.textContent = text;
      return span;
    });
    this.legend.replaceChildren(...words);
  }
}
