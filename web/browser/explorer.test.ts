/** A person's way through the page. The run at EXPLORER_URL is that of tests/web/conftest.py. */

import { readFile } from "node:fs/promises";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { lasso, launch, open, screenshot, selectedSize, settled, shades, shownRow, whereIs, type Inside } from "./page";

const URL = process.env.EXPLORER_URL ?? "";
const ROWS = 420;
const PER_GROUP = 140;

let browser: Browser;
let page: Page;
let troubles: string[];

beforeAll(async () => {
  browser = await launch();
  ({ page, troubles } = await open(browser, URL));
});
afterAll(() => browser.close());
beforeEach(() => {
  troubles.length = 0;
});

const tab = (name: string) => page.click(`nav >> text="${name}"`);
const clear = async () => {
  for (let i = 0; i < 3; i++) await page.keyboard.press("Escape");
};

describe("the map", () => {
  test("shows every row in the colours of its label", async () => {
    await page.selectOption("#colour", "label");
    await settled(page);
    const drawn = await shades(page);
    const named = Object.entries(drawn).filter(([, count]) => count > 200);
    expect(named.length).toBeGreaterThanOrEqual(3);
    expect(await page.textContent("header h1")).toBe("patterns");
    expect(await page.textContent(".seal")).toContain("failed");
    await screenshot(page, "load");
    expect(troubles).toEqual([]);
  });

  test("takes another column as colour, and grey where it has no value", async () => {
    const before = await shades(page);
    await page.selectOption("#colour", "energy");
    await page.waitForSelector(".scale");
    await settled(page);
    const after = await shades(page);
    expect(Object.keys(after).length).toBeGreaterThan(Object.keys(before).length);
    await page.selectOption("#colour", "empty");
    await settled(page);
    const grey = Object.entries(await shades(page)).sort((a, b) => b[1] - a[1])[0][0].split(",").map(Number);
    expect(Math.max(...grey) - Math.min(...grey)).toBeLessThanOrEqual(1);
    expect(await page.textContent(".panel")).toContain("No row has a value here.");
    await page.selectOption("#colour", "label");
    expect(troubles).toEqual([]);
  });

  test("zooms to the pointer and comes back", async () => {
    const [left, top] = await whereIs(page, 5);
    await page.mouse.move(left, top);
    await page.mouse.wheel(0, -600);
    await settled(page);
    const [nowLeft, nowTop] = await whereIs(page, 5);
    expect(Math.hypot(nowLeft - left, nowTop - top)).toBeLessThan(2);
    await page.keyboard.press("0");
    await settled(page);
    const back = await whereIs(page, 5);
    expect(Math.hypot(back[0] - left, back[1] - top)).toBeLessThan(2);
  });

  test("has grounds of regions and relief", async () => {
    for (const ground of ["relief", "regions", "density"]) {
      await page.selectOption("#ground", ground);
      await settled(page);
      const inked = await page.evaluate(() => {
        const canvas = document.querySelector<HTMLCanvasElement>(".canvases canvas")!;
        const { data } = canvas.getContext("2d")!.getImageData(0, 0, canvas.width, canvas.height);
        return data.filter((value, i) => i % 4 === 3 && value > 20).length;
      });
      expect(inked).toBeGreaterThan(1000);
      await screenshot(page, ground);
    }
    expect(troubles).toEqual([]);
  });
});

