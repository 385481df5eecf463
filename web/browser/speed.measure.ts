/** What a browser measures: how soon the page can be used, and how smoothly the map is moved. For `bench explore`. */

import { writeFile } from "node:fs/promises";
import type { Page } from "playwright-core";
import { test } from "vitest";
import { launch, type Inside } from "./page";

const SECONDS = 4;
const LOADS = 3;

/** Frames a second while the map is pushed about, each waited for; the longest wait, in seconds. */
const moved = (page: Page, whole: boolean): Promise<{ rate: number; longest: number }> =>
  page.evaluate(
    async ([seconds, all]) => {
      const { map } = (window as never as Inside).latentatlas as unknown as { map: { pan(x: number, y: number): void; budget: number } };
      if (all) Object.defineProperty(map, "budget", { get: () => Infinity, set: () => undefined });
      const started = performance.now();
      let [frames, longest, last] = [0, 0, started];
      while (performance.now() - started < 1000 * seconds) {
        map.pan(frames % 40 < 20 ? 6 : -6, 2 * Math.sin(frames));
        await new Promise((done) => requestAnimationFrame(done));
        frames++;
        longest = Math.max(longest, performance.now() - last);
        last = performance.now();
      }
      return { rate: (1000 * frames) / (last - started), longest: longest / 1000 };
    },
    [SECONDS, whole] as const,
  );

test("figures", { timeout: 300_000 }, async () => {
  const browser = await launch();
  const figures: Record<string, number> = {};
  for (const [name, url] of Object.entries(JSON.parse(process.env.EXPLORER_SPEED_RUNS ?? "{}") as Record<string, string>)) {
    const loads: number[] = [];
    let page: Page | null = null;
    for (let load = 0; load < LOADS; load++) {
      await page?.context().close();
      page = await (await browser.newContext({ viewport: { width: 1280, height: 720 } })).newPage();
      const started = Date.now();
      await page.goto(url);
      await page.waitForFunction(() => (window as never as Partial<Inside>).latentatlas?.map?.frames.length);
      loads.push((Date.now() - started) / 1000);
    }
    if (!page) throw new Error("no page was loaded");
    figures[`${name} rows, page can be used, first load, s`] = loads[0];
    figures[`${name} rows, page can be used, least of ${LOADS} loads, s`] = Math.min(...loads);
    await page.waitForTimeout(1500);
    const sampled = await moved(page, false);
    figures[`${name} rows, moved, frames/s`] = sampled.rate;
    figures[`${name} rows, moved, longest wait for a frame, s`] = sampled.longest;
    figures[`${name} rows, moved, points drawn`] = await page.evaluate(() => Math.floor((window as never as Inside).latentatlas.map.frames.at(-1)!.points));
    await page.waitForTimeout(1500);
    figures[`${name} rows, all drawn while moved, frames/s`] = (await moved(page, true)).rate;
    await page.context().close();
  }
  await browser.close();
  await writeFile(process.env.EXPLORER_SPEED_OUT ?? "speed.json", JSON.stringify(figures));
});
