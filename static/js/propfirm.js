// The cockpit of an account of the firm: its curve with floors, high water and target, moved by the figures that live.

import { EquityCurve, colour, themed } from "./charts.js";
import { places, price } from "./format.js";
import { Stream } from "./stream.js";
import { LineSeries, LineStyle, LineType } from "../vendor/lightweight-charts-5.2.1/lightweight-charts.standalone.production.mjs";

const root = document.getElementById("prop-account");
const holder = root && root.querySelector('[data-chart="prop-equity"]');
const scale = root ? 10 ** places(root.dataset.currency) : 1;
const read = (id) => JSON.parse(document.getElementById(id).textContent);

const MINUTE = 60;

// How each kind is drawn: a daily floor is told from the one of the whole account by its dashes.
const LOOKS = {
  daily_loss: { token: "--down", lineStyle: LineStyle.Dashed, isFloor: true },
  max_loss: { token: "--down", lineStyle: LineStyle.Solid, isFloor: true },
  profit_target: { token: "--up", lineStyle: LineStyle.Dotted },
  high_water: { token: "--ink-3", lineStyle: LineStyle.Dotted, isQuiet: true },
};

// A line under the curve: drawn as it lay, where that is known, and as it lies now.
class Line {
  constructor(curve, times, line) {
    this.look = LOOKS[line.kind];
    this.now = line.minor / scale;
    this.course = line.course.map((minor) => (minor === null ? null : minor / scale));
    const style = { lineWidth: 1, lineStyle: this.look.lineStyle };
    this.drawn = this.course.some((value) => value !== null)
      ? curve.chart.addSeries(LineSeries, { ...style, title: this.look.isQuiet ? "" : line.title, lineType: LineType.WithSteps, priceLineVisible: false, lastValueVisible: !this.look.isQuiet, crosshairMarkerVisible: false, autoscaleInfoProvider: () => null })
      : null;
    if (this.drawn) {
      this.drawn.setData(times.map((time, index) => (this.course[index] === null ? { time } : { time, value: this.course[index] })));
    } else {
      this.level = curve.series.createPriceLine({ ...style, price: this.now, title: line.title, axisLabelVisible: !this.look.isQuiet });
    }
  }

  // The lowest that it lay.
  get low() {
    return Math.min(this.now, ...this.course.filter((value) => value !== null));
  }

  paint() {
    (this.drawn || this.level).applyOptions({ color: colour(this.look.token) });
  }

  move(time, minor) {
    const value = minor / scale;
    // A high water never falls, whatever the figures of the moment say.
    this.now = this.look.isQuiet ? Math.max(this.now, value) : value;
    if (this.drawn) this.drawn.update({ time, value: this.now });
    else this.level.applyOptions({ price: this.now });
  }
}

if (holder) {
  const points = read("curve");
  const initial = Number(root.dataset.initial) / scale;
  const curve = new EquityCurve(holder, points.map(([time, minor]) => [time, minor / scale]), initial);
  const times = points.map(([time]) => time);
  const lines = new Map(read("lines").map((line) => [line.key, new Line(curve, times, line)]));
  let [low, high] = [initial, initial];
  for (const [, minor] of points) [low, high] = [Math.min(low, minor / scale), Math.max(high, minor / scale)];
  // Lines far away would press the curve flat: the nearest floor is always in sight, the others when they are near.
  const nearest = () => [...lines.values()].filter((line) => line.look.isFloor).sort((a, b) => b.now - a.now)[0];
  curve.series.applyOptions({
    autoscaleInfoProvider: (original) => {
      const info = original();
      if (info && info.priceRange) {
        const floor = nearest();
        info.priceRange.minValue = Math.min(info.priceRange.minValue, low, initial * 0.9995, floor ? floor.low : initial);
        info.priceRange.maxValue = Math.max(info.priceRange.maxValue, high, initial * 1.0005);
      }
      return info;
    },
  });
  themed(() => {
    for (const line of lines.values()) line.paint();
  });
  const goOn = (figures) => {
    if (!figures || !figures.dataset.now) return;
    const now = JSON.parse(figures.dataset.now);
    // History has a point a minute: what moves within one moves that point.
    const at = Math.max(Math.floor(now.at / MINUTE) * MINUTE, curve.last);
    if (now.at < curve.last) return;
    [low, high] = [Math.min(low, now.equity / scale), Math.max(high, now.equity / scale)];
    for (const [key, minor] of Object.entries(now.lines)) if (lines.has(key)) {
      lines.get(key).move(at, minor);
      const said = document.querySelector(`[data-line="${key}"]`);
      if (said) said.textContent = price(lines.get(key).now, places(root.dataset.currency));
    }
    curve.add(at, now.equity / scale);
  };
  goOn(document.getElementById("prop-live"));
  document.body.addEventListener("htmx:afterSettle", (event) => {
    if (event.target.id === "prop-live") goOn(event.target);
  });
}

if (root && root.dataset.channels) {
  const changed = () => document.body.dispatchEvent(new CustomEvent("account-changed"));
  new Stream({
    channels: root.dataset.channels,
    secondsPerTick: root.dataset.seconds,
    status: root.dataset.status,
    // What a verdict changes comes with the figures, which load the page anew when it is about something else now.
    handlers: { fill: changed, order: changed, reconnected: changed, verdict: changed },
  });
}
