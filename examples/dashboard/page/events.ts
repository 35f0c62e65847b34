// Generated from the events of the server. What is changed here is lost.
/* eslint-disable */

/** So much is left of an item. */
export type StockChanged = {
  item: string;
  left: number;
};

/** The payload of each event type. */
export type EventMap = {
  /** So much is left of an item. */
  "stock-changed": StockChanged;
};

/** The event types. */
export const EVENT_NAMES = [
  "stock-changed",
] as const;

/** Follows the events of a URL. */
export function connect(url: string | URL, options?: Options): EventStream<EventMap> {
  return new EventStream<EventMap>(url, EVENT_NAMES, options);
}

/** What the server says when a stream begins. */
export interface Opened {
  /** The position that the stream goes on after. */
  cursor: string;
  /** Whether it goes on where this page was. If not, a snapshot may follow, if the server sends one. */
  resumed: boolean;
}

/** Events that were asked for cannot be had, or one that has come cannot be read. */
export interface Gap {
  reason: "unknown-id" | "trimmed" | "lost" | "unreadable" | "not-allowed" | "removed-type";
  /** The id that was asked for; amid a stream, the position before what is missing. */
  asked: string;
  /** The position after which the stream goes on. */
  resumed_after: string;
  /** Whether a snapshot follows, and all is well again. If not, see `restart`. */
  snapshot: boolean;
}

/** Why a stream ended. */
export interface Closed {
  /**
   * After `complete` nothing is to come, and after `refused` the server wants nobody to come back
   * (it has answered 204): this client is done. After the others it comes back by itself.
   */
  reason: "drain" | "disconnected" | "expired" | "failed" | "overloaded" | "complete" | "refused";
}

export interface Options {
  /** The id of the event that the page knows last, or `earliest`. Otherwise only new events come. */
  after?: string;
  /**
   * Whether to go on, when the page is loaded again in this tab, where it was. For pages that keep what
   * they were told: one that begins empty wants the snapshot, and not what came after it. The place is kept
   * by the URL, or by the name that is given: for each of two streams of the same URL, say, or of a user.
   */
  resume?: boolean | string;
  /**
   * Whether all tabs with this URL share one connection. They see what the first of them may see, so
   * where users sign in and out, the URL should have the user in it.
   */
  share?: boolean;
  /** Whether cookies go to another origin. */
  withCredentials?: boolean;
}

/** A message of the stream. `id` is its own, or empty: then the position is the one before. */
interface Message {
  name: string;
  data: string;
  id: string;
}

const CONTROL = ["sse-open", "sse-gap", "sse-cursor", "sse-close", "sse-topic-close"];

/**
 * The events of a URL, in order and without loss: over lost connections, restarts, and refusals, after
 * which an `EventSource` gives up. Functions that are registered in the same task in which it is made miss nothing.
 */
export class EventStream<Events extends object> {
  /** By event type; those of the framework's own events, and of what the client says, begin with `sse-`. */
  readonly #handlers = new Map<string, Set<(payload: never, id?: string) => void>>();
  readonly #member: Member;
  /** By what its position is kept, if it is. */
  readonly #saved: string | false;
  readonly #ended = new AbortController();
  #state: "new" | "open" | "lost" | "done" = "new";
  #last: string;
  #whole: boolean;
  #restarting: ReturnType<typeof setTimeout> | undefined;
  #restarted = -Infinity;

