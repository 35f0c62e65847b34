// Pages of examples, as somebody sees and uses them.
export const pages = new Map();

export const commands = {
  // In a profile of its own, or in that of another page. `first` has, by path, streams that the page gets once
  // instead of the server's.
  async open({ name, url, beside, first = {} }, browser) {
    // Nobody vouches for the certificates of tests.
    const context = beside ? pages.get(beside).context() : await browser.newContext({ ignoreHTTPSErrors: true });
    const page = await context.newPage();
    page.on("pageerror", error => { page.failure ??= error; });
    page.answers = 0;
    page.streams = [];
    page.on("response", answer => {
      page.answers += 1;
      if (answer.request().resourceType() === "eventsource") page.streams.push(answer.status());
    });
    pages.set(name, page);
    for (const [path, body] of Object.entries(first)) {
      const stream = route => route.fulfill({ contentType: "text/event-stream", body });
      await page.route(url => url.pathname === path, stream, { times: 1 });
    }
    await page.goto(url);
  },

  // What it asks for next under a path is answered so.
  answer_once: ({ name, path, status, body }) => pages.get(name).route(
    url => url.pathname === path, route => route.fulfill({ status, body }), { times: 1 }).then(() => null),

  click: ({ name, selector }) => pages.get(name).click(selector),

  // The quick start's page. Cheap enough to be asked again and again.
  async look({ name }) {
    const page = pages.get(name);
    if (page.failure) throw page.failure;
    const [state, count, last] = await page.$$eval("#state, #count, #last", all => all.map(one => one.textContent));
    return { state, count: Number(count), last };
  },

  // Every line of the list, oldest first. On the page the newest is on top.
  lines: ({ name }) => pages.get(name).$$eval("#events li", lines => lines.map(line => ({
    name: line.className, id: line.dataset.id, data: line.dataset.data, text: line.textContent,
  })).reverse()),

  // How often the server, or what stands before it, has answered the page, whatever it asked for.
  answers: ({ name }) => pages.get(name).answers,

  // How it has answered each time that the page asked for a stream.
  streams: ({ name }) => pages.get(name).streams,

  texts: ({ name, selector }) => pages.get(name).$$eval(selector, all => all.map(one => one.textContent)),

  async order({ name, item, quantity }) {
    const page = pages.get(name);
    await page.fill("input[name=item]", item);
    await page.fill("input[name=quantity]", String(quantity));
    await page.click("text=Place order");
  },

  screenshot: ({ name, path }) => pages.get(name).screenshot({ path }).then(() => null),

  async close({ name }) {
    await pages.get(name).context().close();
    pages.delete(name);
  },
};
