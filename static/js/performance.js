// Equity in the upper pane, drawdown from the high in the lower one.

import {
  AreaSeries,
  BaselineSeries,
  LineStyle,
  createChart,
} from "../vendor/lightweight-charts-5.2.1/lightweight-charts.standalone.production.mjs";
import { colour, fitted, options, themed } from "./charts.js";
import { marketTime, price } from "./format.js";

export class PerformanceChart {
  // rows: [epoch seconds, equity, drawdown in percent, not above 0]
  constructor(element, rows, initial) {
    this.chart = createChart(element, this.options());
    this.equity = this.chart.addSeries(BaselineSeries, { baseValue: { type: "price", price: initial }, lineWidth: 2, priceLineVisible: false, priceFormat: { type: "custom", minMove: 1, formatter: (value) => price(value, 0) } });
    this.fall = this.chart.addSeries(AreaSeries, { lineWidth: 1, priceLineVisible: false, invertFilledArea: true, priceFormat: { type: "custom", minMove: 0.01, formatter: (value) => `${price(value)}%` } }, 1);
    this.equity.setData(rows.map(([time, value]) => ({ time, value })));
    this.fall.setData(rows.map(([time, , value]) => ({ time, value })));
    this.base = this.equity.createPriceLine({ price: initial, lineWidth: 1, lineStyle: LineStyle.Dashed, axisLabelVisible: false, title: "" });
    // Nothing lies above the high.
    this.fall.applyOptions({
      autoscaleInfoProvider: (original) => {
        const info = original();
        if (info && info.priceRange) info.priceRange.maxValue = 0;
        return info;
      },
    });
    this.fall.priceScale().applyOptions({ scaleMargins: { top: 0.02, bottom: 0.12 } });
    const panes = this.chart.panes();
    panes[0].setStretchFactor(0.7);
    panes[1].setStretchFactor(0.3);
    fitted(this.chart, element);
    themed(() => this.paint());
  }

  options() {
    const base = options();
    return {
      ...base,
      layout: { ...base.layout, panes: { separatorColor: colour("--line"), enableResize: false } },
      localization: { timeFormatter: (time) => marketTime(time * 1000) },
      timeScale: { ...base.timeScale, rightOffset: 0, fixLeftEdge: true, fixRightEdge: true },
      handleScale: false,
      handleScroll: false,
    };
  }

  paint() {
    this.chart.applyOptions(this.options());
    this.equity.applyOptions({
      topLineColor: colour("--up"),
      topFillColor1: colour("--up", 0.22),
      topFillColor2: colour("--up", 0.02),
      bottomLineColor: colour("--down"),
      bottomFillColor1: colour("--down", 0.02),
      bottomFillColor2: colour("--down", 0.22),
    });
    this.fall.applyOptions({ lineColor: colour("--down"), topColor: colour("--down", 0.28), bottomColor: colour("--down", 0.06) });
    this.base.applyOptions({ color: colour("--ink-3") });
  }
}
