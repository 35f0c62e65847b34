// Many tabs that share a connection, in a browser and with a server that are both made up: time passes as fast as
// can be, and everything that may happen does, in an order that the seed decides.
//
//     node simulation.mjs CLIENT.js SEED RUNS
//
// Each tab must handle what a connection of its own would have brought: every event, in order and once, whole
// snapshots, no gap that is none. In the end all of them have everything, by one connection.
import { readFileSync } from "node:fs";

const [file, seed, runs] = process.argv.slice(2);
const source = readFileSync(file, "utf8").replace(/^export (?=class|const|function)/gm, "").replace(/^export .*$/gm, "");

const FAKES = ["globalThis", "EventSource", "BroadcastChannel", "navigator", "document", "location", "sessionStorage",
  "fetch", "reportError", "setTimeout", "clearTimeout", "setInterval", "clearInterval", "Date", "Math"];
const load = new Function(...FAKES, `${source}\nreturn EventStream;`);

function generator(seed) {
  let state = BigInt(seed);
  const random = () => {
    state = (state + 0x9e3779b97f4a7c15n) & 0xffffffffffffffffn;
    let mixed = state;
    mixed = ((mixed ^ (mixed >> 30n)) * 0xbf58476d1ce4e5b9n) & 0xffffffffffffffffn;
    mixed = ((mixed ^ (mixed >> 27n)) * 0x94d049bb133111ebn) & 0xffffffffffffffffn;
    return Number((mixed ^ (mixed >> 31n)) >> 11n) / 2 ** 53;
  };
  const below = end => Math.floor(random() * end);
  return { random, below, chance: probability => random() < probability };
}

/** Time, and what is to happen. */
class World {
  now = 0;
  #tasks = [];
  #made = 0;

  constructor(seed) {
    Object.assign(this, generator(seed));
  }

  after(wait, task) {
    const entry = { at: this.now + Math.max(0, Math.ceil(wait)), order: this.#made++, task };
    this.#tasks.push(entry);
    return entry;
  }

  async run(until) {
    for (;;) {
      let first;
      for (const entry of this.#tasks) {
        if (!first || entry.at < first.at || (entry.at === first.at && entry.order < first.order)) first = entry;
      }
      if (!first || first.at > until) break;
      this.#tasks.splice(this.#tasks.indexOf(first), 1);
      this.now = first.at;
      first.task();
      await new Promise(setImmediate); // Promises of the client's are settled before the next task.
    }
    this.now = until;
  }
}

/** The log of a server, and its connections. Of its events some are not for these tabs. */
class Server {
  events = []; // Whether each is to be seen, and can be read.
  oldest = 0; // So many are no longer kept.
  connections = new Set();
  down = false;
  answersWhenDown = true;

  constructor(world, nature) {
    Object.assign(this, { world, ...nature });
  }

  /** What stands for the place behind the event `seq`: of the event itself always the same. */
  id(seq, isEvent = false) {
    if (!this.opaque) return `s${seq}`;
    return isEvent ? `e${seq}` : `p${seq}.${this.world.below(1e9)}`;
  }

  seq(id) {
    return Number(id.slice(1).split(".")[0]);
  }

  publish(visible, readable = true) {
    this.events.push(visible && { readable });
    this.oldest = Math.max(this.oldest, this.events.length - this.kept);
    for (const connection of this.connections) this.send(connection, this.events.length);
  }

  send(connection, seq) {
    const event = this.events[seq - 1];
    if (event) connection.send("news", { seq }, this.id(seq, true), event.readable ? undefined : "{");
  }

  /** Quiet clients are moved forward. */
  beat() {
    for (const connection of this.connections) {
      const seq = this.events.length;
      if (this.opaque || !this.events[seq - 1]) connection.send("sse-cursor", {}, this.id(seq));
    }
  }

