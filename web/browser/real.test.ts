/** Digits, news and heart beats, end to end. Their addresses are in EXPLORER_REAL. */

import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Browser } from "playwright-core";
import { launch, open, screenshot, selectedSize, settled, shades, shownRow, whereIs, type Opened } from "./page";

const RUNS: Record<string, string> = JSON.parse(process.env.EXPLORER_REAL ?? "{}");
const LOOKS: Record<string, string> = {
  mnist: ".row-panel img.pattern:not(.small)",
  ag_news: ".row-panel blockquote",
  mitbih: ".row-panel .pattern.signal path",
};

let browser: Browser;

beforeAll(async () => {
  browser = await launch();
});
afterAll(() => browser.close());

describe.each(Object.entries(RUNS))("%s", (name, url) => {
  let opened: Opened;
  beforeAll(async () => {
    opened = await open(browser, `${url}#colour=label`);
  });
  afterAll(() => opened.page.context().close());

  test("has a map in the colours of its labels", async () => {
    const named = Object.values(await shades(opened.page)).filter((count) => count > 100);
    expect(named.length).toBeGreaterThanOrEqual(2);
    await screenshot(opened.page, `${name}-map`);
  });

  test("shows rows as they are, and their neighbours", async () => {
    const { page } = opened;
    await page.mouse.click(...(await whereIs(page, 17)));
    await page.waitForSelector(LOOKS[name]);
    await page.waitForSelector(".mark.yes, .mark.no");
    expect(await shownRow(page)).not.toBeNull();
    await settled(page);
    await screenshot(page, `${name}-row`);
  });

  test("leads down its terrain, and is saved as a drawing", async () => {
    const { page } = opened;
    await page.click('nav >> text="Terrain"');
    await page.click("text=/^Down from row/");
    await page.waitForSelector(".trail .exemplar");
    await page.waitForSelector(`.jumps tbody tr, :text("No two basins touch")`);
    await settled(page);
    await screenshot(page, `${name}-terrain`);
    const [download] = await Promise.all([page.waitForEvent("download"), page.click('text="SVG"')]);
    expect((await readFile(await download.path())).toString().match(/h0/g)!.length).toBeGreaterThan(500);
    await page.selectOption("#ground", "density");
  });

  test("is selected by energy, coloured, tabled and cleared", async () => {
    const { page } = opened;
    await page.click('nav >> text="Columns"');
    await page.selectOption("#colour", "energy");
    const box = (await page.locator(".histogram svg").first().boundingBox())!;
    await page.mouse.move(box.x + box.width / 8, box.y + 20);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width - 1, box.y + 20, { steps: 5 });
    await page.mouse.up();
    await page.waitForSelector(".chips .selected");
    expect(await selectedSize(page)).toBeGreaterThan(0);
    await page.click('nav >> text="Table"');
    await page.waitForSelector(".rows tbody tr");
    await page.keyboard.press("Escape");
    expect(await page.locator(".chips .selected").count()).toBe(0);
  });

  test("draws from its model", async () => {
    const { page } = opened;
    await page.click('nav >> text="Generate"');
    await page.click("text=Draw 12");
    await page.waitForFunction(() => document.querySelectorAll(".results figure").length === 12);
    await screenshot(page, `${name}-sample`);
    expect(opened.troubles).toEqual([]);
  });
});

test("news are found by their words", async () => {
  const { page } = await open(browser, RUNS.ag_news);
  await page.fill("#search", "oil");
  await page.keyboard.press("Enter");
  await page.waitForSelector(".chips .selected");
  const found = await selectedSize(page);
  expect(found).toBeGreaterThan(5);
  expect(found).toBeLessThan(500);
  await screenshot(page, "ag_news-search");
});