describe("selections", () => {
  test("a lasso selects the rows inside it, also in the table and the histograms", async () => {
    const places = await Promise.all(Array.from({ length: PER_GROUP }, (_, i) => whereIs(page, 3 * i)));
    const [xs, ys] = [places.map((each) => each[0]), places.map((each) => each[1])];
    await lasso(page, Math.min(...xs) - 6, Math.min(...ys) - 6, Math.max(...xs) + 6, Math.max(...ys) + 6);
    await page.waitForSelector(".chips .selected");
    expect(await selectedSize(page)).toBe(PER_GROUP);
    await tab("Table");
    await page.waitForSelector(".rows tbody tr");
    expect(await page.textContent(".table-panel .head")).toContain(`1–50 of ${PER_GROUP}`);
    await tab("Columns");
    await page.waitForFunction(() => document.querySelectorAll(".category .count").length >= 3);
    await page.waitForFunction(() => [...document.querySelectorAll(".category .count")].slice(0, 3).some((each) => each.textContent === "0"));
    await screenshot(page, "lasso");
  });

  test("filters add up, can be undone one by one, and be cleared", async () => {
    await page.fill("#search", "cats");
    await page.keyboard.press("Enter");
    await page.waitForFunction(() => (window as never as Inside).latentatlas.store.state.clauses.length === 2);
    expect(await selectedSize(page)).toBe(PER_GROUP / 2);
    await page.keyboard.press("Escape");
    await page.keyboard.press("Control+z");
    expect(await selectedSize(page)).toBe(PER_GROUP);
    await clear();
    expect(await selectedSize(page)).toBe(ROWS);
    await page.keyboard.press("Control+z");
    expect(await selectedSize(page)).toBe(PER_GROUP);
    await clear();
  });

  test("a drag over a histogram selects a range", async () => {
    const box = (await page.locator(".histogram svg").first().boundingBox())!;
    await page.mouse.move(box.x + 2, box.y + 20);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width / 2, box.y + 20, { steps: 5 });
    await page.mouse.up();
    await page.waitForSelector(".chips .selected");
    const selected = await selectedSize(page);
    expect(selected).toBeGreaterThan(0);
    expect(selected).toBeLessThan(ROWS);
    await clear();
  });

  test("a click on a category selects it; of 200 all can be shown", async () => {
    await page.selectOption("#colour", "many");
    await page.waitForSelector('text="Show all 200"');
    await page.click('text="Show all 200"');
    expect(await page.locator(".column.open").first().locator(".category").count()).toBe(200);
    await page.click('.category:has-text("kind 7") >> nth=0');
    await page.waitForSelector(".chips .selected");
    expect([2, 3]).toContain(await selectedSize(page));
    await clear();
    await page.selectOption("#colour", "label");
    expect(troubles).toEqual([]);
  });
});

describe("rows", () => {
  test("a click shows what a point is, and who its neighbours are", async () => {
    await page.mouse.click(...(await whereIs(page, 10)));
    await page.waitForSelector(".row-panel img.pattern:not(.small)");
    await page.waitForFunction(() => document.querySelectorAll(".near .neighbour img").length === 16);
    expect(await page.locator(".mark.yes").count()).toBeGreaterThan(0);
    const shown = await shownRow(page);
    await page.click(".near .neighbour >> nth=0");
    await page.waitForFunction((before) => (window as never as Inside).latentatlas.store.state.row !== before, shown);
    await screenshot(page, "row");
    expect(troubles).toEqual([]);
  });

  test("an id is found", async () => {
    await page.selectOption(".search select", "id");
    await page.fill("#search", "item 42");
    await page.keyboard.press("Enter");
    await page.waitForFunction(() => (window as never as Inside).latentatlas.store.state.row === 42);
    await page.waitForSelector('h2:has-text("item 42")');
    await page.fill("#search", "no such item");
    await page.keyboard.press("Enter");
    expect(await page.textContent(".error")).toContain("no row with the id");
    await page.click(".error button");
    await clear();
    await page.keyboard.press("0");
    troubles.length = 0; // the browser reports the answer 404 itself
  });
});

