// The analytics page: equity over its drawdowns, on one time axis.

import { PerformanceChart } from "./performance.js";
import { places } from "./format.js";

const root = document.getElementById("analytics");
const holder = root && root.querySelector('[data-chart="performance"]');

if (holder) {
  const scale = 10 ** places(root.dataset.currency);
  const rows = JSON.parse(document.getElementById("performance").textContent);
  new PerformanceChart(holder, rows.map(([time, minor, fall]) => [time, minor / scale, fall]), Number(root.dataset.initial) / scale);
}