  constructor(url: string | URL, names: readonly (keyof Events & string)[], options: Options = {}) {
    const address = new URL(url, location.href);
    const { resume = false } = options;
    this.#saved = resume && `sse ${resume === true ? address.href : resume}`;
    this.#last = (this.#saved && load(this.#saved)) || (options.after ?? "");
    this.#whole = this.#last !== "";
    const tab: Tab = {
      last: () => this.#last,
      whole: () => this.#whole,
      take: message => this.#take(message),
      open: () => { if (this.#state !== "open") this.#opened({ cursor: this.#last, resumed: true }); },
      lost: () => this.#lose(),
      refused: status => { this.#lose(); this.#tell("sse-refused", status); },
    };
    const connection = new Connection(address, [...names, ...CONTROL], options.withCredentials ?? false, tab);
    const share = options.share && "locks" in navigator && "BroadcastChannel" in globalThis;
    // Tabs whose pages know other event types do not hear the same.
    const name = `sse ${address.href} ${[...names].sort().join()}`;
    this.#member = share ? new Sharing(name, tab, connection) : connection;
    // A page that is frozen, or kept for the way back, holds nobody up.
    const [comes, goes] = [() => this.#member.enter(), () => this.#member.leave()];
    const { signal } = this.#ended;
    globalThis.addEventListener("pageshow", comes, { signal });
    globalThis.addEventListener("pagehide", goes, { signal });
    page?.addEventListener("resume", comes, { signal });
    page?.addEventListener("freeze", goes, { signal });
    comes();
  }

  /**
   * Calls `handle` for each event of a type, with its payload and its id. What is part of a snapshot has
   * no id. Like all of these, it returns a function that ends that.
   */
  on<Name extends keyof Events & string>(
    name: Name, handle: (payload: Events[Name], id: string | undefined) => void,
  ): () => void {
    return this.#on(name, handle);
  }

  /** The stream begins, or goes on. */
  onOpen(handle: (opened: Opened) => void): () => void {
    return this.#on("sse-open", handle);
  }

  /** Events have been missed: what the page shows may be wrong, unless a snapshot follows. */
  onGap(handle: (gap: Gap) => void): () => void {
    return this.#on("sse-gap", handle);
  }

  /** The server ends the stream and says why. */
  onClose(handle: (closed: Closed) => void): () => void {
    return this.#on("sse-close", handle);
  }

  /** A topic is complete. */
  onTopicClose(handle: (closed: { topic: string }) => void): () => void {
    return this.#on("sse-topic-close", handle);
  }

  /** There is no connection for now. It is tried again. */
  onLost(handle: () => void): () => void {
    return this.#on("sse-lost", handle);
  }

  /** The server has answered with this status. It is tried again, ever more seldom, until `close`. */
  onRefused(handle: (status: number) => void): () => void {
    return this.#on("sse-refused", handle);
  }

  /**
   * Begins anew, as a new page does, so that the state comes: when events have been missed and no snapshot follows, of a server
   * that sends snapshots to new clients. It does so within a second, as others may have missed them, too, or half a minute after
   * the last time.
   */
  restart(): void {
    if (this.#state === "done" || this.#restarting !== undefined) return;
    // Also if the clock has been set back since.
    const wait = Math.min(30_000, Math.max(0, this.#restarted + 30_000 - Date.now())) + 1000 * Math.random();
    this.#restarting = setTimeout(() => {
      this.#restarting = undefined;
      this.#restarted = Date.now();
      this.#member.leave();
      this.#move("");
      this.#whole = false;
      this.#member.enter();
    }, wait);
  }

  /** The id that the stream would go on after. */
  get lastId(): string | undefined {
    return this.#last || undefined;
  }

  /** Ends it: nothing is called any more. */
  close(): void {
    this.#state = "done";
    clearTimeout(this.#restarting);
    this.#ended.abort();
    this.#member.leave();
  }

  #on<Payload>(name: string, handle: (payload: Payload, id: string | undefined) => void): () => void {
    const handlers = this.#handlers.get(name) ?? new Set();
    this.#handlers.set(name, handlers);
    handlers.add(handle);
    return () => { handlers.delete(handle); };
  }

  /** Its position is that of the last message that has been handled, whoever brought it. */
  #take({ name, data, id }: Message): void {
    if (this.#state === "done") return;
    const payload = parse(data);
    if (payload === undefined) this.#unreadable(name, id);
    else if (name === "sse-open") this.#opened(payload as Opened);
    else if (name === "sse-gap") this.#tell(name, { ...(payload as Gap), snapshot: id === "" });
    else this.#tell(name, payload, id || undefined);
    // A stream that goes on gives the position another name, and is where it was. One that ends moves nobody.
    const { resumed, reason } = (payload ?? {}) as Partial<Opened & Closed>;
    const moves = name !== "sse-close" && !(name === "sse-open" && resumed);
    if (moves) this.#whole = id !== "";
    if (id) this.#move(id);
    if (name === "sse-close" && (reason === "complete" || reason === "refused")) this.close();
  }

  #move(id: string): void {
    this.#last = id;
    if (this.#saved) save(this.#saved, id);
  }

  /** To a page it is missing, as is one that the server cannot read. */
  #unreadable(name: string, id: string): void {
    reportError(new Error(`The payload of ${name} ${id} is no JSON`));
    this.#tell("sse-gap", { reason: "unreadable", asked: this.#last, resumed_after: id || this.#last, snapshot: false });
  }

  #opened(opened: Opened): void {
    if (this.#state === "done") return;
    this.#state = "open";
    this.#tell("sse-open", opened);
  }

  #lose(): void {
    if (this.#state === "lost" || this.#state === "done") return;
    this.#state = "lost";
    this.#tell("sse-lost", undefined);
  }

  #tell(name: string, payload: unknown, id?: string): void {
    for (const handle of [...this.#handlers.get(name) ?? []]) {
      if (this.#state === "done") return; // By the one before.
      try {
        handle(payload as never, id);
      } catch (error) {
        reportError(error); // One handler's mistake is no reason to lose an event.
      }
    }
  }
}

/** A worker has none. */
const page = typeof document === "undefined" ? undefined : document;

/** Nothing if the browser keeps nothing for this page. */
function load(key: string): string | null {
  try {
    return sessionStorage.getItem(key);
  } catch {
    return null;
  }
}

function save(key: string, id: string): void {
  try {
    sessionStorage.setItem(key, id);
  } catch {
    // Without it the page begins anew when it is loaded again.
  }
}

/** Nothing if it is no JSON. */
function parse(data: string): unknown {
  try {
    return JSON.parse(data);
  } catch {
    return undefined;
  }
}

/** What a connection brings. */
interface Listener {
  take(message: Message): void;
  lost(): void;
  refused(status: number): void;
}

/** What of a tab concerns those who bring it messages. */
interface Tab extends Listener {
  /** Its position: the last id that it has handled. */
  last(): string;
  /** Whether it has handled nothing since: it is not amid a snapshot, say. */
  whole(): boolean;
  open(): void;
}

/** Who brings messages, as long as the page is there. Both can be called again. */
interface Member {
  enter(): void;
  leave(): void;
}

/** A connection of a tab's own, which goes on after the tab's position. */
class Connection implements Member {
  readonly #url: URL;
  readonly #names: readonly string[];
  readonly #withCredentials: boolean;
  readonly #tab: Tab;
  #source: EventSource | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #due = 0;
  #failures = 0;
  /** Whether the stream has begun. */
  live = false;
  listener: Listener;

  constructor(url: URL, names: readonly string[], withCredentials: boolean, tab: Tab) {
    this.#url = url;
    this.#names = names;
    this.#withCredentials = withCredentials;
    this.#tab = this.listener = tab;
  }

  enter(): void {
    if (!this.#source && this.#timer === undefined) this.#connect();
  }

  leave(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#source?.close();
    this.#source = undefined;
    this.#failures = 0;
    this.live = false;
  }

  /** Tries again now if it is time to: timers of a hidden page are late. */
  hurry(): void {
    if (this.#timer === undefined || Date.now() < this.#due) return;
    clearTimeout(this.#timer);
    this.#connect();
  }

  #connect(): void {
    this.#timer = undefined;
    const url = new URL(this.#url);
    if (this.#tab.last()) url.searchParams.set("last_event_id", this.#tab.last());
    const source = new EventSource(url, { withCredentials: this.#withCredentials });
    this.#source = source;
    let before = "";
    for (const name of this.#names) {
      source.addEventListener(name, ({ data, lastEventId }: MessageEvent<string>) => {
        if (source !== this.#source) return;
        const id = ownId(name, data, lastEventId, before);
        before = lastEventId;
        if (name === "sse-open") {
          this.live = true;
          this.#failures = 0;
        }
        this.listener.take({ name, data, id });
      });
    }
    source.onerror = () => {
      if (source !== this.#source) return;
      this.live = false;
      this.listener.lost();
      // Otherwise the browser comes back by itself, when the server has told it to.
      if (source.readyState === EventSource.CLOSED && source === this.#source) this.#retry(url);
    };
  }

  #retry(url: URL): void {
    this.#source = undefined;
    const wait = Math.min(1000 * 2 ** this.#failures++, 30_000) * (0.5 + Math.random());
    this.#due = Date.now() + wait;
    const timer = setTimeout(() => this.#connect(), wait);
    this.#timer = timer;
    // A page cannot see what an `EventSource` was answered.
    const credentials = this.#withCredentials ? "include" : "same-origin";
    fetch(url, { method: "HEAD", credentials, cache: "no-store" }).then(({ status }) => {
      if (timer !== this.#timer) return;
      if (status === 204) this.listener.take({ name: "sse-close", data: '{"reason":"refused"}', id: "" });
      else if (status >= 400) this.listener.refused(status);
    }, () => {});
  }
}

/**
 * A message without an id has the one before as its last event id. Two events never have the same; a position
 * may have that of the event before it, but says so itself.
 */
function ownId(name: string, data: string, lastEventId: string, before: string): string {
  switch (name) {
    case "sse-open": {
      const opened = parse(data) as Opened | undefined;
      return opened?.cursor === lastEventId && !opened.resumed ? lastEventId : "";
    }
    case "sse-gap": return (parse(data) as Gap | undefined)?.resumed_after === lastEventId ? lastEventId : "";
    case "sse-cursor": return lastEventId;
    default: return lastEventId === before ? "" : lastEventId;
  }
}

/** What tabs tell each other. The leader of a later term has a greater number. */
type Word = { term: number } & (
  /** "I lead, from this position on", or from none that can be joined. */
  | { say: "lead"; at: string; live: boolean }
  /** "This is the term's message `n`." */
  | { say: "message"; n: number; message: Message }
  | { say: "lost" }
  | { say: "refused"; status: number }
  /** "Is this position in your stream?" `live` is whether the tab has a connection of its own. */
  | { say: "ask"; tab: string; at: string; live: boolean }
  /** "`rest` has followed it, up to message `n`", or "no, as far as I remember". */
  | { say: "answer"; tab: string; at: string; n: number; live: boolean; rest: Message[] | null }
);

/** Whether nothing is to come after it. The server does not say it again to who has all. */
function isEnd({ name, data }: Message): boolean {
  return name === "sse-close" && (parse(data) as Closed | undefined)?.reason === "complete";
}

/** The place behind the last message with this id. */
function behind(messages: Message[], id: string): number | undefined {
  for (let place = messages.length; place > 0; place--) {
    if (messages[place - 1]?.id === id) return place;
  }
  return undefined;
}

/** The leader remembers so many messages, and characters. */
const REMEMBERED = 1000;
const REMEMBERED_LENGTH = 1_000_000;
/**
 * A tab that is out of step closes its own connection after so much silence, in milliseconds, and later if the
 * leader has told of an event: that is on its way here, too, or was before the position.
 */
const SILENCE = 1000;
const LONG_SILENCE = 10_000;
/** And opens it again after this time, if the leader has told nothing that lets it do so before. */
const VISIT = 30_000;
/** A tab that is seen asks this often whether the leader is there, and takes over after so many times. */
const TICK = 4000;
const PATIENCE = 3;
/** A leader that has no connection after this time lets others lead, if they have one. */
const HUNGER = 2000;

/**
 * One of the tabs that share a connection. One leads: it has the lock, and tells the others every message
 * that it hears. What always holds, whoever is closed, frozen, or slow, and whatever a timer does:
 *
 * - A tab handles messages from its own connection, which goes on after its own position, or from the
 *   leader, of which it is *in step*: it has handled the leader's messages up to `n`, and takes none but `n + 1`.
 * - It gets into step only where its position is one that the leader's stream has had, by the very same id, and
 *   only if neither is amid something that has no id, as a snapshot. Ids are compared, never ordered.
 *
 * So each tab has handled what a connection of its own would have brought. Tabs are usually at the same id
 * when the leader goes, and in step with the next one at once. A new tab begins with a connection of
 * its own, for it needs its own beginning: a snapshot, say. As soon as it is at an id of the leader's, that is closed.
 *
 * Nothing may happen for long, though, and its position have another id than the leader's: the same place
 * can have several. Then it *rests* without a connection, and comes back to its place when the leader hears an event, or after a
 * while. It may be late then, but never misses a thing.
 */
class Sharing implements Member {
  readonly #name: string;
  readonly #tab: Tab;
  readonly #connection: Connection;
  readonly #me = String(Math.random());
  #state: "away" | "enters" | "leads" | "in step" | "alone" | "rests" = "away";
  #channel: BroadcastChannel | undefined;
  /** Ends the wait for the lock. */
  #waiting = new AbortController();
  #release: () => void = () => {};
  #tick: ReturnType<typeof setInterval> | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #unanswered = 0;
  /** Whether the leader has told of an event that this tab may not have. */
  #expects = false;
  /** The latest term that it knows of, and the last message of it that the leader has told or this tab handled. */
  #term = 0;
  #n = 0;
  #leadsSince = 0;
  /** The message that would have come next, had this tab not taken the lead: the end may come as late as that. */
  #next: { term: number; n: number } | undefined;
  /** The leader's last messages, and how long they are. */
  #ring: Message[] = [];
  #length = 0;
  #start = "";
  /** The position that has been asked for, and the one that the leader does not have. */
  #asked: string | undefined;
  #unknown: string | undefined;

  constructor(name: string, tab: Tab, connection: Connection) {
    this.#name = name;
    this.#tab = tab;
    this.#connection = connection;
    connection.listener = {
      take: message => this.#hear(message),
      lost: () => {
        if (this.#state === "leads") this.#post({ say: "lost", term: this.#term });
        tab.lost();
      },
      refused: status => {
        if (this.#state === "leads") this.#post({ say: "refused", term: this.#term, status });
        tab.refused(status);
      },
    };
  }

  enter(): void {
    if (this.#state !== "away") return;
    this.#state = "enters";
    this.#unanswered = 0;
    try {
      this.#channel = new BroadcastChannel(this.#name);
    } catch {
      return this.#comeAlone(); // The browser lets this page share nothing.
    }
    this.#channel.onmessage = ({ data }: MessageEvent<Word>) => this.#listen(data);
    this.#tick = setInterval(() => this.#look(), TICK);
    // Nobody who can lead opens a connection beside.
    this.#request({ ifAvailable: true }, () => { this.#comeAlone(); this.#wait(); });
  }

  leave(): void {
    this.#state = "away";
    this.#channel?.close();
    this.#channel = undefined;
    this.#waiting.abort();
    this.#release();
    this.#forget();
    clearInterval(this.#tick);
    clearTimeout(this.#timer);
    this.#connection.leave();
  }

  /** Leads as soon as nobody else does. */
  #wait(): void {
    this.#waiting = new AbortController();
    this.#request({ signal: this.#waiting.signal });
  }

  #request(options: LockOptions, otherwise?: () => void): void {
    const channel = this.#channel;
    let release: (() => void) | undefined;
    const held = async (lock: Lock | null): Promise<void> => {
      if (this.#state === "away" || this.#channel !== channel) return;
      if (!lock) return otherwise?.();
      this.#lead();
      return new Promise(resolve => { this.#release = release = resolve; });
    };
    // It fails if the wait is ended, the lock taken away, or the page may have none: in a sandboxed frame, say.
    navigator.locks.request(this.#name, options, held).catch(() => {
      if (this.#state === "leads" && this.#release === release) this.#yield();
      else if (otherwise && this.#state === "enters" && this.#channel === channel) this.#comeAlone();
    });
  }

  #lead(): void {
    this.#next = this.#state === "in step" ? { term: this.#term, n: this.#n + 1 } : undefined;
    this.#state = "leads";
    this.#leadsSince = Date.now();
    clearTimeout(this.#timer);
    this.#term = Math.max(Date.now() + Math.random(), this.#term + 1);
    this.#n = 0;
    this.#start = this.#tab.whole() ? this.#tab.last() : "";
    this.#post({ say: "lead", term: this.#term, at: this.#start, live: this.#connection.live });
    this.#connection.enter();
  }

  /** Another has taken the lead, since this tab did not answer, or is to, since this one has no connection. */
  #yield(): void {
    this.#release();
    this.#forget();
    this.#comeAlone();
    this.#wait();
  }

  /** Of its own connection. */
  #hear(message: Message): void {
    if (this.#state === "leads") {
      this.#remember(message);
      this.#post({ say: "message", term: this.#term, n: ++this.#n, message });
      this.#tab.take(message);
    } else {
      this.#tab.take(message);
      if (this.#state === "alone") this.#seek();
    }
  }

  #remember(message: Message): void {
    this.#ring.push(message);
    this.#length += message.data.length;
    while (this.#ring.length > REMEMBERED || this.#length > REMEMBERED_LENGTH) {
      const forgotten = this.#ring.shift();
      if (!forgotten) break;
      this.#length -= forgotten.data.length;
      this.#start = forgotten.id;
    }
  }

  /** Who does not lead remembers nothing. */
  #forget(): void {
    this.#ring = [];
    this.#length = 0;
  }

  /** What has followed a position, if that can be said. */
  #since(at: string): Message[] | null {
    const from = at ? behind(this.#ring, at) ?? (at === this.#start ? 0 : undefined) : undefined;
    return from === undefined ? null : this.#ring.slice(from);
  }

  #listen(word: Word): void {
    if (this.#state === "leads") {
      const isNext = word.say === "message" && word.term === this.#next?.term && word.n === this.#next.n;
      if (isNext && isEnd(word.message)) this.#hear(word.message);
      if (word.say !== "ask") return;
      // Those who have a connection may be as many as the browser lets there be.
      const starves = word.live && !this.#connection.live && Date.now() - this.#leadsSince > HUNGER;
      if (starves) this.#yield();
      else this.#answer(word.tab, word.at);
      return;
    }
    if (word.say === "ask" || word.term < this.#term) return;
    this.#unanswered = 0;
    if (word.term > this.#term) {
      this.#term = word.term;
      this.#asked = this.#unknown = undefined;
      if (this.#state === "in step" && word.say !== "lead") this.#comeAlone();
    }
    switch (word.say) {
      case "lead":
        if (this.#isAt(word.at)) this.#join(0, word.live);
        else this.#comeAlone();
        break;
      case "message":
        this.#follow(word.n, word.message);
        break;
      case "lost":
        if (this.#relies()) this.#tab.lost();
        break;
      case "refused":
        if (this.#relies()) this.#tab.refused(word.status);
        break;
      case "answer":
        if (word.tab === this.#me) this.#place(word.at, word.n, word.live, word.rest);
    }
  }

  #answer(tab: string, at: string): void {
    this.#connection.hurry();
    const { live } = this.#connection;
    this.#post({ say: "answer", term: this.#term, tab, at, n: this.#n, live, rest: this.#since(at) });
  }

  /** The leader has heard something. */
  #follow(n: number, message: Message): void {
    if (this.#state === "in step" && n === this.#n + 1) {
      this.#n = n;
      this.#tab.take(message);
    } else if (this.#state === "in step") {
      if (n > this.#n) this.#comeAlone();
    } else if (this.#isAt(message.id)) {
      this.#join(n, true);
    } else {
      if (this.#state === "rests" && message.name === "sse-open") this.#tab.open();
      // A position that moves is no reason to come: there is nothing to miss.
      if (!["sse-open", "sse-cursor"].includes(message.name)) this.#expects = true;
      if (this.#state === "alone") this.#seek();
      else if (this.#expects) this.#comeAlone();
    }
  }

  /** The leader has looked for a position. */
  #place(at: string, n: number, live: boolean, rest: Message[] | null): void {
    this.#asked = undefined;
    if (this.#state === "in step") {
      if (n > this.#n) this.#comeAlone(); // A word was lost.
      return;
    }
    if (!rest) {
      this.#unknown = at;
      if (this.#state === "alone" && at !== this.#tab.last()) this.#seek();
      return;
    }
    // Meanwhile its own connection may have brought it further.
    const from = this.#isAt(at) ? 0 : behind(rest, this.#tab.last());
    if (!this.#tab.whole() || from === undefined) return this.#seek();
    this.#join(n, live || from < rest.length);
    for (const message of rest.slice(from)) {
      // That the leader's connection ended, and went on, was before this tab's time. Once it is for good nobody leads.
      if (message.name !== "sse-close") this.#tab.take(message);
    }
    if (!live) this.#tab.lost();
  }

  /** Whether it has no connection but the leader's. */
  #relies(): boolean {
    return this.#state === "in step" || this.#state === "rests";
  }

  #isAt(id: string): boolean {
    return id !== "" && this.#tab.whole() && id === this.#tab.last();
  }

  #join(n: number, live: boolean): void {
    this.#state = "in step";
    this.#n = n;
    this.#expects = false;
    clearTimeout(this.#timer);
    this.#connection.leave();
    // Otherwise the leader is about to say how it goes on.
    if (live) this.#tab.open();
  }

  /** Goes on after its position by itself, until it is where the leader is. */
  #comeAlone(): void {
    this.#state = "alone";
    this.#asked = this.#unknown = undefined;
    this.#connection.enter();
    this.#seek();
  }

  #seek(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#settle(), this.#expects ? LONG_SILENCE : SILENCE);
    const at = this.#tab.last();
    if (this.#asked !== undefined || this.#unknown === at || !this.#tab.whole()) return;
    this.#ask();
  }

  #ask(): void {
    this.#asked = this.#tab.last();
    const { live } = this.#connection;
    this.#post({ say: "ask", term: this.#term, tab: this.#me, at: this.#asked, live });
  }

  /** Neither its own connection nor the leader has told anything for a while. */
  #settle(): void {
    const isQuiet = this.#connection.live && this.#tab.whole() && this.#unknown === this.#tab.last();
    if (!isQuiet) {
      this.#asked = undefined; // Perhaps nobody has heard it.
      return this.#seek();
    }
    this.#state = "rests";
    this.#expects = false;
    this.#connection.leave();
    this.#timer = setTimeout(() => this.#comeAlone(), VISIT);
  }

  /** Whether the leader is still there. It may have hung up, with the lock in its hands. */
  #look(): void {
    if (this.#state === "leads" || page?.visibilityState === "hidden") return;
    if (++this.#unanswered <= PATIENCE) return this.#ask();
    this.#unanswered = 0;
    this.#waiting.abort();
    this.#request({ steal: true });
  }

  #post(word: Word): void {
    if (this.#state !== "away") this.#channel?.postMessage(word);
  }
}
