/** A fit that is watched: `late` of tests/web/conftest.py, a run that is not there yet. */

import { cp, mkdir, rm, writeFile } from "node:fs/promises";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { launch, screenshot } from "./page";

const LATE = process.env.EXPLORER_LATE_RUN ?? "";
let browser: Browser;
let page: Page;

const recorded = (count: number) =>
  writeFile(`${LATE}.checkpoint/shape.json`, JSON.stringify({ steps: 20, records: Array.from({ length: count }, (_, step) => ({ step, loss: 3 - step / 9 })) }));

beforeAll(async () => {
  browser = await launch();
  page = await (await browser.newContext({ viewport: { width: 1280, height: 720 } })).newPage();
});
afterAll(() => browser.close());

test("while there is no run its training is seen, and grows", async () => {
  await page.goto(process.env.EXPLORER_LATE_URL ?? "");
  await page.waitForSelector(".live .curve path");
  expect(await page.textContent(".live")).toContain("step 1 of 20; 2 entries");
  await recorded(10);
  await page.waitForSelector("text=step 9 of 20; 10 entries");
  const corners = (await page.getAttribute(".curve path", "d"))!.match(/[ML]/g)!;
  expect(corners).toHaveLength(10);
  await screenshot(page, "training");
});

test("when the run is there the page shows it", async () => {
  await cp(process.env.EXPLORER_RUN ?? "", LATE, { recursive: true });
  await rm(`${LATE}.checkpoint`, { recursive: true });
  await page.waitForFunction(() => "latentatlas" in window);
  expect(await page.textContent(".rows-count")).toBe("420 rows");
});

test("beside a run that is there a fit is seen in the panel of training", async () => {
  await mkdir(`${LATE}.checkpoint`);
  await writeFile(`${LATE}.checkpoint/about.json`, "{}");
  await recorded(5);
  await page.click('nav >> text="Training"');
  await page.waitForSelector(".live progress");
  expect(await page.textContent(".panel")).toContain("The run that is shown");
  await rm(`${LATE}.checkpoint`, { recursive: true });
  await page.waitForFunction(() => !document.querySelector(".live"));
});

test("an address without a run or a fit says so", async () => {
  await rm(LATE, { recursive: true });
  const gone = await browser.newContext();
  const other = await gone.newPage();
  await other.goto(process.env.EXPLORER_LATE_URL ?? "");
  await other.waitForSelector(".wait >> text=does not exist");
  await gone.close();
});
