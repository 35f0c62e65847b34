// The page of the example `tokens`, as somebody sees and uses it.
import { pages } from "./page.mjs";

export const commands = {
  async ask({ name, prompt }) {
    const page = pages.get(name);
    await page.fill("input[name=prompt]", prompt);
    await page.click("button");
    await page.waitForURL(url => url.searchParams.has("answer"));
  },

  reload: ({ name }) => pages.get(name).reload().then(() => null),

  // What is to be seen.
  async answer({ name }) {
    const page = pages.get(name);
    if (page.failure) throw page.failure;
    const [state, text] = await page.$$eval("#state, #text", all => all.map(one => one.textContent));
    return { state, text };
  },
};
