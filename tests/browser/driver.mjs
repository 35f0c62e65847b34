// Drives real clients for the Rust tests: a line of JSON in is a command, a line of JSON out its answer.
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";
import * as answer from "./answer.mjs";
import * as page from "./page.mjs";
import * as streams from "./streams.mjs";
import * as tabs from "./tabs.mjs";

// The browser looks for nothing but the pages that it is told to open.
const args = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync"];
const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
const browser = await chromium.launch({ executablePath, args, headless: true });

const all = [answer, page, streams, tabs].flatMap(module => Object.entries(module.commands));
const commands = Object.fromEntries(all);
if (Object.keys(commands).length < all.length) throw new Error("two commands have one name");
console.log("ready");
const lines = createInterface({ input: process.stdin });
for await (const line of lines) {
  const { command, ...parameters } = JSON.parse(line);
  try {
    const answer = await commands[command](parameters, browser);
    console.log(JSON.stringify({ answer: answer ?? null }));
  } catch (error) {
    console.log(JSON.stringify({ error: `${command}: ${error.stack ?? error}` }));
  }
}
await browser.close();
process.exit(0);
