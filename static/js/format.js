// Figures as the server writes them: grouped by locale, fixed decimals, a true minus, a sign on P&L.

const MINUS = "\u2212";
const ZERO_DECIMALS = new Set(["JPY", "KRW", "VND", "CLP", "ISK"]);
const THREE_DECIMALS = new Set(["BHD", "KWD", "OMR", "TND", "JOD"]);
const formats = new Map();

function grouped(value, places) {
  if (!formats.has(places)) {
    formats.set(places, new Intl.NumberFormat("en-US", { minimumFractionDigits: places, maximumFractionDigits: places }));
  }
  return formats.get(places).format(Math.abs(value));
}

function figure(value, places, signed) {
  const text = grouped(value, places);
  const isZero = Math.abs(value) < 0.5 / 10 ** places;
  if (isZero) return text;
  if (value < 0) return MINUS + text;
  return signed ? "+" + text : text;
}

export function places(currency) {
  if (ZERO_DECIMALS.has(currency)) return 0;
  return THREE_DECIMALS.has(currency) ? 3 : 2;
}

export function price(value, decimals = 2) {
  return figure(Number(value), decimals, false);
}

export function money(minor, currency) {
  const p = places(currency);
  return figure(minor / 10 ** p, p, false);
}

export function signedMoney(minor, currency) {
  const p = places(currency);
  return figure(minor / 10 ** p, p, true);
}

export function signedPct(value) {
  return figure(Number(value), 2, true) + "%";
}

export function tone(value) {
  if (!value || !Number.isFinite(value)) return "flat";
  return value > 0 ? "up" : "down";
}

export function setTone(element, value) {
  const name = tone(value);
  element.classList.toggle("up", name === "up");
  element.classList.toggle("down", name === "down");
  element.classList.toggle("flat", name === "flat");
  element.classList.toggle("arrow", name !== "flat");
}

// Write a figure; flash its cell when it changed.
export function write(element, text, direction) {
  if (!element || element.textContent === text) return;
  const first = element.textContent.trim() === "";
  element.textContent = text;
  if (first || !direction) return;
  const cell = element.closest("td") || element;
  cell.classList.remove("flash-up", "flash-down");
  void cell.offsetWidth;
  cell.classList.add(direction > 0 ? "flash-up" : "flash-down");
  // A hidden cell would play it when it is shown again.
  setTimeout(() => cell.classList.remove("flash-up", "flash-down"), 450);
}

export function ago(iso) {
  const seconds = Math.max(0, Math.round((Date.now() - Date.parse(iso)) / 1000));
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ago`;
  return `${Math.floor(seconds / 86400)} d ago`;
}

export function initials(name) {
  const words = name.replaceAll("-", " ").split(/\s+/).filter((word) => /^[\p{L}\p{N}]/u.test(word));
  return words.slice(0, 2).map((word) => word[0]).join("").toUpperCase() || "?";
}

export function duration(ms) {
  const s = Math.max(0, Math.floor(ms / 1000));
  const parts = [Math.floor(s / 86400), Math.floor((s % 86400) / 3600), Math.floor((s % 3600) / 60), s % 60];
  const two = (n) => String(n).padStart(2, "0");
  const days = parts[0] ? `${parts[0]} d ` : "";
  return `${days}${two(parts[1])}:${two(parts[2])}:${two(parts[3])}`;
}

export function marketTime(iso) {
  const at = new Date(iso);
  const date = at.toLocaleDateString("en-GB", { day: "2-digit", month: "short", year: "numeric", timeZone: "UTC" });
  const time = at.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit", timeZone: "UTC" });
  return `${date} ${time}`;
}

// A 72 x 22 sparkline, as core/templatetags/arena.py draws it.
export function sparkline(svg, points, base) {
  const values = points.slice(-60);
  if (!values.length) return;
  if (values.length === 1) values.push(values[0]);
  const [least, most] = [Math.min(...values), Math.max(...values)];
  // A base too far away to show would press the line flat: it is left out.
  const far = most > least && Math.max(most, base) - Math.min(least, base) > 2 * (most - least);
  const low = far ? least : Math.min(least, base);
  const span = (far ? most : Math.max(most, base)) - low;
  const y = (value) => (span ? 21 - ((value - low) / span) * 20 : 11);
  const step = 72 / (values.length - 1);
  const path = "M" + values.map((value, i) => `${(i * step).toFixed(1)} ${y(value).toFixed(1)}`).join("L");
  let line = svg.querySelector("line");
  let shape = svg.querySelector("path");
  const ns = "http://www.w3.org/2000/svg";
  if (!line) line = svg.appendChild(document.createElementNS(ns, "line"));
  if (!shape) shape = svg.appendChild(document.createElementNS(ns, "path"));
  line.setAttribute("x1", "0");
  line.setAttribute("x2", far ? "0" : "72");
  line.setAttribute("y1", far ? "0" : y(base).toFixed(1));
  line.setAttribute("y2", far ? "0" : y(base).toFixed(1));
  shape.setAttribute("d", path);
  svg.setAttribute("class", `spark ${tone(values[values.length - 1] - base)}`);
}
