/** A browser without a screen, on a page of the explorer. */

import { chromium, type Browser, type BrowserContextOptions, type Page } from "playwright-core";

const FLAGS = [
  "--headless", "--no-sandbox", "--disable-gpu", "--use-angle=swiftshader", "--enable-unsafe-swiftshader",
  "--disable-background-networking", "--disable-component-update", "--disable-default-apps", "--disable-sync",
  "--no-first-run", "--no-pings", "--metrics-recording-only",
];

export const launch = (): Promise<Browser> =>
  chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: FLAGS });

/** Milliseconds: the first question to the model loads it, on a busy machine slowly. */
const PATIENCE = 150_000;

export interface Opened {
  page: Page;
  /** What went wrong that nobody asked for: errors of scripts, requests to other places. */
  troubles: string[];
}

export async function open(browser: Browser, url: string, options: BrowserContextOptions = {}): Promise<Opened> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 720 }, acceptDownloads: true, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE);
  const troubles: string[] = [];
  page.on("pageerror", (error) => troubles.push(error.message));
  page.on("console", (message) => message.type() === "error" && troubles.push(message.text()));
  page.on("request", (request) => {
    const to = new URL(request.url());
    if (!["data:", "blob:", "file:"].includes(to.protocol) && to.origin !== new URL(url).origin) troubles.push(`asked ${to.origin}`);
  });
  await page.goto(url);
  await page.waitForFunction(() => "latentatlas" in window);
  await settled(page);
  return { page, troubles };
}

/** Until the map is drawn as it is going to stay. */
export async function settled(page: Page): Promise<void> {
  await page.waitForFunction(async () => {
    const { map } = (window as never as Inside).latentatlas;
    const before = map.frames.length;
    await new Promise((done) => setTimeout(done, 250));
    return map.frames.length === before && before > 0 && map.frames[before - 1].points > 0; // colours have come
  });
}

/** What the page holds, for questions that a person would answer by looking. */
export interface Inside {
  latentatlas: {
    store: {
      x: Float32Array;
      y: Float32Array;
      there: { x: Float32Array; y: Float32Array } | null;
      overview: { rows: number };
      selectedSize: number;
      state: { row: number | null; clauses: { key: string }[]; colour: string; dark: boolean; view: unknown };
      values(name: string): Promise<ArrayLike<number>>;
    };
    map: {
      kind: string;
      frames: { at: number; ms: number; points: number }[];
      current: { x: number; y: number; scale: number };
    };
    /** The map of the run beside, where there is one. */
    there?: Inside["latentatlas"]["map"];
  };
}

export const selectedSize = (page: Page): Promise<number> =>
  page.evaluate(() => (window as never as Inside).latentatlas.store.selectedSize);

export const shownRow = (page: Page): Promise<number | null> =>
  page.evaluate(() => (window as never as Inside).latentatlas.store.state.row);

/** Where a row is on the screen, on the map of the run or (1) of the one beside it. */
export const whereIs = (page: Page, row: number, pane = 0): Promise<[number, number]> =>
  page.evaluate(([wanted, side]) => {
    const { store, map, there } = (window as never as Inside).latentatlas;
    const box = document.querySelectorAll(".canvases")[side].getBoundingClientRect();
    const [places, view] = side ? [store.there!, there!.current] : [store, map.current];
    return [
      box.left + box.width / 2 + (places.x[wanted] - view.x) * view.scale,
      box.top + box.height / 2 - (places.y[wanted] - view.y) * view.scale,
    ] as [number, number];
  }, [row, pane] as const);

/** Pixels of the drawn points by colour, with as few shades as a person would name: sixteenths of each part. */
export const shades = (page: Page): Promise<Record<string, number>> =>
  page.evaluate(() => {
    const canvas = document.querySelector<HTMLCanvasElement>("canvas.points")!;
    const copy = document.createElement("canvas");
    [copy.width, copy.height] = [canvas.width, canvas.height];
    const context = copy.getContext("2d")!;
    return new Promise<Record<string, number>>((done) =>
      requestAnimationFrame(() => {
        const { map } = (window as never as { latentatlas: { map: { paint(most: number): void } } }).latentatlas;
        map.paint(Infinity);
        context.drawImage(canvas, 0, 0);
        const { data } = context.getImageData(0, 0, copy.width, copy.height);
        const counts: Record<string, number> = {};
        for (let i = 0; i < data.length; i += 4) {
          if (data[i + 3] < 128) continue;
          const shade = [data[i], data[i + 1], data[i + 2]].map((part) => part >> 4).join();
          counts[shade] = (counts[shade] ?? 0) + 1;
        }
        done(counts);
      }),
    );
  });

/** A lasso around a box on the screen. */
export async function lasso(page: Page, left: number, top: number, right: number, bottom: number): Promise<void> {
  await page.keyboard.press("l");
  await page.mouse.move(left, top);
  await page.mouse.down();
  for (const [x, y] of [[right, top], [right, bottom], [left, bottom], [left, top + 2]]) await page.mouse.move(x, y, { steps: 4 });
  await page.mouse.up();
}

export async function screenshot(page: Page, name: string): Promise<void> {
  const folder = process.env.EXPLORER_SHOTS;
  if (folder) await page.screenshot({ path: `${folder}/${name}.png` });
}