describe("what leaves the page", () => {
  const saved = async (press: () => Promise<void>) => {
    const [download] = await Promise.all([page.waitForEvent("download"), press()]);
    return { name: download.suggestedFilename(), content: await readFile(await download.path()) };
  };

  test("the selection as CSV and Parquet", async () => {
    await page.fill("#search", "");
    await page.selectOption(".search select", "in text");
    await page.fill("#search", "cats");
    await page.keyboard.press("Enter");
    await page.waitForSelector(".chips .selected");
    await tab("Table");
    const csv = await saved(() => page.click('text="CSV"'));
    expect(csv.name).toBe("run-selection.csv");
    expect(csv.content.toString().trim().split("\n")).toHaveLength(1 + ROWS / 2);
    const parquet = await saved(() => page.click('text="Parquet"'));
    expect(parquet.content.subarray(0, 4).toString()).toBe("PAR1");
    await clear();
  });

  test("the map as PNG", async () => {
    const picture = await saved(() => page.keyboard.press("p"));
    expect(picture.content.subarray(1, 4).toString()).toBe("PNG");
    expect(picture.content.length).toBeGreaterThan(10_000);
    expect(troubles).toEqual([]);
  });

  test("the address shows the same again", async () => {
    await page.click("nav >> text=Columns");
    await page.selectOption("#colour", "energy");
    await page.click('.category:has-text("red")');
    await page.waitForSelector(".chips .selected");
    await page.keyboard.press("+");
    await settled(page);
    await page.waitForFunction(() => location.hash.includes("filters"));
    const again = await open(browser, page.url());
    expect(await selectedSize(again.page)).toBe(PER_GROUP);
    const [here, there] = await Promise.all([whereIs(page, 7), whereIs(again.page, 7)]);
    expect(Math.hypot(here[0] - there[0], here[1] - there[1])).toBeLessThan(2);
    expect(await again.page.inputValue("#colour")).toBe("energy");
    expect(again.troubles).toEqual([]);
    await again.page.context().close();
    await clear();
    await page.keyboard.press("0");
  });

  test("notes are kept, selected again and removed", async () => {
    await page.mouse.click(...(await whereIs(page, 10)));
    await tab("Notes");
    await page.fill("textarea", "look at <b>this</b>");
    await page.click('text="Keep the note"');
    await page.waitForSelector(".note");
    expect(await page.textContent(".note p")).toBe("look at <b>this</b>");
    await page.click('.note >> text="Select"');
    expect(await selectedSize(page)).toBe(1);
    await page.click('.note >> text="Remove"');
    await page.waitForSelector("text=No notes yet");
    await clear();
    expect(troubles).toEqual([]);
  });
});

describe("the certificate and the model", () => {
  test("a failed check says what to do", async () => {
    await page.click(".seal");
    await page.waitForSelector(".verdict.fail .remedy");
    expect(await page.textContent(".verdict.fail")).toMatch(/wanted [≥≤]/);
    await screenshot(page, "certificate");
    await tab("Training");
    await page.waitForSelector(".curve path");
    expect(troubles).toEqual([]);
  });

  test("a basin is sampled, a row recalled, a path walked", async () => {
    await page.mouse.click(...(await whereIs(page, 10)));
    const [left, top] = await whereIs(page, 11);
    await page.keyboard.down("Control");
    await page.mouse.click(left, top);
    await page.keyboard.up("Control");
    await tab("Generate");
    await page.click("text=Draw 12");
    await page.waitForFunction(() => document.querySelectorAll(".results img").length === 12);
    await page.click('text="Recall this row"');
    await page.waitForFunction(() => document.querySelectorAll(".results img").length === 3);
    await page.click("text=From row");
    await page.waitForSelector("text=Barrier");
    await page.waitForFunction(() => document.querySelectorAll(".results img").length === 12);
    await screenshot(page, "path");
    await clear();
    expect(troubles).toEqual([]);
  });
});

