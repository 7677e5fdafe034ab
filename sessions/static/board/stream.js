/*
 * The stream of a session for a page or an integrator: every event once, in order, whatever the connection does.
 *
 *   const stream = openStream("/api/v1/sessions/…/stream", {
 *     lastId: 17,                                   // the last event that the page already shows
 *     eventsUrl: "/api/v1/sessions/…/events",       // polled where streaming is blocked, and slowly in a hidden tab
 *     onEvent({ id, type, data }) {},               // each id once, ascending
 *     onGap({ expected, actual, missed }) {},       // history is gone: show the page anew, or say so
 *     onLive({ type, data }) {},                    // what is being written right now, if given: without an id
 *     onState({ state, seconds, status, lastId }) {},
 *   });
 *   // of many sessions (/api/v1/sessions/stream, /api/v1/operations/stream): ids are no numbers of events, so
 *   // `numbered: false`; every message comes to onEvent, with `id` null where it carries none
 *   stream.retryNow(); stream.close(); stream.lastId;
 *
 * States: connecting, live, waiting (with seconds left), offline, polling, resting (hidden tab), ended (the session is
 * over and everything was delivered), stopped (status says why: 401, 403, 404, 410; 0 when the page closed it).
 *
 * It reads with fetch, not with EventSource: an EventSource gives up for good on 429 and 503, hides the status, and
 * cannot see keepalives, so after a laptop's sleep it waits on a dead connection.
 */

const TERMINAL = new Set(["session_completed", "session_failed", "session_killed"]);
const FINAL_STATUS = new Set([401, 403, 404, 410]);

const DEFAULTS = {
  lastId: 0,
  numbered: true,
  eventsUrl: "",
  headers: {},
  onEvent() {},
  onGap() {},
  onLive: null,
  onState() {},
  firstByte: 8_000, // ms until the greeting must be there, else something in between holds the stream back
  silence: 40_000, // ms without a keepalive (they come every 15 s) until the connection counts as dead
  longest: 60, // s, the longest wait of our own choosing
  pollEvery: 3_000, // ms between polls while streaming is blocked
  tryStreamAgain: 60_000, // ms of polling until streaming is tried again
  restAfter: 60_000, // ms hidden until the tab gives its connection back (browsers allow six for a host)
  restEvery: 30_000, // ms between polls of a hidden tab
};

export function openStream(url, options = {}) {
  return new Stream(url, { ...DEFAULTS, ...options });
}

/** Splits text into server-sent events; `push` takes any cut of it. */
export class Parser {
  #rest = "";
  #fields = {};

  constructor(onMessage, onRetry) {
    this.onMessage = onMessage;
    this.onRetry = onRetry;
  }

  push(text) {
    const lines = (this.#rest + text).split(/\r\n|\n|\r(?!$)/);
    this.#rest = lines.pop();
    for (const line of lines) this.#line(line);
  }

  #line(line) {
    if (line === "") {
      const fields = this.#fields;
      this.#fields = {};
      if (fields.data !== undefined) this.onMessage(fields);
      return;
    }
    const colon = line.indexOf(":");
    if (colon === 0) return;
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (name === "retry") this.onRetry(Number(value));
    else if (name === "data" && this.#fields.data !== undefined) this.#fields.data += "\n" + value;
    else this.#fields[name] = value;
  }
}

class Stream {
  #url;
  #options;
  #last;
  #tab = Math.random().toString(36).slice(2);
  #closed = false;
  #state = {};
  #attempts = 0; // connections in a row that did not last
  #retry = 3_000; // the server's hint
  #overAt = -1; // the id of a terminal event that nothing has followed yet
  #blocked = 0; // streams in a row that never said a word
  #abort = null;
  #heard = 0; // wall clock of the last byte
  #hiddenSince = document.hidden ? Date.now() : 0;
  #wake = null; // ends the current wait
  #mustWait = false; // the server asked for this wait: nothing shortens it
  #remove = new AbortController();

