/** Two million rows at EXPLORER_LARGE_URL: slower, but never frozen. */

import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { lasso, launch, open, screenshot, selectedSize, settled, type Inside } from "./page";

const ROWS = 2_000_000;
const GROUPS = 10;

let browser: Browser;
let page: Page;
let troubles: string[];
let seconds: number;

/** The longest time without a frame while something is done, in seconds; what the page says on the map meanwhile. */
async function stalled(work: () => Promise<unknown>): Promise<{ longest: number; said: string[] }> {
  await page.evaluate(() => {
    const seen = { longest: 0, said: [] as string[], last: performance.now(), on: true };
    Object.assign(window, { seen });
    const write = CanvasRenderingContext2D.prototype.fillText;
    CanvasRenderingContext2D.prototype.fillText = function (text, ...rest) {
      if (text.startsWith("showing")) seen.said.push(text);
      return write.call(this, text, ...rest);
    };
    const frame = () => {
      seen.longest = Math.max(seen.longest, performance.now() - seen.last);
      seen.last = performance.now();
      if (seen.on) requestAnimationFrame(frame);
      else CanvasRenderingContext2D.prototype.fillText = write;
    };
    requestAnimationFrame(frame);
  });
  await work();
  return page.evaluate(() => {
    const { seen } = window as never as { seen: { longest: number; said: string[]; on: boolean } };
    seen.on = false;
    return { longest: seen.longest / 1000, said: seen.said };
  });
}

beforeAll(async () => {
  browser = await launch();
  const started = Date.now();
  ({ page, troubles } = await open(browser, process.env.EXPLORER_LARGE_URL ?? ""));
  seconds = (Date.now() - started) / 1000;
});
afterAll(() => browser.close());

test("the page is there soon, and holds no more than it must", async () => {
  expect(await page.textContent(".rows-count")).toBe("2,000,000 rows");
  expect(seconds).toBeLessThan(30);
  const heap = await page.evaluate(() => (performance as never as { memory: { usedJSHeapSize: number } }).memory.usedJSHeapSize);
  console.log(`page can be used after ${seconds.toFixed(1)} s, ${Math.round(heap / 1e6)} MB of scripts' memory`);
  expect(heap).toBeLessThan(400e6);
  await screenshot(page, "large");
});

test("while the map moves a sample is drawn, and says so; all rows when it rests", async () => {
  const { longest, said } = await stalled(async () => {
    await page.mouse.move(400, 350);
    await page.mouse.down();
    for (let i = 0; i < 40; i++) await page.mouse.move(400 + 4 * (i % 20), 350 + i);
    await page.mouse.up();
    await settled(page);
  });
  console.log(`longest time without a frame while moved: ${longest.toFixed(2)} s`);
  expect(longest).toBeLessThan(3);
  expect(said.length).toBeGreaterThan(0);
  expect(said.every((text) => /^showing [\d,]+ of 2,000,000 rows while the map moves$/.test(text))).toBe(true);
  const last = await page.evaluate(() => (window as never as Inside).latentatlas.map.frames.at(-1)!.points);
  expect(last).toBe(ROWS);
  expect((await stalled(() => settled(page))).said).toEqual([]);
});

test("a lasso and a filter select among all rows", async () => {
  const lassoed = await stalled(async () => {
    await lasso(page, 60, 200, 800, 700);
    await page.waitForSelector(".chips .selected");
    await settled(page);
  });
  const inside = await selectedSize(page);
  expect(inside).toBeGreaterThan(ROWS / 20);
  const filtered = await stalled(async () => {
    await page.selectOption("#colour", "kind");
    await page.click('.category:has-text("kind 3")');
    await page.waitForFunction((before) => (window as never as Inside).latentatlas.store.selectedSize < before, inside);
    await settled(page);
  });
  const both = await selectedSize(page);
  expect(Math.abs(both / inside - 1 / GROUPS)).toBeLessThan(0.01);
  console.log(`longest time without a frame: lasso ${lassoed.longest.toFixed(2)} s, filter ${filtered.longest.toFixed(2)} s`);
  expect(Math.max(lassoed.longest, filtered.longest)).toBeLessThan(4);
  expect(troubles).toEqual([]);
});
