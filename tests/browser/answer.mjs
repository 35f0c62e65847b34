// The page of the example `tokens`, as somebody sees and uses it.
import { pages } from "./page.mjs";

export const commands = {
  async ask({ name, prompt }) {
    const page = pages.get(name);
    page.streams = [];
    page.on("response", answer => {
      if (answer.request().resourceType() === "eventsource") page.streams.push(answer.status());
    });
    await page.fill("input[name=prompt]", prompt);
    await page.click("button");
    await page.waitForURL(url => url.searchParams.has("answer"));
  },

  reload: ({ name }) => pages.get(name).reload().then(() => null),

  // What is to be seen, and how the server has answered each time that the page asked for the stream.
  async answer({ name }) {
    const page = pages.get(name);
    if (page.failure) throw page.failure;
    const [state, text] = await page.$$eval("#state, #text", all => all.map(one => one.textContent));
    return { state, text, streams: page.streams };
  },
};
