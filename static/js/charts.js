// lightweight-charts in the colours of the page, in both themes.

import {
  BaselineSeries,
  CandlestickSeries,
  LineSeries,
  LineStyle,
  createChart,
  createSeriesMarkers,
} from "../vendor/lightweight-charts-5.2.1/lightweight-charts.standalone.production.mjs";
import { marketTime, price } from "./format.js";

const pen = document.createElement("canvas").getContext("2d", { willReadFrequently: true });

// The library reads rgb only: paint the token's OKLCH colour and read it back.
export function colour(token, alpha = 1) {
  const value = getComputedStyle(document.documentElement).getPropertyValue(token).trim();
  pen.clearRect(0, 0, 1, 1);
  pen.fillStyle = value;
  pen.fillRect(0, 0, 1, 1);
  const [r, g, b] = pen.getImageData(0, 0, 1, 1).data;
  return `rgba(${r}, ${g}, ${b}, ${alpha})`;
}

export function options() {
  return {
    autoSize: true,
    localization: { priceFormatter: (value) => price(value) },
    layout: {
      background: { color: "transparent" },
      textColor: colour("--ink-3"),
      fontFamily: '"Inter Variable", system-ui, sans-serif',
      fontSize: 11,
      attributionLogo: false,
    },
    grid: { vertLines: { visible: false }, horzLines: { color: colour("--line", 0.55) } },
    rightPriceScale: { borderVisible: false },
    timeScale: { borderColor: colour("--line"), rightOffset: 3 },
    crosshair: {
      vertLine: { color: colour("--line-2"), labelBackgroundColor: colour("--ink-2") },
      horzLine: { color: colour("--line-2"), labelBackgroundColor: colour("--ink-2") },
    },
    handleScale: { mouseWheel: false },
    handleScroll: { mouseWheel: false, vertTouchDrag: false },
  };
}

export function themed(paint) {
  paint();
  window.addEventListener("themechange", paint);
}

// A course that nobody scrolls: all of it, whatever the width.
export function fitted(chart, element) {
  new ResizeObserver(() => requestAnimationFrame(() => chart.timeScale().fitContent())).observe(element);
}

export class Candles {
  constructor(element) {
    this.element = element;
    this.chart = createChart(element, options());
    this.series = this.chart.addSeries(CandlestickSeries, {});
    this.pins = createSeriesMarkers(this.series, []);
    this.fills = [];
    this.bars = [];
    themed(() => this.paint());
  }

  paint() {
    const [up, down] = [colour("--up"), colour("--down")];
    this.chart.applyOptions(options());
    this.series.applyOptions({ upColor: up, wickUpColor: up, borderUpColor: up, downColor: down, wickDownColor: down, borderDownColor: down, priceLineColor: colour("--ink-3") });
    this.mark(this.fills);
  }

  // rows: [date, open, high, low, close]
  load(rows) {
    this.bars = rows.map(([time, open, high, low, close]) => ({ time, open: +open, high: +high, low: +low, close: +close }));
    this.chart.timeScale().applyOptions({ timeVisible: typeof (rows.length && rows[0][0]) === "number" });
    this.series.setData(this.bars.map((bar) => ({ ...bar })));
    this.mark(this.fills);
    const last = this.bars.length;
    this.chart.timeScale().setVisibleLogicalRange({ from: Math.max(-2, last - this.barsThatFit()), to: last + 3 });
  }

  barsThatFit() {
    return Math.max(30, Math.floor((this.element.clientWidth - 60) / 9));
  }

  tick(date, last, isOpen) {
    const bar = this.bars[this.bars.length - 1];
    if (bar && bar.time === date && !isOpen) {
      bar.high = Math.max(bar.high, last);
      bar.low = Math.min(bar.low, last);
      bar.close = last;
      this.series.update({ ...bar });
    } else if (!bar || bar.time <= date) {
      const next = { time: date, open: last, high: last, low: last, close: last };
      if (bar && bar.time === date) this.bars.pop();
      this.bars.push(next);
      this.series.update({ ...next });
    }
  }

  // fills: {time, side, price, quantity} of the symbol shown
  mark(fills) {
    this.fills = fills;
    const shown = new Set(this.bars.map((bar) => bar.time));
    this.pins.setMarkers(
      fills
        .filter((fill) => shown.has(fill.time))
        .sort((a, b) => (a.time < b.time ? -1 : 1))
        .map((fill) => ({
          time: fill.time,
          position: fill.side === "buy" ? "belowBar" : "aboveBar",
          shape: fill.side === "buy" ? "arrowUp" : "arrowDown",
          color: colour("--accent-ink"),
          text: `${fill.side === "buy" ? "B" : "S"} ${fill.quantity}`,
        })),
    );
  }
}

