/** A run with charts: `charted` of tests/web/conftest.py, 300 rows in three charts of three axes with four codes. */

import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { launch, open, screenshot, selectedSize, settled, type Inside, type Opened } from "./page";

let browser: Browser;

beforeAll(async () => {
  browser = await launch();
});
afterAll(() => browser.close());

const ADDRESSES = { "by a server": process.env.EXPLORER_CHARTS_URL, "in one file": process.env.EXPLORER_CHARTS_FILE_URL };

describe.each(Object.entries(ADDRESSES))("charts, %s", (way, url) => {
  let opened: Opened;
  beforeAll(async () => {
    opened = await open(browser, `${url}#colour=chart`);
  });
  afterAll(() => opened.page.context().close());

  /** Colours of the lowest canvas whose alpha is that of a line, sixteenths of each part. */
  const inked = () =>
    opened.page.evaluate(() => {
      const canvas = document.querySelector<HTMLCanvasElement>(".canvases canvas")!;
      const { data } = canvas.getContext("2d")!.getImageData(0, 0, canvas.width, canvas.height);
      const counts: Record<string, number> = {};
      for (let i = 0; i < data.length; i += 4) {
        if (data[i + 3] < 230) continue;
        const shade = [data[i], data[i + 1], data[i + 2]].map((part) => part >> 4).join();
        counts[shade] = (counts[shade] ?? 0) + 1;
      }
      return counts;
    });

  test("they are regions of the map with outlines and names", async () => {
    const { page } = opened;
    await page.selectOption("#ground", "charts");
    await settled(page);
    const lines = Object.values(await inked()).filter((count) => count > 60);
    expect(lines.length).toBeGreaterThanOrEqual(2);
    if (way === "by a server") await screenshot(page, "charts");
  });

  test("one is seen in its own coordinates, and a click there shows a row", async () => {
    const { page } = opened;
    await page.click('nav >> text="Charts"');
    await page.waitForSelector(".plane");
    const size = await page.$eval('[aria-label="chart"] option', (option) => option.textContent);
    expect(size).toMatch(/^chart 0, \d+ rows$/);
    const drawn = () => page.evaluate(() => {
      const canvas = document.querySelector<HTMLCanvasElement>(".plane")!;
      const { data } = canvas.getContext("2d")!.getImageData(0, 0, canvas.width, canvas.height);
      const places: number[] = [];
      for (let i = 3; i < data.length; i += 4) if (data[i] > 150) places.push((i - 3) / 4);
      return places.map((place) => [place % canvas.width, Math.floor(place / canvas.width)]);
    });
    await page.waitForFunction(() => {
      const canvas = document.querySelector<HTMLCanvasElement>(".plane")!;
      return canvas.getContext("2d")!.getImageData(0, 0, canvas.width, canvas.height).data.some((value, i) => i % 4 === 3 && value > 150);
    });
    const before = await drawn();
    const [left, top] = before[0];
    await page.click(".plane", { position: { x: left + 1, y: top + 1 } });
    await page.waitForFunction(() => (window as never as Inside).latentatlas.store.state.row !== null);
    const row = await page.evaluate(() => (window as never as Inside).latentatlas.store.state.row!);
    const chart = await page.evaluate(async () => Array.from(await (window as never as Inside).latentatlas.store.values("chart")));
    expect(chart[row]).toBe(0);
    await page.selectOption('[aria-label="axis upwards"]', "2");
    await page.waitForTimeout(200);
    expect(await drawn()).not.toEqual(before);
  });

  test("its codes, its jumps, its rows", async () => {
    const { page } = opened;
    await page.waitForFunction(() => {
      const shown = document.querySelectorAll(".exemplar img").length;
      return shown > 0 && shown === document.querySelectorAll(".exemplar").length;
    });
    await page.click(".exemplar >> nth=0");
    expect(await page.textContent(".panel")).toMatch(/Jumps to charts that share rows|no transitions/);
    if (await page.locator(".jumps tbody tr").count()) {
      const target = (await page.textContent(".jumps .plain"))!;
      await page.click(".jumps .plain >> nth=0");
      await page.waitForFunction((name) => document.querySelector<HTMLSelectElement>('[aria-label="chart"]')!.selectedOptions[0].textContent!.startsWith(`${name},`), target);
    }
    const wanted = Number((await page.$eval('[aria-label="chart"]', (select) => (select as HTMLSelectElement).selectedOptions[0].textContent!)).match(/, (\d+)/)![1]);
    await page.click('text="Select its rows"');
    await page.waitForSelector(".chips .selected");
    expect(await selectedSize(page)).toBe(wanted);
    if (way === "by a server") await screenshot(page, "charts-panel");
    expect(opened.troubles).toEqual([]);
  });

  test("what they leave undecided and what leaks are colours", async () => {
    const { page } = opened;
    for (const colour of ["routing_entropy", "chart_membership", "leakage.side", "anomaly_p", "energy", "trust"]) {
      await page.selectOption("#colour", colour);
      await settled(page);
    }
    expect(opened.troubles).toEqual([]);
  });
});
