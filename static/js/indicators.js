// Indicators over arrays of numbers, oldest first. Where one is not defined yet, it is null. For showing only.

export function sma(values, length) {
  let sum = 0;
  return values.map((value, at) => {
    sum += value;
    if (at >= length) sum -= values[at - length];
    return at >= length - 1 ? sum / length : null;
  });
}

// Begins with the simple average of the first `length` values, as chart programs do.
export function ema(values, length) {
  const weight = 2 / (length + 1);
  const found = [];
  let sum = 0;
  let last = null;
  values.forEach((value, at) => {
    sum += value;
    if (at === length - 1) last = sum / length;
    else if (at >= length) last += weight * (value - last);
    found.push(at >= length - 1 ? last : null);
  });
  return found;
}

// The middle, and `width` population deviations above and below it.
export function bollinger(values, length = 20, width = 2) {
  const middle = sma(values, length);
  const upper = [];
  const lower = [];
  middle.forEach((mean, at) => {
    if (mean === null) {
      upper.push(null);
      lower.push(null);
      return;
    }
    let squares = 0;
    for (let back = at - length + 1; back <= at; back += 1) squares += (values[back] - mean) ** 2;
    const deviation = Math.sqrt(squares / length);
    upper.push(mean + width * deviation);
    lower.push(mean - width * deviation);
  });
  return { middle, upper, lower };
}

// Wilder's: the first averages are simple, the later ones smoothed by 1 / length.
export function rsi(values, length = 14) {
  const found = values.map(() => null);
  let gain = 0;
  let loss = 0;
  for (let at = 1; at < values.length; at += 1) {
    const move = values[at] - values[at - 1];
    const [up, down] = [Math.max(move, 0), Math.max(-move, 0)];
    if (at <= length) {
      gain += up / length;
      loss += down / length;
    } else {
      gain += (up - gain) / length;
      loss += (down - loss) / length;
    }
    if (at >= length) found[at] = gain + loss === 0 ? 50 : (100 * gain) / (gain + loss);
  }
  return found;
}

export function macd(values, fast = 12, slow = 26, signal = 9) {
  const [quick, calm] = [ema(values, fast), ema(values, slow)];
  const line = quick.map((value, at) => (value === null || calm[at] === null ? null : value - calm[at]));
  const start = line.findIndex((value) => value !== null);
  const smooth = start < 0 ? [] : ema(line.slice(start), signal);
  const signals = line.map((_, at) => (start < 0 || at < start ? null : smooth[at - start]));
  const histogram = line.map((value, at) => (signals[at] === null || signals[at] === undefined ? null : value - signals[at]));
  return { line, signal: signals, histogram };
}

// Each value in percent of the first one.
export function normalised(values) {
  const base = values.find((value) => value > 0);
  return values.map((value) => (base ? (value / base - 1) * 100 : null));
}
