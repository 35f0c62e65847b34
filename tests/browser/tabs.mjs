// Pages of one browser profile that follow a stream with the TypeScript client, and what becomes of them.
import { pages } from "./page.mjs";

const profiles = new Map();

// Runs in the page, which has the client under `/client.js`.
const follow = async ([url, names, options]) => {
  const { EventStream } = await import("/client.js");
  const stream = window.stream = new EventStream(url, names, options);
  window.heard = [];
  window.said = [];
  // What the page before it had heard last.
  window.before = JSON.parse(sessionStorage.heard ?? "null");
  addEventListener("pagehide", () => { sessionStorage.heard = JSON.stringify(heard.at(-1) ?? null); });
  for (const name of names) stream.on(name, (payload, id) => heard.push({ name, payload, id: id ?? null }));
  const note = kind => payload => said.push({ kind, payload: payload ?? null });
  stream.onOpen(note("open"));
  stream.onGap(note("gap"));
  stream.onClose(note("close"));
  stream.onLost(note("lost"));
  stream.onRefused(note("refused"));
};

// Who a page is to the locks, and who holds the one of the stream.
const places = async () => {
  const name = `me ${Math.random()}`;
  const { held } = await navigator.locks.request(name, () => navigator.locks.query());
  return {
    me: held.find(lock => lock.name === name).clientId,
    leader: held.find(lock => lock.name.startsWith("sse "))?.clientId,
  };
};

export const commands = {
  async follow({ profile, name, url, names, options = {}, without_locks }, browser) {
    if (!profiles.has(profile)) profiles.set(profile, await browser.newContext());
    const page = await profiles.get(profile).newPage();
    page.on("pageerror", error => { page.failure ??= error; });
    page.again = () => page.evaluate(follow, [url, names, options]);
    pages.set(name, page);
    await page.goto(new URL("/page", url).href);
    // As it is where the page does not come by HTTPS.
    if (without_locks) await page.evaluate(() => { delete Navigator.prototype.locks; });
    await page.again();
  },

  // The page is loaded again, and has forgotten everything.
  async load({ name }) {
    await pages.get(name).reload();
    await pages.get(name).again();
  },

  async heard_in_tab({ name }) {
    const page = pages.get(name);
    if (page.failure) throw page.failure;
    return page.evaluate(() => ({ heard, said, before, last: stream.lastId ?? null }));
  },

  last_in_tab: ({ name }) => pages.get(name).evaluate(() => heard.at(-1) ?? null),

  async leads({ name }) {
    const { me, leader } = await pages.get(name).evaluate(places);
    return me === leader;
  },

  // It is closed, as users do it; its process dies; it does nothing for a while; the browser puts it to sleep.
  close_tab: ({ name }) => pages.get(name).close(),
  async crash({ name }) {
    const page = pages.get(name);
    const crashed = page.waitForEvent("crash");
    page.goto("chrome://crash").catch(() => {});
    await crashed;
  },
  hang: ({ name, ms }) => pages.get(name).evaluate(ms => {
    setTimeout(() => { const end = Date.now() + ms; while (Date.now() < end); });
  }, ms),
  // A browser without a screen shows all its tabs, and freezes none: so the page is told, and then hangs.
  freeze: ({ name, ms }) => pages.get(name).evaluate(ms => {
    const tell = what => document.dispatchEvent(new Event(what));
    setTimeout(() => tell("freeze"));
    setTimeout(() => { const end = Date.now() + ms; while (Date.now() < end); tell("resume"); }, 100);
  }, ms),
  end: ({ name }) => pages.get(name).evaluate(() => stream.close()),
};
