/** How the page looks and holds still. The run is `drawn` of tests/web/conftest.py: the same on every machine. */

import { readFile } from "node:fs/promises";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { launch, open, screenshot, selectedSize, settled, whereIs, type Inside } from "./page";
import { compared, differences, structureOf } from "./structure";

const URL = process.env.EXPLORER_DRAWN_URL ?? "";
const PHONE: BrowserContextOptions = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };
let browser: Browser;
let page: Page;

beforeAll(async () => {
  browser = await launch();
  ({ page } = await open(browser, `${URL}#colour=label`));
});
afterAll(() => browser.close());

const tab = (name: string) => page.click(`nav >> text="${name}"`);

describe("pictures of the page have the structure that was kept", () => {
  test("as it opens", async () => {
    await page.waitForFunction(() => document.querySelectorAll(".category .count").length >= 3);
    await screenshot(page, "drawn");
    expect(await differences(page, "open")).toEqual([]);
  });
  test("with the relief, its passes and a way down", async () => {
    await page.selectOption("#ground", "relief");
    await page.mouse.click(...(await whereIs(page, 417)));
    await tab("Terrain");
    await page.click('text="Down from row 417"');
    await page.waitForFunction(() => document.querySelectorAll(".trail .exemplar img").length > 2);
    await settled(page);
    expect(await differences(page, "terrain")).toEqual([]);
    await page.keyboard.press("Escape");
  });
  test("with a row and its neighbours", async () => {
    await page.selectOption("#ground", "regions");
    await page.mouse.click(...(await whereIs(page, 100)));
    await tab("Row");
    await page.waitForFunction(() => document.querySelectorAll(".near .neighbour img").length === 16);
    await settled(page);
    expect(await differences(page, "row")).toEqual([]);
  });
  test("in the dark", async () => {
    await page.keyboard.press("d");
    await tab("Table");
    await page.waitForSelector(".rows tbody tr");
    await settled(page);
    expect(await differences(page, "dark")).toEqual([]);
    await page.keyboard.press("d");
  });
  test("on a phone", async () => {
    const phone = await open(browser, `${URL}#colour=label`, PHONE);
    await phone.page.waitForFunction(() => document.querySelectorAll(".category .count").length >= 3);
    expect(await differences(phone.page, "phone")).toEqual([]);
    await phone.page.context().close();
  });
  test("and another picture has not", async () => {
    const now = await structureOf(page);
    await page.selectOption("#colour", "empty");
    await settled(page);
    expect(compared(now, await structureOf(page)).join()).toMatch(/hue/);
    await page.selectOption("#colour", "label");
    await page.evaluate(() => ((document.querySelector("aside") as HTMLElement).style.display = "none"));
    expect(compared(now, await structureOf(page)).join()).toMatch(/\.map was at/);
    await page.evaluate(() => ((document.querySelector("aside") as HTMLElement).style.display = ""));
  });
});

describe("nothing jumps", () => {
  /** The sum of layout shifts that no input of the last half second explains, as browsers count them. */
  const shifts = (of: Page) =>
    of.evaluate(
      () =>
        new Promise<number>((done) => {
          let sum = 0;
          new PerformanceObserver((list) => {
            const entries = list.getEntries() as (PerformanceEntry & { value: number; hadRecentInput: boolean })[];
            for (const entry of entries) if (!entry.hadRecentInput) sum += entry.value;
          }).observe({ type: "layout-shift", buffered: true });
          setTimeout(() => done(sum), 300);
        }),
    );

  test.each([["1280×720", {}], ["a phone", PHONE]] as [string, BrowserContextOptions][])("while the page opens and is used, at %s", async (_, options) => {
    const { page: fresh } = await open(browser, `${URL}#colour=label`, options);
    await fresh.waitForFunction(() => document.querySelectorAll(".category .count").length >= 3);
    const map = () => fresh.evaluate(() => Object.values(document.querySelector(".map")!.getBoundingClientRect().toJSON()));
    const before = await map();
    await fresh.selectOption("#colour", "energy");
    await settled(fresh);
    await fresh.click('nav >> text="Table"');
    await fresh.waitForSelector(".rows tbody tr");
    await fresh.click(".rows tbody td");
    await fresh.waitForFunction(() => document.querySelectorAll(".near .neighbour img").length === 16);
    expect(await map()).toEqual(before);
    expect(await shifts(fresh)).toBeLessThan(0.1);
    await fresh.context().close();
  });

  test("at 1280×720 everything is in its place", async () => {
    const found = await page.evaluate(() => {
      const box = (name: string) => document.querySelector(name)!.getBoundingClientRect();
      return {
        sideways: document.documentElement.scrollWidth,
        down: document.documentElement.scrollHeight,
        header: box("header").height,
        last: box("header button:last-child").right,
        panel: box(".panel").bottom,
      };
    });
    expect(found).toMatchObject({ sideways: 1280, down: 720, panel: 720 });
    expect(found.header).toBeLessThan(60);
    expect(found.last).toBeLessThanOrEqual(1280);
  });
});

describe("a drawing", () => {
  test("has every point and every name, and a browser shows it", async () => {
    const [download] = await Promise.all([page.waitForEvent("download"), page.keyboard.press("s")]);
    expect(download.suggestedFilename()).toBe("drawn-map.svg");
    const text = (await readFile(await download.path())).toString();
    expect(text.match(/h0/g)).toHaveLength(420);
    for (const name of ["disc 0", "disc 1", "disc 2"]) expect(text).toContain(`>${name}</text>`);
    const shown = await browser.newPage();
    await shown.setContent(`<body style="margin:0">${text}</body>`);
    const { hues } = await structureOf(shown);
    expect(hues.filter((share) => share > 5).length).toBeGreaterThanOrEqual(3);
    await shown.close();
  });
  test("of a selection shows the rest faintly", async () => {
    await page.click('nav >> text="Columns"');
    await page.click('.category:has-text("red")');
    await page.waitForSelector(".chips .selected");
    const [download] = await Promise.all([page.waitForEvent("download"), page.click('text="SVG"')]);
    const text = (await readFile(await download.path())).toString();
    expect(text.match(/stroke-opacity="0.85"/g)).toHaveLength(1);
    await page.keyboard.press("Control+z");
    expect(await selectedSize(page)).toBe(420);
    await page.keyboard.press("Control+Shift+z");
    expect(await selectedSize(page)).toBe(140);
    await page.keyboard.press("Escape");
  });
});

test("keys go through panels, and the help says them", async () => {
  await page.click('nav >> text="Columns"');
  await page.keyboard.press("]");
  expect(await page.evaluate(() => (window as never as Inside & { latentatlas: { store: { state: { tab: string } } } }).latentatlas.store.state.tab)).toBe("row");
  await page.keyboard.press("[");
  await page.keyboard.press("?");
  expect(await page.locator(".help kbd").count()).toBeGreaterThan(12);
  await page.keyboard.press("Escape");
});
