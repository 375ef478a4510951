// The cockpit of an account of the firm: its curve with floors and target, moved by the stream.

import { EquityCurve, colour, themed } from "./charts.js";
import { places } from "./format.js";
import { Stream } from "./stream.js";
import { LineStyle } from "../vendor/lightweight-charts-5.2.1/lightweight-charts.standalone.production.mjs";

const root = document.getElementById("prop-account");
const holder = root && root.querySelector('[data-chart="prop-equity"]');
const scale = root ? 10 ** places(root.dataset.currency) : 1;

if (holder) {
  const points = JSON.parse(document.getElementById("curve").textContent);
  const lines = JSON.parse(document.getElementById("lines").textContent);
  const initial = Number(root.dataset.initial) / scale;
  const curve = new EquityCurve(holder, points.map(([time, minor]) => [time, minor / scale]), initial);
  // Lines far away would press the curve flat: the nearest floor is always in sight, the others when they are near.
  const values = points.map(([, minor]) => minor / scale);
  const floors = lines.filter((line) => line.kind === "floor").map((line) => line.minor / scale);
  const shown = floors.length ? [Math.max(...floors)] : [];
  curve.series.applyOptions({
    autoscaleInfoProvider: (original) => {
      const info = original();
      if (info && info.priceRange) {
        info.priceRange.minValue = Math.min(info.priceRange.minValue, initial * 0.9995, ...shown);
        info.priceRange.maxValue = Math.max(info.priceRange.maxValue, initial * 1.0005, ...values);
      }
      return info;
    },
  });
  // Where no floor trails, the high water is the curve's own.
  if (!lines.some((line) => line.kind === "high")) lines.push({ title: "High water", kind: "high", minor: Math.max(...values) * scale });
  const drawn = lines.map((line) => ({
    line,
    drawn: curve.series.createPriceLine({ price: line.minor / scale, title: line.title, lineWidth: 1, lineStyle: LineStyle.Dotted, axisLabelVisible: line.kind !== "high" }),
  }));
  const colours = { floor: "--down", target: "--up", high: "--ink-3" };
  themed(() => {
    for (const { line, drawn: one } of drawn) one.applyOptions({ color: colour(colours[line.kind]) });
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