  constructor(url, options) {
    this.#url = url;
    this.#options = options;
    this.#last = Number(options.lastId) || 0;
    const on = (target, type, run) => target.addEventListener(type, run, { signal: this.#remove.signal });
    on(window, "online", () => this.#nudge());
    on(window, "offline", () => this.#abort?.abort());
    on(window, "pageshow", () => this.#awake());
    on(document, "resume", () => this.#awake());
    on(document, "visibilitychange", () => {
      this.#hiddenSince = document.hidden ? Date.now() : 0;
      if (!document.hidden) this.#awake();
    });
    this.#run();
  }

  get lastId() {
    return this.#last;
  }

  close() {
    this.#finish("stopped", 0);
  }

  /** Ends a wait of our own choosing; one that the server asked for goes on. */
  retryNow() {
    this.#nudge();
  }

  async #run() {
    await null; // the caller gets the object before the first callback
    while (!this.#closed) {
      if (this.#resting) await this.#poll("resting", this.#options.restEvery, () => this.#resting);
      else if (navigator.onLine === false) await this.#offline();
      else if (this.#blocked >= 2 && this.#options.eventsUrl) {
        const until = Date.now() + this.#options.tryStreamAgain;
        await this.#poll("polling", this.#options.pollEvery, () => Date.now() < until && !this.#resting);
        this.#blocked = 1;
      } else await this.#connect();
    }
  }

  get #resting() {
    const since = this.#hiddenSince;
    return Boolean(this.#options.eventsUrl && since && Date.now() - since >= this.#options.restAfter);
  }

  async #connect() {
    this.#tell("connecting");
    const started = Date.now();
    let outcome;
    try {
      outcome = await this.#listen();
    } catch {
      outcome = {}; // no connection, or it broke
    }
    if (this.#closed || this.#resting) return;
    if (outcome.final) return this.#finish(outcome.final, outcome.status ?? 200);
    if (Date.now() - started > 10_000) this.#attempts = 0;
    await this.#pause(outcome);
  }

  /** Reads one response to its end; returns what to do next. */
  async #listen() {
    const abort = (this.#abort = new AbortController());
    let spoken = false;
    const watch = setInterval(() => {
      const patience = spoken ? this.#options.silence : this.#options.firstByte;
      if (Date.now() - this.#heard > patience || this.#resting) abort.abort();
    }, 500);
    this.#heard = Date.now();
    try {
      const query = `lastEventId=${this.#last}&tab=${this.#tab}${this.#options.onLive ? "&live=1" : ""}`;
      const response = await fetch(this.#url + (this.#url.includes("?") ? "&" : "?") + query, {
        headers: { Accept: "text/event-stream", ...this.#options.headers },
        cache: "no-store",
        credentials: "same-origin",
        signal: abort.signal,
      });
      if (response.status === 204) return { final: "ended" };
      if (FINAL_STATUS.has(response.status)) return { final: "stopped", status: response.status };
      if (!response.ok || !(response.headers.get("Content-Type") ?? "").startsWith("text/event-stream"))
        return { status: response.status, after: Number(response.headers.get("Retry-After")) || 0 };
      let end = {};
      const parser = new Parser(
        (fields) => {
          if (fields.event === "stream_end") end = JSON.parse(fields.data);
          else this.#take(fields);
        },
        (milliseconds) => (this.#retry = milliseconds || this.#retry),
      );
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      for (;;) {
        const { done, value } = await reader.read();
        if (this.#closed) return {};
        if (done) break;
        this.#heard = Date.now();
        if (!spoken) {
          spoken = true;
          this.#blocked = 0;
          this.#tell("live");
        }
        parser.push(value);
      }
      if (end.reason === "forbidden") return { final: "stopped", status: 403 };
      if (end.reason === "gone") return { final: "stopped", status: 404 };
      if (end.retry_ms !== undefined) return { soon: end.retry_ms };
      return this.#overAt === this.#last ? { final: "ended" } : {};
    } finally {
      clearInterval(watch);
      if (!spoken && abort.signal.aborted && navigator.onLine) this.#blocked += 1;
      abort.abort();
    }
  }

  async #pause({ after = 0, soon, status = 0 }) {
    const own = soon ?? (this.#attempts === 0 ? this.#retry : Math.min(this.#options.longest, 2 ** this.#attempts) * 1000);
    if (soon === undefined) this.#attempts += 1;
    const jitter = soon === undefined ? 1 + 0.25 * Math.random() : 1;
    this.#mustWait = after > 0;
    await this.#wait("waiting", Math.max(after * 1000, own * jitter), { status });
    this.#mustWait = false;
  }

  /** Waits, telling the seconds that are left; ends early when nudged. */
  async #wait(state, milliseconds, more = {}) {
    const until = Date.now() + milliseconds;
    while (!this.#closed && Date.now() < until && !(this.#resting && state !== "resting")) {
      this.#tell(state, { ...more, seconds: Math.ceil((until - Date.now()) / 1000) });
      if (await this.#sleep(Math.min(1000, until - Date.now()))) return;
    }
  }

  #sleep(milliseconds) {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, milliseconds, false);
      this.#wake = () => {
        clearTimeout(timer);
        resolve(true);
      };
    });
  }

  async #offline() {
    this.#tell("offline");
    await this.#sleep(30_000);
    this.#attempts = 0;
  }

  async #poll(state, every, goOn) {
    this.#tell(state);
    while (!this.#closed && goOn()) {
      let wait = every;
      try {
        const response = await fetch(`${this.#options.eventsUrl}?after=${this.#last}&limit=200`, {
          headers: { Accept: "application/json", ...this.#options.headers },
          cache: "no-store",
          credentials: "same-origin",
        });
        if (this.#closed) return;
        if (FINAL_STATUS.has(response.status)) return this.#finish("stopped", response.status);
        if (response.ok) {
          const page = await response.json();
          for (const { sequence, type, data } of page.events) this.#deliver(sequence, type, data);
          if (page.ended && this.#last >= page.head) return this.#finish("ended", 200);
          if (page.next) continue;
        } else wait = Math.max(wait, 1000 * (Number(response.headers.get("Retry-After")) || 0));
      } catch {
        if (navigator.onLine === false) return;
      }
      if (!goOn()) return; // shown again while the answer was under way
      await this.#sleep(wait);
    }
  }

  #take({ event = "message", id, data }) {
    const value = JSON.parse(data);
    if (!this.#options.numbered) {
      if (id !== undefined) this.#last = Number(id);
      this.#call("onEvent", { id: id === undefined ? null : this.#last, type: event, data: value });
    } else if (event === "gap_detected") {
      this.#last = Number(id);
      this.#call("onGap", { expected: value.expected_seq, actual: value.actual_seq, missed: value.missed_count });
    } else if (id === undefined) this.#call("onLive", { type: event, data: value });
    else this.#deliver(Number(id), event, value);
  }

  #deliver(id, type, data) {
    if (!(id > this.#last)) return; // seen before
    if (id !== this.#last + 1)
      this.#call("onGap", { expected: this.#last + 1, actual: id, missed: id - this.#last - 1 });
    this.#last = id;
    this.#overAt = TERMINAL.has(type) ? id : -1;
    this.#call("onEvent", { id, type, data });
  }

  /** A page that stumbles over one event must not lose the ones after it. */
  #call(name, value) {
    try {
      this.#options[name]?.(value);
    } catch (error) {
      (globalThis.reportError ?? console.error)(error);
    }
  }

  #nudge() {
    if (!this.#mustWait) this.#wake?.();
  }

  /** Visible again, or back from sleep: what was silent for too long is dead, and nobody should wait for it. */
  #awake() {
    if (this.#state.state === "live" && Date.now() - this.#heard > 20_000) this.#abort?.abort();
    this.#nudge();
  }

  #finish(state, status) {
    if (this.#closed) return;
    this.#closed = true;
    this.#remove.abort();
    this.#abort?.abort();
    this.#wake?.();
    this.#tell(state, { status });
  }

  #tell(state, { seconds = 0, status = 0 } = {}) {
    const now = { state, seconds, status, lastId: this.#last };
    const same = this.#state.state === state && this.#state.seconds === seconds && this.#state.status === status;
    this.#state = now;
    if (!same) this.#call("onState", now);
  }
}