describe("the terrain", () => {
  const orange = () =>
    page.evaluate(() => {
      const canvas = document.querySelector<HTMLCanvasElement>("canvas.over")!;
      const { data } = canvas.getContext("2d")!.getImageData(0, 0, canvas.width, canvas.height);
      let count = 0;
      for (let i = 0; i < data.length; i += 4) if (data[i] > 240 && data[i + 1] > 150 && data[i + 1] < 190 && data[i + 2] < 40 && data[i + 3] > 200) count++;
      return count;
    });

  test("a way leads down from a row on the relief, and its energies fall", async () => {
    await clear();
    await page.keyboard.press("0");
    const energy = await page.evaluate(async () => Array.from(await (window as never as Inside).latentatlas.store.values("energy")));
    const high = energy.indexOf(Math.max(...energy));
    await page.mouse.click(...(await whereIs(page, high)));
    await tab("Terrain");
    const shown = (await shownRow(page))!;
    await page.click(`text="Down from row ${shown}"`);
    await page.waitForSelector(".trail .exemplar img");
    expect(await page.inputValue("#ground")).toBe("relief");
    await settled(page);
    const heights = (await page.locator(".trail figcaption").allTextContents()).map((text) => Number(text.replace("E ", "").replace("−", "-")));
    expect(heights.length).toBeGreaterThan(1);
    expect(heights).toEqual([...heights].sort((a, b) => b - a));
    await screenshot(page, "terrain");
    await page.mouse.move(...(await whereIs(page, shown))); // from near, as its steps are short
    await page.mouse.wheel(0, -300);
    await page.mouse.wheel(0, -300);
    await page.mouse.wheel(0, -300);
    await settled(page);
    expect(await orange()).toBeGreaterThan(20);
    await page.click('text="Take it off the map"');
    await settled(page);
    expect(await orange()).toBe(0);
  });

  test("the passes between basins are listed, or it is said that there are none", async () => {
    await page.waitForSelector("text=/No two basins touch|above the first/");
    if (await page.locator(".jumps .plain").count()) {
      await page.click(".jumps .plain >> nth=0");
      await page.waitForSelector(".trail .exemplar");
    }
    await clear();
    await page.selectOption("#ground", "density");
    await page.keyboard.press("0");
    await settled(page);
    expect(troubles).toEqual([]);
  });
});