  open(connection, asked) {
    this.connections.add(connection);
    const newest = this.events.length;
    const known = asked && asked !== "earliest" ? this.seq(asked) : undefined;
    if (asked === "earliest") {
      const cursor = this.id(this.oldest);
      connection.send("sse-open", { cursor, resumed: false }, cursor);
      return this.replay(connection, this.oldest);
    }
    if (known !== undefined && known >= this.oldest) {
      const cursor = this.opaque ? this.id(known) : asked;
      connection.send("sse-open", { cursor, resumed: true }, cursor);
      return this.replay(connection, known);
    }
    const at = known === undefined ? newest : this.oldest;
    const cursor = this.id(at);
    const plain = known === undefined && !this.snapshots;
    connection.send("sse-open", { cursor, resumed: false }, plain ? cursor : undefined);
    if (known !== undefined) {
      const resumed_after = this.id(at);
      const gap = { reason: "trimmed", asked, resumed_after };
      connection.send("sse-gap", gap, this.snapshots ? undefined : resumed_after);
    }
    if (!this.snapshots) return this.replay(connection, at);
    const parts = 1 + this.world.below(3);
    for (let part = 0; part < parts; part++) connection.send("news", { state: newest, part, parts });
    connection.send("sse-cursor", {}, this.id(newest));
  }

  replay(connection, at) {
    for (let seq = at + 1; seq <= this.events.length; seq++) this.send(connection, seq);
  }

  /** It stops at once, or says so first. */
  kill(answers, drains) {
    this.down = true;
    this.answersWhenDown = answers;
    const all = [...this.connections];
    this.connections.clear();
    for (const connection of all) {
      if (drains) connection.send("sse-close", { reason: "drain", at: this.world.now });
      connection.break();
    }
  }
}

/** What tabs of an origin have in common. */
class Browser {
  channels = new Set();
  locks = new Map();
  lossy = 0;
  ends = new Map(); // When an end that the server told of was last heard of by a connection.
  most = Infinity; // So many connections it has at once. The others wait.
  refuses = undefined; // What it does not let pages have: `locks`, or `channels`, too.

  constructor(world, server) {
    Object.assign(this, { world, server });
  }

  lock(name) {
    if (!this.locks.has(name)) this.locks.set(name, { holder: undefined, queue: [] });
    return this.locks.get(name);
  }

  grant(lock) {
    if (lock.holder) return;
    const request = lock.queue.shift();
    if (!request) return;
    lock.holder = request;
    request.tab.soon(() => {
      if (lock.holder !== request) return;
      const free = () => {
        if (lock.holder === request) { lock.holder = undefined; this.grant(lock); }
      };
      Promise.resolve(request.callback({ name: request.name })).then(value => { free(); request.resolve(value); }, free);
    });
  }

  request(tab, name, options, callback) {
    if (this.refuses) return Promise.reject(new Error("no locks for this page"));
    const lock = this.lock(name);
    return new Promise((resolve, reject) => {
      const request = { tab, name, callback, resolve, reject };
      if (options.signal?.aborted) return reject(new Error("aborted"));
      if (options.ifAvailable && (lock.holder || lock.queue.length)) {
        return tab.soon(() => resolve(callback(null)));
      }
      if (options.steal) {
        const robbed = lock.holder;
        lock.holder = undefined;
        if (robbed) robbed.tab.soon(() => robbed.reject(new Error("stolen")));
        lock.queue.unshift(request);
      } else {
        lock.queue.push(request);
        options.signal?.addEventListener("abort", () => {
          const place = lock.queue.indexOf(request);
          if (place >= 0) { lock.queue.splice(place, 1); reject(new Error("aborted")); }
        });
      }
      this.grant(lock);
    });
  }

  forget(tab) {
    for (const lock of this.locks.values()) {
      lock.queue = lock.queue.filter(request => request.tab !== tab);
      if (lock.holder?.tab === tab) { lock.holder = undefined; this.grant(lock); }
    }
  }
}

class Tab {
  dead = false;
  hangsUntil = 0;
  handled = [];
  sources = new Set();
  #listeners = new Map();
  #inbox = [];

