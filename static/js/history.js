// Bars of a symbol from the site's own data feed, oldest first: {time, open, high, low, close, volume}.

const PAGE = 500;

function rows(body) {
  return body.t.map((time, at) => ({ time, open: body.o[at], high: body.h[at], low: body.l[at], close: body.c[at], volume: body.v ? body.v[at] : 0 }));
}

export function seconds(resolution) {
  return { "1D": 86_400, "1W": 604_800 }[resolution] || Number(resolution) * 60;
}

// As traded: the protocol of charts knows adjusted bars only.
async function unadjusted({ symbol, resolution, to, count }) {
  const query = new URLSearchParams({ resolution, to, limit: count, adjusted: "false" });
  const body = await read(`/api/v1/assets/${encodeURIComponent(symbol)}/candles_v2?${query}`);
  const names = ["open", "high", "low", "close"];
  const bars = body.candles.map((row) => ({ time: row.time, volume: row.volume, ...Object.fromEntries(names.map((name) => [name, Number(row[name])])) }));
  return { bars, ended: bars.length < count };
}

async function read(url) {
  const answer = await fetch(url, { headers: { Accept: "application/json" } });
  if (!answer.ok) throw new Error(`history: ${answer.status}`);
  return answer.json();
}

// `to` is not part of it. Answers { bars, ended }: `ended` says that nothing is older.
export async function history({ symbol, resolution, to, count = PAGE, adjusted = true }) {
  const until = to ?? Math.floor(Date.now() / 1000) + 2 * seconds(resolution);
  if (!adjusted) return unadjusted({ symbol, resolution, to: until, count });
  const query = new URLSearchParams({ symbol, resolution, to: until, from: Math.max(0, until - count * seconds(resolution)), countback: count });
  const body = await read(`/api/v1/udf/history?${query}`);
  if (body.s === "error") throw new Error(body.errmsg);
  if (body.s === "no_data") {
    if (body.nextTime) return history({ symbol, resolution, to: body.nextTime + 1, count });
    return { bars: [], ended: true };
  }
  return { bars: rows(body), ended: body.t.length < count };
}
