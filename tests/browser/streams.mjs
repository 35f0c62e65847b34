// One stream, read by different clients and written down alike: event name, data, last event id.
import { EventSource as UndiciEventSource } from "undici";

const streams = new Map();
let page;

// Runs here and in the page. A client hears only the events that it listens for, so a name that is
// missing here shows as an event that only curl has read.
const listen = (EventSource, url, names) => {
  const events = [];
  const source = new EventSource(url);
  for (const name of names) {
    source.addEventListener(name, event =>
      events.push({ name: event.type, data: event.data, id: event.lastEventId }));
  }
  return { source, events };
};

// A blank page of the server's own origin, which the server itself does not have.
const blank = async (browser, origin) => {
  const page = await browser.newPage();
  await page.route("**/*", route => route.fulfill({ contentType: "text/html", body: "<!doctype html>" }));
  await page.goto(origin);
  await page.unrouteAll();
  await page.evaluate(`window.streams = {}; window.listen = ${listen}`);
  return page;
};

const clients = {
  async chromium({ name, url, names }, browser) {
    page ??= await blank(browser, new URL(url).origin);
    await page.evaluate(([name, url, names]) => {
      streams[name] = listen(EventSource, url, names);
    }, [name, url, names]);
    return {
      heard: () => page.evaluate(name => streams[name].events.length, name),
      transcript: () => page.evaluate(name => streams[name].events, name),
    };
  },

  undici({ url, names }) {
    const { events } = listen(UndiciEventSource, url, names);
    return { heard: () => events.length, transcript: () => events };
  },
};

const key = ({ client, name }) => `${client} ${name}`;

export const commands = {
  async listen(parameters, browser) {
    streams.set(key(parameters), await clients[parameters.client](parameters, browser));
  },
  heard: parameters => streams.get(key(parameters)).heard(),
  transcript: parameters => streams.get(key(parameters)).transcript(),
};