  constructor(world, browser, name, storage, options) {
    Object.assign(this, { world, browser, name, storage, made: world.now });
    const tab = this;
    const listen = (type, handle, { signal }) => {
      const all = this.#listeners.get(type) ?? new Set();
      this.#listeners.set(type, all);
      all.add(handle);
      signal.addEventListener("abort", () => all.delete(handle));
    };
    const target = { addEventListener: listen };

    class Source {
      static CONNECTING = 0;
      static OPEN = 1;
      static CLOSED = 2;
      readyState = 0;
      lastEventId = "";
      #heard = new Map();
      #wire; // The connection of now: its messages are those that count.

      constructor(url) {
        this.url = new URL(url);
        tab.sources.add(this);
        this.#connect();
      }

      addEventListener(name, handle) { this.#heard.set(name, handle); }

      #connect() {
        this.readyState = 0;
        const wire = this.#wire = { sent: 0 };
        wire.break = () => {
          // Behind what has been sent.
          world.after(wire.sent - world.now, () => tab.soon(() => { if (this.#wire === wire) this.#fail(false); }));
        };
        wire.send = (name, payload, id, data = JSON.stringify(payload)) => {
          wire.sent = Math.max(wire.sent, world.now + world.below(tab.browser.server.slow));
          world.after(wire.sent - world.now, () => tab.soon(() => {
            if (this.#wire !== wire || this.readyState === 2) return;
            this.readyState = 1;
            if (id !== undefined) this.lastEventId = id;
            if (name === "sse-close") browser.ends.set(payload.at, world.now);
            this.#heard.get(name)?.({ data, lastEventId: this.lastEventId });
          }));
        };
        const attempt = () => {
          const { server } = tab.browser;
          if (this.#wire !== wire || tab.dead) return;
          if (server.connections.size >= browser.most) return void world.after(5 + world.below(10), attempt);
          if (server.down) return tab.soon(() => { if (this.#wire === wire) this.#fail(server.answersWhenDown); });
          server.open(wire, this.lastEventId || this.url.searchParams.get("last_event_id"));
        };
        world.after(world.below(60), attempt);
      }

      #fail(forGood) {
        this.#wire = undefined;
        this.readyState = forGood ? 2 : 0;
        if (forGood) tab.sources.delete(this);
        else world.after(world.below(2000), () => { if (this.readyState === 0 && !tab.dead) this.#connect(); });
        this.onerror?.({});
      }

      close() {
        this.readyState = 2;
        tab.browser.server.connections.delete(this.#wire);
        this.#wire = undefined;
        tab.sources.delete(this);
      }
    }

    class Channel {
      constructor(name) {
        if (browser.refuses === "channels") throw new Error("no channels for this page");
        this.name = name;
        this.tab = tab;
        this.due = new Map();
        browser.channels.add(this);
      }
      postMessage(word) {
        for (const other of browser.channels) {
          if (other === this || other.name !== this.name || world.chance(browser.lossy)) continue;
          const copy = structuredClone(word);
          const due = Math.max(this.due.get(other) ?? 0, world.now + world.below(browser.lag));
          this.due.set(other, due);
          world.after(due - world.now, () => other.tab.soon(() => {
            if (browser.channels.has(other)) other.onmessage?.({ data: copy });
          }));
        }
      }
      close() { browser.channels.delete(this); }
    }

    const timers = new Map();
    let timer = 1;
    const setTimeout = (task, wait) => {
      const id = timer++;
      timers.set(id, world.after(wait, () => this.soon(() => { if (timers.delete(id)) task(); })));
      return id;
    };
    const setInterval = (task, wait) => {
      const id = timer++;
      const next = () => timers.set(id, world.after(wait, () => this.soon(() => {
        if (timers.has(id)) { next(); task(); }
      })));
      next();
      return id;
    };
    const clear = id => { timers.delete(id); };
    const EventStream = load(
      { ...target, BroadcastChannel: Channel }, Source, Channel,
      { locks: { request: (name, options, held) => browser.request(this, name, options, held) } },
      { ...target, visibilityState: "visible" }, { href: "http://here/" },
      { getItem: key => storage.get(key) ?? null, setItem: (key, value) => storage.set(key, value) },
      () => this.#ask(), error => { if (!error.message.endsWith("is no JSON")) throw error; this.errors.push(error.message); },
      setTimeout, clear, setInterval, clear, { now: () => world.now }, { ...pick(Math), random: world.random },
    );
    const stream = new EventStream(options.url ?? "/events", ["news", "lost", "refused"], { share: true, ...options });
    this.stream = stream;
    if (options.once) {
      stream.on("news", () => stream.close());
      stream.on("news", () => { throw new Wrong("told after it was closed", this); });
    }
    const note = kind => payload => this.#note(kind, payload);
    stream.on("news", (payload, id) => this.#note("news", payload, id));
    for (const name of ["lost", "refused"]) stream.on(name, () => { throw new Wrong(`${name} is no event of these`, this); });
    stream.onOpen(note("open"));
    stream.onGap(note("gap"));
    stream.onLost(note("lost"));
    stream.onClose(note("close"));
    stream.onRefused(note("refused"));
  }

  /** What a `HEAD` request is answered. */
  #ask() {
    const { server } = this.browser;
    return new Promise((resolve, reject) => {
      this.world.after(this.world.below(60), () => this.soon(() => {
        if (server.down && !server.answersWhenDown) reject(new Error("nobody is there"));
        else resolve({ status: server.down ? 502 : 200 });
      }));
    });
  }

  tell(type) {
    for (const handle of [...this.#listeners.get(type) ?? []]) handle();
  }

  /** Runs a task when the tab comes to it, in order; one that hangs comes to it later. */
  soon(task) {
    this.#inbox.push(task);
    this.world.after(Math.max(0, this.hangsUntil - this.world.now), () => this.#work());
  }

  #work() {
    if (this.dead || !this.#inbox.length) return;
    if (this.world.now < this.hangsUntil) return this.world.after(this.hangsUntil - this.world.now, () => this.#work());
    this.#inbox.shift()();
  }

  die() {
    this.dead = true;
    for (const source of [...this.sources]) source.close();
    for (const channel of [...this.browser.channels]) {
      if (channel.tab === this) channel.close();
    }
    this.browser.forget(this);
  }

  // What the page knows: the seq of the last event that its state includes; what of a snapshot is still to come.
  at = undefined;
  parts = undefined;
  gaps = 0;
  errors = [];
  refusals = 0;
  isOpen = false;

  #note(kind, payload, id) {
    const { server } = this.browser;
    this.handled.push([this.world.now, kind, payload, id]);
    const check = (condition, what) => { if (!condition) throw new Wrong(`${this.name}: ${what}`, this); };
    const skip = from => {
      let seq = from;
      while (seq < server.events.length && !server.events[seq]) seq++;
      return seq; // The events up to this one are not for this tab.
    };
    switch (kind) {
      case "lost":
        this.isOpen = false;
        break;
      case "refused":
        check(payload === 502 && !this.isOpen, `refused with ${payload} while it was open`);
        this.refusals++;
        break;
      case "close":
        check(this.browser.ends.get(payload.at) >= this.made, "told of an end before its time");
        break;
      case "gap":
        if (payload.reason === "unreadable") {
          const seq = skip(this.at) + 1;
          check(server.events[seq - 1]?.readable === false, `event ${seq} can be read`);
          check(payload.resumed_after === server.id(seq, true), `not event ${seq} but ${payload.resumed_after}`);
          check(payload.asked !== payload.resumed_after, `it was at ${payload.asked} before`);
          check(this.errors.length === 1 && this.errors.pop().includes(payload.resumed_after), "the reason is not told");
          check(!payload.snapshot, "no snapshot follows an event that cannot be read");
          this.at = seq;
          break;
        }
        check(payload.snapshot === server.snapshots, `a snapshot follows: ${payload.snapshot}`);
        this.gaps++;
        this.at = server.seq(payload.resumed_after);
        break;
      case "open":
        this.isOpen = true;
        if (payload.resumed) {
          check(this.parts === undefined, "goes on amid a snapshot");
          if (this.at === undefined) this.at = server.seq(payload.cursor);
        } else {
          this.at = server.seq(payload.cursor);
          this.parts = undefined;
        }
        break;
      default:
        if (payload.parts) {
          check(id === undefined, "an id in a snapshot");
          check(payload.part === (this.parts ?? 0), `part ${payload.part} instead of ${this.parts ?? 0}`);
          this.parts = payload.part + 1 === payload.parts ? undefined : payload.part + 1;
          this.at = payload.state;
        } else {
          check(this.parts === undefined, "an event amid a snapshot");
          check(payload.seq === skip(this.at) + 1, `event ${payload.seq} after ${this.at}`);
          check(server.events[payload.seq - 1].readable, `event ${payload.seq} cannot be read`);
          check(id === server.id(payload.seq, true), `event ${payload.seq} has the id ${id}`);
          this.at = payload.seq;
        }
    }
  }
}

const pick = object => Object.fromEntries(Object.getOwnPropertyNames(object).map(name => [name, object[name]]));

class Wrong extends Error {
  constructor(message, tab) {
    super(message);
    Object.defineProperty(this, "tab", { value: tab }); // Not to be printed as a whole.
  }
}

async function run(seed) {
  const world = new World(seed);
  const { below, chance } = world;
  const opaque = chance(0.5), snapshots = chance(0.5), kept = chance(0.4) ? 3 + below(30) : 1e9;
  const server = new Server(world, { opaque, snapshots, kept, slow: chance(0.3) ? 1500 : 40 });
  const browser = new Browser(world, server);
  browser.lossy = chance(0.3) ? 0.02 : 0;
  browser.lag = chance(0.3) ? 400 : 20;
  const visible = chance(0.5) ? 1 : 0.4, pace = [50, 400, 5000][below(3)], calm = chance(0.3);
  let tabs = [], made = 0;
  const open = (storage = new Map()) => {
    const options = { resume: storage.size > 0 || chance(0.5) };
    if (chance(0.2)) options.after = "earliest";
    tabs.push(new Tab(world, browser, `tab ${made++}`, storage, options));
  };
  for (let n = below(5); n > 0; n--) server.publish(chance(visible));
  for (let n = 1 + below(7); n > 0; n--) world.after(below(300), () => open());

  const leader = () => [...browser.locks.values()].map(lock => lock.holder?.tab).find(tab => tab && !tab.dead);
  const end = 60_000;
  const each = (mean, task) => {
    const next = () => world.after(2 * mean * world.random(), () => { if (world.now < end) { task(); next(); } });
    next();
  };
  const readable = chance(0.2) ? 0.9 : 1;
  each(pace, () => { if (!server.down) server.publish(chance(visible), chance(readable)); });
  const beat = () => world.after(15_000, () => { server.beat(); beat(); });
  beat();
  if (!calm) {
    const some = () => (chance(0.6) && leader()) || tabs[below(tabs.length)];
    each(6000, () => {
      const tab = some();
      if (!tab) return open();
      switch (below(8)) {
        case 0: tab.die(); break;
        case 1: tab.stream.close(); tab.die(); break;
        case 2: tab.hangsUntil = world.now + below(30_000); break;
        case 3: tab.tell("freeze"); world.after(below(20_000), () => { if (!tab.dead) tab.soon(() => tab.tell("resume")); }); break;
        case 4: tab.stream.restart(); break;
        case 5: tab.tell("pagehide"); tab.die(); open(tab.storage); break;
        default: if (tabs.length < 9) open();
      }
      tabs = tabs.filter(tab => !tab.dead);
    });
    each(15_000, () => {
      if (server.down) return;
      server.kill(chance(0.5), chance(0.5));
      world.after(below(8000), () => { server.down = false; });
    });
  }
  await world.run(end);
  server.down = false;
  browser.lossy = 0;
  if (chance(0.5)) {
    // A deploy while nothing happens, and then the tab that leads is closed.
    await world.run(end + 20_000);
    server.kill(chance(0.5), true);
    await world.run(end + 20_500);
    server.down = false;
    await world.run(end + 40_000);
    leader()?.die();
    tabs = tabs.filter(tab => !tab.dead);
  }
  await world.run(end + 110_000);
  // While nothing happens they share one. Now and then a tab looks whether it is so.
  const connections = () => tabs.reduce((count, tab) => count + tab.sources.size, 0);
  const most = [];
  for (let n = 0; n < 21; n++) {
    await world.run(world.now + 1000);
    most.push(connections());
  }
  const usual = most.sort((a, b) => a - b)[10];
  if (usual > 1) throw new Wrong(`${usual} connections of ${tabs.length} tabs while nothing happens`);
  // An event comes to all of them at once, and then they are in step.
  server.publish(true);
  await world.run(world.now + 2 * (server.slow + browser.lag) + 1000);
  const last = server.events.length;
  for (const tab of tabs) {
    if (tab.at !== last) throw new Wrong(`${tab.name} ends at ${tab.at} of ${last}`, tab);
    if (!tab.isOpen) throw new Wrong(`${tab.name} is connected and does not know`, tab);
    if (kept > 1e6 && tab.gaps) throw new Wrong(`${tab.name} was told of a gap`, tab);
  }
  await world.run(world.now + 5000);
  if (connections() !== Math.min(1, tabs.length)) throw new Wrong(`${connections()} connections in the end`);
  return tabs.reduce((count, tab) => count + tab.handled.length, 0);
}

/** Tabs that may not share have a connection each. */
async function refused(seed, refuses) {
  const world = new World(seed);
  const server = new Server(world, { opaque: false, snapshots: world.chance(0.5), kept: 1e9, slow: 40 });
  const browser = Object.assign(new Browser(world, server), { lag: 20, refuses });
  const tabs = Array.from({ length: 3 }, (_, n) => new Tab(world, browser, `tab ${n}`, new Map(), {}));
  const once = new Tab(world, browser, "the tab that ends", new Map(), { once: true });
  for (let n = 0; n < 40; n++) {
    await world.run(world.now + 1000);
    server.publish(true);
    if (n === 10) tabs[0].tell("freeze");
    if (n === 20) tabs[0].tell("resume");
  }
  await world.run(world.now + 1000);
  if (once.sources.size) throw new Wrong("a tab that ends has a connection", once);
  for (const tab of tabs) {
    if (tab.at !== 40) throw new Wrong(`${tab.name} without ${refuses} ends at ${tab.at}`, tab);
    if (tab.sources.size !== 1) throw new Wrong(`${tab.name} without ${refuses} has ${tab.sources.size} connections`);
  }
}

/** Who begins anew gets the state, soon at first, and later if that was of no use. */
async function anew(seed) {
  const world = new World(seed);
  const server = new Server(world, { opaque: world.chance(0.5), snapshots: true, kept: 1e9, slow: 40 });
  const browser = Object.assign(new Browser(world, server), { lag: 20 });
  const tabs = [true, true, false].map((share, n) => new Tab(world, browser, `tab ${n}`, new Map(), { share }));
  const begun = async (until, expected) => {
    await world.run(until);
    for (const tab of tabs) {
      const count = tab.handled.filter(([, kind, payload]) => kind === "open" && !payload.resumed).length;
      if (count !== expected) throw new Wrong(`${tab.name} has begun ${count} times`, tab);
    }
  };
  const restart = () => { for (const tab of tabs) { tab.stream.restart(); tab.stream.restart(); } };
  await begun(5000, 1);
  restart();
  await begun(8000, 2);
  restart();
  await begun(34_000, 2);
  await begun(38_000, 3);
  tabs.forEach(tab => tab.stream.restart());
  tabs.forEach(tab => tab.stream.close());
  tabs.forEach(tab => tab.tell("resume"));
  await world.run(80_000);
  if (tabs.some(tab => tab.sources.size)) throw new Wrong("a tab that has ended comes back");
}

/** Where a page was is kept for its URL, or by a name that the page gives. */
async function remembered(seed) {
  const world = new World(seed);
  const server = new Server(world, { opaque: false, snapshots: true, kept: 1e9, slow: 40 });
  const browser = Object.assign(new Browser(world, server), { lag: 20 });
  const storage = new Map();
  const goesOn = async (options, expected) => {
    const tab = new Tab(world, browser, JSON.stringify(options), storage, options);
    await world.run(world.now + 5000);
    server.publish(true);
    await world.run(world.now + 1000);
    const [opened] = tab.handled.filter(([, kind]) => kind === "open");
    if (opened[2].resumed !== expected) throw new Wrong(`${tab.name} goes on: ${opened[2].resumed}`, tab);
    tab.die();
  };
  await goesOn({ url: "/events", resume: true }, false);
  await goesOn({ url: "/events", resume: true }, true);
  await goesOn({ url: "/events", resume: "orders" }, false);
  await goesOn({ url: "/events?ticket=1", resume: true }, false);
  await goesOn({ url: "/events?ticket=2", resume: "orders" }, true);
  await goesOn({ url: "/events" }, false);
}

/** A refusal, and that it is over, concern all tabs, also those that rest. */
async function told(seed) {
  const world = new World(seed);
  const server = new Server(world, { opaque: true, snapshots: world.chance(0.5), kept: 1e9, slow: 40 });
  const browser = Object.assign(new Browser(world, server), { lag: 20 });
  const tabs = Array.from({ length: 3 }, (_, n) => new Tab(world, browser, `tab ${n}`, new Map(), {}));
  await world.run(15_000);
  const connections = tabs.reduce((count, tab) => count + tab.sources.size, 0);
  if (connections !== 1) throw new Wrong(`${connections} connections while nothing happens`);
  server.kill(true, false);
  await world.run(19_000);
  for (const tab of tabs) {
    if (tab.isOpen || !tab.refusals) throw new Wrong(`${tab.name} does not know that it is refused`, tab);
  }
  server.down = false;
  await world.run(25_000);
  for (const tab of tabs) {
    if (!tab.isOpen) throw new Wrong(`${tab.name} does not know that it is connected`, tab);
  }
}

/** More tabs than connections, all at once: even so, they come to share one. */
async function limited(seed) {
  const world = new World(seed);
  const server = new Server(world, { opaque: false, snapshots: world.chance(0.5), kept: 1e9, slow: 40 });
  const browser = Object.assign(new Browser(world, server), { lag: 20, most: 6 });
  const tabs = [], pace = [100, 300, 900][world.below(3)];
  for (let n = 0; n < 8; n++) {
    world.after(world.below(30), () => tabs.push(new Tab(world, browser, `tab ${n}`, new Map(), {})));
  }
  const publish = () => world.after(pace, () => { if (world.now < 60_000) { server.publish(true); publish(); } });
  publish();
  // While there is much to tell no tab that has a connection goes for silence.
  await world.run(60_000);
  const connections = tabs.reduce((count, tab) => count + tab.sources.size, 0);
  if (connections !== 1) throw new Wrong(`${connections} connections of 8 tabs where there may be 6`);
  await world.run(62_000);
  for (const tab of tabs) {
    if (tab.at !== server.events.length) throw new Wrong(`${tab.name} ends at ${tab.at} of ${server.events.length}`, tab);
  }
}

let handled = 0;
for (let n = 0; n < Number(runs); n++) {
  const one = BigInt(seed) + BigInt(n);
  try {
    handled += await run(one);
    if (n % 10 === 0) {
      await limited(one);
      await told(one);
      await anew(one);
      await remembered(one);
      await refused(one, "locks");
      await refused(one, "channels");
    }
  } catch (error) {
    console.error(`to repeat: seed ${one}, 1 run`);
    for (const line of error.tab?.handled.slice(-25) ?? []) console.error(JSON.stringify(line));
    throw error;
  }
}
console.log(JSON.stringify({ runs: Number(runs), handled }));
