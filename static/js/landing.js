// The landing page: the equity race, the leaders and the latest decisions, moving.

import { Board, Feed } from "./board.js";
import { Race } from "./charts.js";
import { Stream } from "./stream.js";

const root = document.getElementById("race");
const initial = Number(root.dataset.initial);
const percent = (minor) => Math.round(((minor - initial) / initial) * 1e6) / 1e4;
const data = JSON.parse(document.getElementById("race-data").textContent);

const race = new Race(document.querySelector("[data-race]"), Number(root.dataset.dayPrints) || 1);
race.load(data.tick, data.rows.map((row, index) => ({ id: row.id, name: row.name, colour: index % 8, points: row.points.map(percent) })));

const table = document.querySelector("[data-board]");
const board = new Board(table);
const feed = new Feed(document.querySelector("[data-feed]"));
const followed = new Set(data.rows.map((row) => String(row.id)));

new Stream({
  channels: root.dataset.channels,
  secondsPerTick: root.dataset.seconds,
  status: root.dataset.status,
  handlers: {
    tick: (event) => {
      for (const day of document.querySelectorAll('[data-clock="day"]')) day.textContent = event.day + 1;
    },
    standings: (event) => {
      for (const row of event.rows) race.add(event.tick, row.account_id, Number(row.return_pct));
      race.moved(event.tick);
      board.update(event.rows.filter((row) => followed.has(String(row.account_id))));
    },
    decision: (event) => feed.add(event),
    status: (event) => {
      if (event.slug && event.status !== root.dataset.status) setTimeout(() => window.location.reload(), 800);
    },
  },
});
