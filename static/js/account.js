// The account and agent pages: the equity curve, and a reload of the figures when something filled.

import { EquityCurve } from "./charts.js";
import { places } from "./format.js";
import { Stream } from "./stream.js";

const root = document.getElementById("account");
const holder = root.querySelector('[data-chart="equity"]');
const scale = 10 ** places(root.dataset.currency || "USD");

if (holder) {
  const points = JSON.parse(document.getElementById("curve").textContent);
  new EquityCurve(holder, points.map(([time, minor]) => [time, minor / scale]), Number(root.dataset.initial) / scale);
}

const changed = () => document.body.dispatchEvent(new CustomEvent("account-changed"));

if (root.dataset.channels) {
  new Stream({
    channels: root.dataset.channels,
    secondsPerTick: root.dataset.seconds,
    status: root.dataset.status,
    handlers: { fill: changed, order: changed, reconnected: changed },
  });
}
