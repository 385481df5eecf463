/** Two runs side by side. The other run is `mirrored` of tests/web/conftest.py: row 10 moved, row 0 is not there. */

import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { lasso, launch, open, screenshot, selectedSize, settled, shownRow, whereIs, type Inside, type Opened } from "./page";

let browser: Browser;
let opened: Opened;

beforeAll(async () => {
  browser = await launch();
  opened = await open(browser, `${process.env.EXPLORER_COMPARE_URL}#colour=label`);
});
afterAll(() => browser.close());

const view = () => opened.page.evaluate(() => {
  const { map, there } = (window as never as Inside).latentatlas;
  return [map.current, there!.current];
});

test("both maps are seen, the other laid over this one", async () => {
  const { page } = opened;
  expect(await page.locator(".pane").count()).toBe(2);
  expect(await page.locator(".caption").allTextContents()).toEqual(["run", "mirrored"]);
  const [left, right] = await page.evaluate(() => [...document.querySelectorAll(".canvases")].map((each) => each.getBoundingClientRect().left));
  for (const row of [5, 77, 301]) {
    const [[x, y], [a, b]] = [await whereIs(page, row), await whereIs(page, row, 1)];
    expect(Math.hypot(a - right - (x - left), b - y)).toBeLessThan(30); // one row that moved pulls a little
  }
  expect((await view())[0]).toEqual((await view())[1]);
});

test("the row that moved most is first, and the panel says how far rows moved", async () => {
  const { page } = opened;
  await page.click('nav >> text="Compare"');
  await page.waitForSelector(".plain-list .neighbour");
  expect(await page.textContent(".plain-list .neighbour .name")).toBe("item 10");
  expect(await page.textContent(".panel .hint")).toContain("419 of 420 rows");
  expect(await page.textContent(".panel")).toContain("kept of 15 neighbours");
  await page.click(".plain-list .neighbour >> nth=0");
  await page.waitForFunction(() => (window as never as Inside).latentatlas.store.state.row === 10);
  await page.click('text="Colour by drift" >> nth=0');
  expect(await page.inputValue("#colour")).toBe("drift.map");
  await page.keyboard.press("0");
  await settled(page);
  await screenshot(page, "compare");
});

test("moving one map moves the other", async () => {
  const { page } = opened;
  for (const pane of [0, 1]) {
    await page.mouse.move(...(await whereIs(page, 20, pane)));
    await page.mouse.wheel(0, -300);
    await settled(page);
    const [here, there] = await view();
    expect(there).toEqual(here);
  }
  await page.keyboard.press("0");
  await settled(page);
});

test("a selection on either map is one on both, and the address keeps it", async () => {
  const { page } = opened;
  const [left, top] = await whereIs(page, 20, 1);
  await page.mouse.click(left, top);
  expect(await shownRow(page)).not.toBeNull();
  await lasso(page, left - 40, top - 40, left + 40, top + 40);
  await page.waitForSelector('.chips >> text="lasso in mirrored ✕"');
  const selected = await selectedSize(page);
  expect(selected).toBeGreaterThan(0);
  expect(selected).toBeLessThan(420);
  const again = await open(browser, page.url());
  expect(await selectedSize(again.page)).toBe(selected);
  await again.page.context().close();
  await page.keyboard.press("Control+z");
  expect(await selectedSize(page)).toBe(420);
  expect(opened.troubles).toEqual([]);
});

test("on a phone the maps stand one above the other", async () => {
  const phone = await open(browser, process.env.EXPLORER_COMPARE_URL ?? "", { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });
  const boxes = await phone.page.evaluate(() => [...document.querySelectorAll(".pane")].map((each) => each.getBoundingClientRect().toJSON()));
  expect(boxes[1].top).toBeGreaterThanOrEqual(boxes[0].bottom - 1);
  expect(boxes[0].height).toBeGreaterThan(150);
  expect(await phone.page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
  await phone.page.context().close();
});
