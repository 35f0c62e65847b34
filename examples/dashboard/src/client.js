/**
 * Follows a stream of events for as long as the page lives: over lost connections, restarts, and
 * refusals, after which the browser itself would give up.
 *
 * `on` has a function for each event type; it gets the payload and the event's id. `opened` is told
 * whether the stream goes on where it was; if not, a snapshot may follow, if the server sends one.
 * `missing` is told of gaps, `closed` why the server ended the stream, `lost` that nobody is connected
 * for the moment. Returns a function that ends it.
 */
export function follow(url, { on, opened, missing, closed, lost }) {
  let last = "", failures = 0, timer, source;

  const connect = () => {
    const address = new URL(url, location.href);
    if (last) address.searchParams.set("last_event_id", last);
    source = new EventSource(address);
    const listen = (name, handle) => source.addEventListener(name, event => {
      last = event.lastEventId || last; // To come back with. What is part of a snapshot has none.
      handle?.(JSON.parse(event.data), event.lastEventId);
    });
    listen("sse-open", data => { failures = 0; opened?.(data); });
    listen("sse-gap", missing);
    listen("sse-cursor");
    listen("sse-close", data => {
      if (data.reason === "complete") stop();
      closed?.(data.reason);
    });
    for (const [name, handle] of Object.entries(on)) listen(name, handle);
    source.onerror = () => {
      lost?.();
      if (source.readyState !== EventSource.CLOSED) return; // The browser comes back by itself.
      const wait = Math.min(1000 * 2 ** failures++, 30_000) * (0.5 + Math.random());
      timer = setTimeout(connect, wait);
    };
  };

  const stop = () => { clearTimeout(timer); source.close(); };
  connect();
  return stop;
}