describe("habits", () => {
  test("keys are explained, and the dark page is dark", async () => {
    await page.keyboard.press("?");
    await page.waitForSelector(".help dt");
    await page.keyboard.press("Escape");
    expect(await page.locator(".help").count()).toBe(0);
    const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const before = await ground();
    await page.keyboard.press("d");
    await settled(page);
    expect(await ground()).not.toBe(before);
    await screenshot(page, "dark");
    await page.keyboard.press("d");
  });

  test("with and without WebGL the points are drawn alike", async () => {
    const kind = (of: Page) => of.evaluate(() => (window as never as Inside).latentatlas.map.kind);
    const plain = await open(browser, `${URL}?points=webgl#colour=label`);
    expect([await kind(page), await kind(plain.page)]).toEqual(["Canvas", "WebGL"]); // there is no graphics card here
    await page.selectOption("#colour", "label");
    await settled(page);
    const [mine, theirs] = [await shades(plain.page), await shades(page)];
    const total = (counts: Record<string, number>) => Object.values(counts).reduce((sum, count) => sum + count, 0);
    expect(total(mine) / total(theirs)).toBeGreaterThan(0.7);
    expect(total(mine) / total(theirs)).toBeLessThan(1.5);
    expect(plain.troubles).toEqual([]);
    await plain.page.context().close();
  });

  test("a browser without WebGL, and one that loses it, go on with a canvas", async () => {
    const kind = (of: Page) => of.evaluate(() => (window as never as Inside).latentatlas.map.kind);
    const context = await browser.newContext({ viewport: { width: 1280, height: 720 } });
    await context.addInitScript(() => {
      const get = HTMLCanvasElement.prototype.getContext;
      HTMLCanvasElement.prototype.getContext = function (this: HTMLCanvasElement, name: string, ...rest: never[]) {
        return name.startsWith("webgl") ? null : get.call(this, name as "2d", ...rest);
      } as never;
    });
    const without = await context.newPage();
    await without.goto(`${URL}?points=webgl#colour=label`);
    await without.waitForFunction(() => "latentatlas" in window);
    await settled(without);
    expect(await kind(without)).toBe("Canvas");
    expect(Object.values(await shades(without)).filter((count) => count > 200).length).toBeGreaterThanOrEqual(3);
    await context.close();
    const losing = await open(browser, `${URL}?points=webgl#colour=label`);
    expect(await kind(losing.page)).toBe("WebGL");
    await losing.page.evaluate(() => document.querySelector<HTMLCanvasElement>("canvas.points")!.getContext("webgl2")!.getExtension("WEBGL_lose_context")!.loseContext());
    await losing.page.waitForFunction(() => (window as never as Inside).latentatlas.map.kind === "Canvas");
    await settled(losing.page);
    expect(Object.values(await shades(losing.page)).filter((count) => count > 200).length).toBeGreaterThanOrEqual(3);
    await losing.page.context().close();
  });

  test("a phone shows it without scrolling sideways", async () => {
    const phone = await open(browser, URL, { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });
    expect(await phone.page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
    const [left, top] = await whereIs(phone.page, 10);
    await phone.page.touchscreen.tap(left, top);
    await phone.page.waitForSelector(".row-panel img.pattern");
    await screenshot(phone.page, "phone");
    expect(phone.troubles).toEqual([]);
    await phone.page.context().close();
  });
});

test("one point that has no place on the map", async () => {
  const lone = await open(browser, process.env.EXPLORER_LONE_URL ?? "");
  expect(await lone.page.textContent(".rows-count")).toBe("1 row");
  await lone.page.click('nav >> text="Table"');
  await lone.page.click(".rows tbody td");
  await lone.page.waitForSelector("text=keeps no neighbours");
  expect(lone.troubles).toEqual([]);
});

test("a run without model, training and texts offers only what it has, and nothing dead", async () => {
  const plain = await open(browser, process.env.EXPLORER_DRAWN_URL ?? "");
  expect(await plain.page.locator("nav button").allTextContents()).toEqual(["Columns", "Row", "Table", "Terrain", "Certificate", "Notes"]);
  await plain.page.click('nav >> text="Certificate"');
  await plain.page.waitForSelector("text=has no certificate");
  expect(await plain.page.locator(".search option").allTextContents()).toEqual(["id", "in basin", "in label"]);
  expect(plain.troubles).toEqual([]);
  await plain.page.context().close();
});

test("the run as one file, without a server", async () => {
  const file = await open(browser, `${process.env.EXPLORER_FILE_URL}#colour=label`);
  expect(await file.page.textContent(".rows-count")).toBe(`${ROWS} rows`);
  await file.page.mouse.click(...(await whereIs(file.page, 10)));
  await file.page.waitForFunction(() => document.querySelectorAll(".near .neighbour img").length === 16);
  const here = await file.page.locator(".mark").allTextContents();
  await page.mouse.click(...(await whereIs(page, 10)));
  await tab("Row");
  await page.waitForFunction(() => document.querySelectorAll(".near .neighbour img").length === 16);
  expect(await shownRow(file.page)).toBe(await shownRow(page));
  expect(here).toEqual(await page.locator(".mark").allTextContents());
  await file.page.click('nav >> text="Columns"');
  await file.page.click('.category:has-text("red")');
  await file.page.waitForSelector(".chips .selected");
  expect(await selectedSize(file.page)).toBe(PER_GROUP);
  await file.page.click('nav >> text="Table"');
  const [download] = await Promise.all([file.page.waitForEvent("download"), file.page.click('text="CSV"')]);
  expect((await readFile(await download.path())).toString().trim().split("\n")).toHaveLength(1 + PER_GROUP);
  expect(file.troubles).toEqual([]);
});
