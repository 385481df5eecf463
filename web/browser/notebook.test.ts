/** The page as a notebook shows it: the built widget, the built page in its frame, and the answers of a real explorer.
 *
 * What stands for the notebook is a model with the methods that anywidget gives, which asks the explorer at EXPLORER_URL;
 * tests/server/test_notebook.py tests that the code behind the real one answers the same.
 */

import { readFile } from "node:fs/promises";
import type { Browser, Frame, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { launch, type Inside } from "./page";

const URL = process.env.EXPLORER_URL ?? "";
const [PAGE, WIDGET] = [process.env.EXPLORER_NOTEBOOK_PAGE ?? "", process.env.EXPLORER_WIDGET ?? ""];
const ROWS = 420;
const PER_GROUP = 140;

/** Runs in the browser: a model, and the widget twice, as when a cell's output is shown in two places. */
const NOTEBOOK = `
  import widget from "/widget.js";
  const heard = new Map();
  const fire = (event, ...what) => (heard.get(event) ?? []).forEach((each) => each(...what));
  const state = { page: await (await fetch("/page")).text(), bits: null };
  window.saved = 0;
  window.model = {
    get: (name) => state[name],
    set(name, value) {
      if (state[name] === value) return;
      state[name] = value;
      fire("change:" + name);
    },
    save_changes: () => window.saved++,
    on: (event, each) => heard.set(event, [...(heard.get(event) ?? []), each]),
    off: (event, each) => heard.set(event, heard.get(event).filter((other) => other !== each)),
    async send({ id, method, path, body }) {
      const headers = body === undefined ? {} : { "content-type": "application/json" };
      const answer = await fetch(path, { method, body, headers });
      const padded = new Uint8Array([7, ...new Uint8Array(await answer.arrayBuffer())]); // buffers may begin anywhere
      fire("msg:custom", { id, status: answer.status }, [new DataView(padded.buffer, 1)]);
    },
  };
  model.set("bits", window.first);
  for (const el of document.querySelectorAll("div")) window.stop = widget.render({ model, el });
  window.heard = heard;
`;

let browser: Browser;
let page: Page;
let frames: Frame[];
const troubles: string[] = [];

const selected = (frame: Frame): Promise<number> =>
  frame.evaluate(() => (window as never as Inside).latentatlas.store.selectedSize);
const inside = (frame: Frame) => frame.waitForFunction(() => "latentatlas" in window);
const reaches = (frame: Frame, size: number) =>
  frame.waitForFunction((wanted) => (window as never as Inside).latentatlas.store.selectedSize === wanted, size);

beforeAll(async () => {
  browser = await launch();
  page = await browser.newPage({ viewport: { width: 1280, height: 1500 } });
  page.setDefaultTimeout(150_000);
  page.on("pageerror", (error) => troubles.push(error.message));
  page.on("console", (message) => message.type() === "error" && troubles.push(message.text()));
  const notebook = `<script>window.first = btoa("\\x07" + "\\0".repeat(52))</script><div></div><div></div><script type="module">${NOTEBOOK}</script>`;
  const files: [string, string, string][] = [
    ["notebook", "text/html", notebook],
    ["page", "text/plain", await readFile(PAGE, "utf8")],
    ["widget.js", "text/javascript", await readFile(WIDGET, "utf8")],
  ];
  for (const [path, contentType, body] of files) await page.route(`${URL}${path}`, (route) => route.fulfill({ contentType, body }));
  await page.goto(`${URL}notebook`);
  await page.waitForFunction(() => document.querySelectorAll("iframe").length === 2);
  frames = page.frames().filter((frame) => frame !== page.mainFrame());
  await Promise.all(frames.map(inside));
});
afterAll(() => browser.close());

test("the frame shows the run, with what the code has selected before", async () => {
  expect(await frames[0].textContent(".rows-count")).toBe(`${ROWS} rows`);
  expect(await frames[0].textContent(".chips")).toContain("chosen in the notebook");
  expect(await Promise.all(frames.map(selected))).toEqual([3, 3]);
  expect(await frames[0].locator("header >> text=Link").count()).toBe(0);
  expect(troubles).toEqual([]);
});

test("what is selected on the page reaches the code, and the other place", async () => {
  await frames[0].click(".chips >> text=chosen in the notebook");
  await Promise.all(frames.map((frame) => reaches(frame, ROWS)));
  await frames[0].click('.category:has-text("red")');
  await Promise.all(frames.map((frame) => reaches(frame, PER_GROUP)));
  const bits = await page.evaluate(() => (window as never as { model: { get(name: string): string } }).model.get("bits"));
  const chosen = Buffer.from(bits, "base64").reduce((sum, byte) => sum + byte.toString(2).replaceAll("0", "").length, 0);
  expect(chosen).toBe(PER_GROUP);
  expect(await page.evaluate(() => (window as never as { saved: number }).saved)).toBeGreaterThan(0);
  expect(await frames[0].textContent(".chips")).toContain("label: red"); // its own reason stays
});

test("what the code selects takes the place of all else, and can be undone", async () => {
  const select = (bits: string | null) =>
    page.evaluate((wanted) => (window as never as { model: { set(name: string, value: unknown): void } }).model.set("bits", wanted), bits);
  await select(Buffer.from([0b1011, ...new Array(52).fill(0)]).toString("base64"));
  await Promise.all(frames.map((frame) => reaches(frame, 3)));
  await frames[0].click(".chips >> text=Undo");
  await reaches(frames[0], PER_GROUP);
  await select(null);
  await Promise.all(frames.map((frame) => reaches(frame, ROWS)));
});

test("a row is asked for and shown, and a removed output leaves nothing behind", async () => {
  await frames[0].click('nav >> text="Table"');
  await frames[0].click(".rows tbody td");
  await frames[0].waitForSelector(".row-panel img.pattern");
  expect(troubles).toEqual([]);
  await page.evaluate(() => (window as never as { stop(): void }).stop());
  const left = await page.evaluate(() => [...(window as never as { heard: Map<string, unknown[]> }).heard.values()].map((each) => each.length));
  expect(left).toEqual([1, 1]);
});