export class EquityCurve {
  // points: [epoch seconds, value]; green above the starting balance, vermilion below it
  constructor(element, points, initial) {
    this.chart = createChart(element, this.options());
    this.series = this.chart.addSeries(BaselineSeries, { baseValue: { type: "price", price: initial }, lineWidth: 2, priceLineVisible: false });
    this.last = -Infinity;
    this.first = points.length ? points[0][0] : null;
    this.series.setData(points.map(([time, value]) => ({ time, value })));
    if (points.length) this.last = points[points.length - 1][0];
    this.base = this.series.createPriceLine({ price: initial, lineWidth: 1, lineStyle: LineStyle.Dashed, axisLabelVisible: false, title: "" });
    this.series.applyOptions({
      // The library asks before it has laid anything out, too: then there is no range yet.
      autoscaleInfoProvider: (original) => {
        const info = original();
        const range = info && info.priceRange;
        if (range) {
          range.minValue = Math.min(range.minValue, initial * 0.9995);
          range.maxValue = Math.max(range.maxValue, initial * 1.0005);
        }
        return info;
      },
    });
    fitted(this.chart, element);
    themed(() => this.paint());
  }

  options() {
    const base = options();
    // A curve of hours says the hours; one of years only the days.
    const timeVisible = Number.isFinite(this.last) && this.last - this.first < 3 * DAY;
    return {
      ...base,
      localization: { priceFormatter: (value) => price(value, 0), timeFormatter: (time) => marketTime(time * 1000) },
      timeScale: { ...base.timeScale, timeVisible, secondsVisible: false, rightOffset: 0, fixLeftEdge: true, fixRightEdge: true },
      handleScale: false,
      handleScroll: false,
    };
  }

  paint() {
    const [up, down] = ["--up", "--down"];
    this.chart.applyOptions(this.options());
    this.series.applyOptions({
      topLineColor: colour(up),
      topFillColor1: colour(up, 0.24),
      topFillColor2: colour(up, 0.03),
      bottomLineColor: colour(down),
      bottomFillColor1: colour(down, 0.03),
      bottomFillColor2: colour(down, 0.24),
    });
    this.base.applyOptions({ color: colour("--ink-3") });
  }

  add(time, value) {
    if (time < this.last) return;
    if (this.first === null) this.first = time;
    this.last = time;
    this.series.update({ time, value });
    this.chart.timeScale().fitContent();
  }
}

// A market day is one day of the chart's axis, so that the axis marks days.
const DAY = 86_400;

export class Race {
  // dayPrints: how many prints make a market day
  constructor(element, dayPrints) {
    this.dayPrints = dayPrints;
    this.chart = createChart(element, this.options());
    this.isWide = element.clientWidth > 600;
    this.lines = new Map();
    this.tick = -1;
    fitted(this.chart, element);
    themed(() => this.paint());
  }

  options() {
    const base = options();
    const percent = (value) => `${value > 0 ? "+" : value < 0 ? "\u2212" : ""}${Math.abs(value).toFixed(2)}%`;
    const day = (time) => `day ${Math.floor(time / DAY) + 1}`;
    return {
      ...base,
      localization: { priceFormatter: percent, timeFormatter: day },
      timeScale: { ...base.timeScale, tickMarkFormatter: (time) => (time % DAY ? "" : day(time)), fixLeftEdge: true },
      rightPriceScale: { ...base.rightPriceScale, scaleMargins: { top: 0.08, bottom: 0.08 } },
      handleScale: false,
      handleScroll: false,
    };
  }

  time(tick) {
    const day = Math.floor(tick / this.dayPrints);
    return day * DAY + Math.floor(((tick - day * this.dayPrints) * DAY) / this.dayPrints);
  }

  // rows: {id, name, colour, points: [percent]} with the newest point at `tick`
  load(tick, rows) {
    this.tick = tick;
    for (const row of rows) {
      const series = this.chart.addSeries(LineSeries, { lineWidth: 2, priceLineVisible: false, crosshairMarkerRadius: 3, title: this.isWide ? row.name : "" });
      const first = tick - row.points.length + 1;
      series.setData(row.points.map((value, index) => ({ time: this.time(Math.max(0, first + index)), value })));
      this.lines.set(String(row.id), { series, colour: row.colour });
    }
    const zero = rows.length && this.lines.get(String(rows[0].id)).series;
    if (zero) this.base = zero.createPriceLine({ price: 0, lineWidth: 1, lineStyle: LineStyle.Dashed, axisLabelVisible: false, title: "" });
    this.paint();
    this.chart.timeScale().fitContent();
  }

  paint() {
    this.chart.applyOptions(this.options());
    for (const line of this.lines.values()) line.series.applyOptions({ color: colour(`--race-${line.colour}`) });
    if (this.base) this.base.applyOptions({ color: colour("--line-2") });
  }

  add(tick, id, percent) {
    const line = this.lines.get(String(id));
    if (!line || tick < this.tick) return;
    line.series.update({ time: this.time(tick), value: percent });
  }

  moved(tick) {
    this.tick = tick;
  }
}
