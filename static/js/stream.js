// Server-sent events with reconnect and backoff, and an honest indicator: live, reconnecting, stale, paused, ended.

const MAX_WAIT = 30000;

export class Stream {
  constructor({ channels, secondsPerTick, status, handlers }) {
    this.channels = channels;
    this.handlers = handlers;
    this.expected = Math.max(10, 3 * Number(secondsPerTick || 5)) * 1000;
    this.status = status;
    this.tries = 0;
    this.lastId = "";
    this.lastTick = Date.now();
    this.source = null;
    this.open = this.open.bind(this);
    this.watch = setInterval(() => this.checkStale(), 1000);
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden && !this.source) this.open();
    });
    window.addEventListener("pagehide", () => this.close());
    window.addEventListener("pageshow", (event) => {
      if (event.persisted) this.open();
    });
    this.open();
  }

  async open() {
    clearTimeout(this.timer);
    if (this.source) return;
    this.show(this.tries ? "reconnecting" : "connecting");
    let url;
    try {
      url = await this.address();
    } catch {
      this.retry();
      return;
    }
    // Whoever may not hear of it is not asked again.
    if (!url) {
      clearInterval(this.watch);
      this.show("stale", "not live for you");
      return;
    }
    if (this.source) return;
    const source = new EventSource(url);
    this.source = source;
    source.onopen = () => {
      const again = this.tries > 0;
      this.tries = 0;
      this.lastTick = Date.now();
      this.show("live");
      if (again && this.handlers.reconnected) this.handlers.reconnected();
      else if (this.handlers.opened) this.handlers.opened();
    };
    source.onerror = () => {
      this.close();
      this.retry();
    };
    source.addEventListener("overflow", () => this.handlers.reconnected && this.handlers.reconnected());
    for (const name of ["tick", "standings", "status", "decision", "order", "fill", "quote", "comment", "verdict"]) {
      source.addEventListener(name, (event) => this.receive(name, event));
    }
  }

  async address() {
    const base = document.body.dataset.stream;
    const query = new URLSearchParams({ channels: this.channels });
    if (this.channels.includes("account:")) {
      const answer = await fetch(`/stream-token?${query}`, { headers: { Accept: "application/json" }, credentials: "same-origin" });
      if (answer.status === 401 || answer.status === 403) return "";
      if (!answer.ok) throw new Error(`stream token: ${answer.status}`);
      query.set("token", (await answer.json()).token);
    }
    if (this.lastId) query.set("last_event_id", this.lastId);
    return `${base}/events?${query}`;
  }

  receive(name, event) {
    if (event.lastEventId) this.lastId = event.lastEventId;
    const data = JSON.parse(event.data);
    if (name === "tick") {
      this.lastTick = Date.now();
      document.body.classList.remove("is-stale");
      this.show("live");
    }
    if (name === "status" && data.status) {
      this.status = data.status;
      this.lastTick = Date.now();
      this.show("live");
    }
    const handler = this.handlers[name];
    if (handler) handler(data);
  }

  retry() {
    const wait = Math.min(MAX_WAIT, 1000 * 2 ** this.tries) * (0.7 + Math.random() * 0.6);
    this.tries += 1;
    this.show("reconnecting");
    this.timer = setTimeout(this.open, wait);
  }

  close() {
    if (this.source) this.source.close();
    this.source = null;
  }

  get isPlaying() {
    return this.status === "running" || this.status === "active";
  }

  checkStale() {
    const age = Date.now() - this.lastTick;
    const stale = this.isPlaying && age > this.expected;
    document.body.classList.toggle("is-stale", stale);
    if (stale) this.show("stale", `no print for ${Math.round(age / 1000)} s`);
  }

  show(state, text) {
    let shown = state;
    if (state === "live" && !this.isPlaying) shown = this.status;
    for (const element of document.querySelectorAll("[data-live]")) {
      if (element.dataset.liveState !== shown) element.dataset.liveState = shown;
      const words = element.querySelector("[data-live-text]");
      const next = text || shown;
      if (words.textContent !== next) words.textContent = next;
    }
  }
}
