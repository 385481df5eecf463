/** What a picture of the page looks like from afar: boxes, and how much ink of which colour is where.
 *
 * Fonts and single pixels differ from machine to machine; that a panel is empty, a map grey or a button gone does not.
 */

import { readFile, writeFile } from "node:fs/promises";
import type { Page } from "playwright-core";

const ACROSS = 16;
const DOWN = 9;
const BOXES = ["header", ".map", ".tools", "aside", "nav", ".panel"];

export interface Structure {
  /** Left, top, width and height of parts of the page. */
  boxes: Record<string, number[]>;
  /** For each cell of a grid over the picture, row by row: the share of pixels that are not ground, in percent. */
  ink: number[];
  /** Shares of the ink by hue, in percent: reds, yellows, greens, cyans, blues, magentas, and greys. */
  hues: number[];
}

export async function structureOf(page: Page): Promise<Structure> {
  const picture = (await page.screenshot({ scale: "css" })).toString("base64");
  return page.evaluate(
    async ([data, across, down, wanted]) => {
      const image = new Image();
      image.src = `data:image/png;base64,${data}`;
      await image.decode();
      const canvas = document.createElement("canvas");
      [canvas.width, canvas.height] = [image.width, image.height];
      const context = canvas.getContext("2d")!;
      context.drawImage(image, 0, 0);
      const pixels = context.getImageData(0, 0, canvas.width, canvas.height).data;
      const paper = getComputedStyle(document.body).backgroundColor.match(/\d+/g)!.map(Number);
      const [ink, size, hues] = [new Array<number>(across * down).fill(0), new Array<number>(across * down).fill(0), new Array<number>(7).fill(0)];
      for (let y = 0; y < canvas.height; y++) {
        for (let x = 0; x < canvas.width; x++) {
          const [r, g, b] = pixels.subarray(4 * (y * canvas.width + x), 4 * (y * canvas.width + x) + 3);
          const cell = Math.floor((y * down) / canvas.height) * across + Math.floor((x * across) / canvas.width);
          size[cell]++;
          if (Math.abs(r - paper[0]) + Math.abs(g - paper[1]) + Math.abs(b - paper[2]) < 24) continue;
          ink[cell]++;
          const [high, low] = [Math.max(r, g, b), Math.min(r, g, b)];
          if (high - low < 40) hues[6]++;
          else {
            const turn = high === r ? (g - b) / (high - low) : high === g ? 2 + (b - r) / (high - low) : 4 + (r - g) / (high - low);
            hues[Math.round(turn + 6) % 6]++;
          }
        }
      }
      const all = ink.reduce((sum, count) => sum + count, 0) || 1;
      const boxes: Record<string, number[]> = {};
      for (const name of wanted) {
        const box = document.querySelector(name)?.getBoundingClientRect();
        if (box) boxes[name] = [box.left, box.top, box.width, box.height].map(Math.round);
      }
      return { boxes, ink: ink.map((count, cell) => Math.round((100 * count) / size[cell])), hues: hues.map((count) => Math.round((100 * count) / all)) };
    },
    [picture, ACROSS, DOWN, BOXES] as [string, number, number, string[]],
  );
}

/** What is different from the structure that was kept, in words; with EXPLORER_KEEP it is kept anew instead. */
export async function differences(page: Page, name: string): Promise<string[]> {
  const path = new URL(`structures/${name}.json`, import.meta.url);
  const now = await structureOf(page);
  if (process.env.EXPLORER_KEEP) {
    await writeFile(path, `${JSON.stringify(now)}\n`);
    return [];
  }
  return compared(JSON.parse(await readFile(path, "utf8")), now);
}

/** Boxes may differ by 12 pixels, cells by 15 points and 2 on average, hues by 6 points. */
export function compared(before: Structure, now: Structure): string[] {
  const found: string[] = [];
  for (const name of new Set([...Object.keys(before.boxes), ...Object.keys(now.boxes)])) {
    const [was, is] = [before.boxes[name], now.boxes[name]];
    if (!was || !is) found.push(`${name} ${is ? "is new" : "is gone"}`);
    else if (was.some((side, i) => Math.abs(side - is[i]) > 12)) found.push(`${name} was at ${was}, is at ${is}`);
  }
  const apart = before.ink.map((share, cell) => Math.abs(share - now.ink[cell]));
  apart.forEach((points, cell) => {
    if (points > 15) found.push(`cell ${cell % ACROSS}, ${Math.floor(cell / ACROSS)} had ${before.ink[cell]} % of ink, has ${now.ink[cell]} %`);
  });
  const mean = apart.reduce((sum, points) => sum + points, 0) / apart.length;
  if (mean > 2) found.push(`cells differ by ${mean.toFixed(1)} points on average`);
  before.hues.forEach((share, hue) => {
    if (Math.abs(share - now.hues[hue]) > 6) found.push(`hue ${hue} had ${share} % of the ink, has ${now.hues[hue]} %`);
  });
  return found;
}
