import { describe, expect, test } from "vitest";
import * as bits from "../src/bits";
import { categoryColours, CATEGORY_COLOURS, MISSING, paint, rgb, scaleEnds, viridis } from "../src/colour";
import { contour, gridded, levels, outlines, regions, relief } from "../src/ground";
import { basinLabels, place } from "../src/labels";
import { read, written } from "../src/permalink";
import { dot } from "../src/points/canvas";
import { shuffled } from "../src/points/layer";
import { bounds, Cells, fit, inside, joined, lasso, toMap, toScreen, zoom, type Point } from "../src/view";

const f = (...values: number[]) => Float32Array.from(values);

describe("bits", () => {
  test("rows go in and come out", () => {
    const chosen = bits.ofRows([0, 2, 8], 9);
    expect([...chosen]).toEqual([5, 1]);
    expect(bits.toRows(chosen, 9)).toEqual([0, 2, 8]);
    expect(bits.size(chosen)).toBe(3);
    expect(bits.base64(chosen)).toBe("BQE=");
    expect(bits.base64(null)).toBeNull();
    expect(bits.ofBase64("BQE=")).toEqual(chosen);
  });
  test("all of no selections is every row", () => {
    expect(bits.every([])).toBeNull();
    expect(bits.toRows(bits.every([bits.ofRows([1, 2], 9), bits.ofRows([2, 3], 9)])!, 9)).toEqual([2]);
  });
  test("sizes of every byte", () => {
    for (let byte = 0; byte < 256; byte++) {
      expect(bits.size(Uint8Array.of(byte))).toBe([...byte.toString(2)].filter((bit) => bit === "1").length);
    }
  });
});

describe("colour", () => {
  test("viridis has its ends and is cut beyond them", () => {
    expect(viridis(0)).toEqual([68, 1, 84]);
    expect(viridis(7)).toEqual([253, 231, 37]);
    expect(viridis(-1)).toEqual(viridis(0));
  });
  test("lightness grows along the scale", () => {
    const light = Array.from({ length: 50 }, (_, i) => viridis(i / 49)).map(([r, g, b]) => 0.3 * r + 0.59 * g + 0.11 * b);
    expect(light).toEqual([...light].sort((a, b) => a - b));
  });
  test("of 200 categories the largest have colours", () => {
    const values = Array.from({ length: 200 }, (_, i) => `v${i}`);
    const colours = categoryColours({ name: "c", kind: "category", values, counts: values.map((_, i) => i) }, false);
    expect(colours[199]).toBe(CATEGORY_COLOURS[0]);
    expect(colours.filter((colour) => colour !== MISSING)).toHaveLength(20);
    expect(new Set(colours).size).toBe(21);
  });
  test("missing values are grey", () => {
    const painted = paint({ name: "c", kind: "number" }, f(0, NaN, 1), 3, false);
    expect([...painted.slice(3, 6)]).toEqual(rgb(MISSING));
    expect([...painted.slice(0, 3)]).toEqual(viridis(0));
    const coded = paint({ name: "c", kind: "category", values: ["a"], counts: [1] }, Uint16Array.of(65535, 0), 2, false);
    expect([...coded]).toEqual([...rgb(MISSING), ...rgb(CATEGORY_COLOURS[0])]);
  });
  test("a column of nothing but gaps, and one of one value", () => {
    expect([...paint({ name: "c", kind: "number" }, f(NaN, NaN), 2, true)]).toEqual([...rgb(MISSING), ...rgb(MISSING)]);
    expect(scaleEnds(f(NaN))).toEqual([0, 1]);
    expect([...paint({ name: "c", kind: "number" }, f(3), 1, true)]).toEqual(viridis(0));
  });
  test("one far value does not take the scale", () => {
    const values = Float32Array.from({ length: 1000 }, (_, i) => i / 1000);
    values[5] = 1e9;
    expect(scaleEnds(values)[1]).toBeLessThan(1.01);
  });
});

describe("view", () => {
  const size = { width: 400, height: 200 };
  test("screen and map are inverse", () => {
    const view = { x: 3, y: -2, scale: 7 };
    expect(toMap(view, size, ...toScreen(view, size, 1.5, 4))).toEqual([1.5, 4]);
  });
  test("zooming holds the place under the pointer", () => {
    const view = { x: 3, y: -2, scale: 7 };
    const before = toMap(view, size, 30, 150);
    const after = toMap(zoom(view, size, 30, 150, 2.5), size, 30, 150);
    expect(after[0]).toBeCloseTo(before[0]);
    expect(after[1]).toBeCloseTo(before[1]);
  });
  test("a box is shown whole", () => {
    const box = { left: -1, right: 5, bottom: 2, top: 4 };
    const view = fit(box, size);
    for (const [x, y] of [[-1, 2], [5, 4]]) {
      const [left, top] = toScreen(view, size, x, y);
      expect(left).toBeGreaterThan(0);
      expect(left).toBeLessThan(400);
      expect(top).toBeGreaterThan(0);
      expect(top).toBeLessThan(200);
    }
  });
  test("bounds of gaps, of one point and of none", () => {
    expect(bounds(f(1, NaN, 3), f(0, 5, 2))).toEqual({ left: 1, right: 3, bottom: 0, top: 2 });
    expect(bounds(f(2), f(3))).toEqual({ left: 1, right: 3, bottom: 2, top: 4 });
    expect(bounds(f(), f())).toEqual({ left: -1, right: 1, bottom: -1, top: 1 });
    expect(bounds(f(NaN), f(1))).toEqual({ left: -1, right: 1, bottom: -1, top: 1 });
  });
  test("the box around two boxes", () => {
    const [a, b] = [{ left: 0, right: 2, bottom: -1, top: 1 }, { left: -3, right: 1, bottom: 0, top: 5 }];
    expect(joined(a, b)).toEqual({ left: -3, right: 2, bottom: -1, top: 5 });
  });
  test("a lasso that is not convex", () => {
    const u: Point[] = [[0, 0], [3, 0], [3, 3], [2, 3], [2, 1], [1, 1], [1, 3], [0, 3]];
    expect(inside(u, 0.5, 2)).toBe(true);
    expect(inside(u, 1.5, 2)).toBe(false);
    expect(bits.toRows(lasso(u, f(0.5, 1.5, 2.5, 1.5, NaN), f(2, 2, 2, 0.5, 0)), 5)).toEqual([0, 2, 3]);
  });
  test("the nearest row is that of a search through all", () => {
    const [x, y] = [new Float32Array(5000), new Float32Array(5000)];
    for (let i = 0; i < 5000; i++) [x[i], y[i]] = [Math.sin(i * 12.9898) * 50, Math.cos(i * 78.233) * 20];
    x[7] = NaN;
    const cells = new Cells(x, y, bounds(x, y));
    for (let i = 0; i < 50; i++) {
      const [a, b] = [Math.sin(i) * 60, Math.cos(i * 3) * 25];
      let best = -1;
      let least = 4;
      for (let row = 0; row < 5000; row++) {
        const distance = (x[row] - a) ** 2 + (y[row] - b) ** 2;
        if (distance <= least) [best, least] = [row, distance];
      }
      expect(cells.nearest(a, b, 2, () => true)).toBe(best);
    }
    expect(cells.nearest(0, 0, 5, () => false)).toBe(-1);
  });
});

describe("ground", () => {
  const box = { left: 0, right: 10, bottom: 0, top: 10 };
  test("smoothing keeps the sum of what lies far from the border", () => {
    const grid = gridded(f(5, 5.2, 4), f(5, 5, 6), box, 64, 2);
    expect(grid.values.reduce((sum, value) => sum + value)).toBeCloseTo(3, 3);
  });
  test("the contour of a cone is a circle", () => {
    const values = new Float32Array(64 * 64);
    for (let up = 0; up < 64; up++) for (let over = 0; over < 64; over++) values[up * 64 + over] = -Math.hypot(over - 31.5, up - 31.5);
    const segments = contour({ box: { left: 0, right: 64, bottom: 0, top: 64 }, side: 64, values }, -20);
    expect(segments.length).toBeGreaterThan(80);
    for (const [[x, y]] of segments) expect(Math.hypot(x - 32, y - 32)).toBeCloseTo(20, 1);
  });
  test("no rows have no levels", () => {
    expect(levels(gridded(f(), f(), box, 16, 1), 3)).toEqual([]);
  });
  test("regions have the colour of their rows, and nothing where there are none", () => {
    const [x, y] = [f(2, 2, 2, 8, 8), f(5, 5, 5, 5, 5)];
    const { pixels } = regions(x, y, Uint16Array.of(0, 0, 1, 1, 65535), ["#ff0000", "#0000ff"], box, 40);
    const at = (over: number, up: number) => [...pixels.slice(4 * ((39 - up) * 40 + over), 4 * ((39 - up) * 40 + over) + 4)];
    expect(at(8, 20).slice(0, 3)).toEqual([255, 0, 0]);
    expect(at(32, 20).slice(0, 3)).toEqual([0, 0, 255]);
    expect(at(20, 2)[3]).toBe(0);
    expect(at(8, 20)[3]).toBeLessThan(at(32, 20)[3]);
  });
  test("each category has a line around its rows, in its colour", () => {
    const [x, y] = [f(2, 2, 2, 8, 8, 5), f(5, 5, 5, 5, 5, 5)];
    const drawn = outlines(x, y, Uint16Array.of(0, 0, 0, 1, 1, 65535), ["#ff0000", "#0000ff", "#00ff00"], box);
    expect(drawn.map(({ colour }) => colour)).toEqual(["#ff0000", "#0000ff"]); // none for a category without rows
    for (const [{ segments }, middle] of [[drawn[0], 2], [drawn[1], 8]] as const) {
      const away = segments.map(([[a, b]]) => Math.hypot(a - middle, b - 5));
      expect(Math.min(...away)).toBeGreaterThan(0.05);
      expect(Math.max(...away)).toBeLessThan(0.8);
    }
  });
  test("the relief is coloured by height", () => {
    const x = Float32Array.from({ length: 2000 }, (_, i) => (i % 2 ? 2 : 8) + Math.sin(i));
    const y = Float32Array.from({ length: 2000 }, (_, i) => 5 + Math.cos(i));
    const { pixels } = relief(x, y, x.map((value) => (value < 5 ? 0 : 1)), box, 50);
    const green = (over: number) => pixels[4 * (24 * 50 + over) + 1];
    expect(green(40)).toBeGreaterThan(green(10) + 80);
  });
});

describe("labels", () => {
  const size = { width: 300, height: 100 };
  const labels = [
    { text: "large", place: [0, 0] as Point, size: 9 },
    { text: "beside", place: [0.1, 0] as Point, size: 5 },
    { text: "far", place: [9, 0] as Point, size: 1 },
  ];
  test("of two that touch the larger stays, and closer both are there", () => {
    const names = (scale: number, x: number) => place(labels, { x, y: 0, scale }, size, (text) => 6 * text.length).map((label) => label.text);
    expect(names(12, 4.5)).toEqual(["large", "far"]);
    expect(names(1000, 0.05)).toEqual(["large", "beside"]);
  });
  test("basins are named at one of their rows", () => {
    const made = basinLabels([{ number: 7, name: "sevens", size: 3 }], Uint16Array.of(0, 0, 0, 1), ["7", "8"], f(0, 1, 9, 5), f(0, 0, 0, NaN));
    expect(made).toEqual([{ text: "sevens", place: [1, 0], size: 3 }]);
  });
});

describe("permalink", () => {
  test("what is written is read", () => {
    const seen = {
      view: { x: 1.5, y: -2, scale: 30 },
      colour: 'odd "name" & more',
      ground: "relief",
      row: 7,
      filters: [{ column: "energy", low: 1, high: 2 }, { column: "text", contains: "ü=&#" }],
      lasso: [[0, 1], [2, 3], [4, 5.25]] as Point[],
      there: [[0, 0], [1, 0], [0, 1]] as Point[],
    };
    expect(read(`#${written(seen)}`)).toEqual(seen);
  });
  test("nonsense is left out", () => {
    expect(read("#view=1,2&row=-3&filters={&lasso=1,2;x")).toEqual({ filters: [] });
    expect(read("#filters=[1,null,{}]&view=1,2,-5&row=1.5").filters).toEqual([]);
    expect(read("")).toEqual({ filters: [] });
  });
  test("a long lasso is thinned", () => {
    const polygon = Array.from({ length: 5000 }, (_, i) => [i, i] as Point);
    expect(read(written({ lasso: polygon })).lasso!.length).toBeLessThanOrEqual(200);
  });
});

test("a point is a square, and from three pixels on a disc", () => {
  expect([...dot(1.2, 100)]).toEqual([0]);
  expect([...dot(2, 100)]).toEqual([0, 1, 100, 101]);
  expect(dot(3, 100)).toHaveLength(9);
  expect(dot(5, 100)).toHaveLength(21);
  expect(dot(7, 100).reduce((sum, offset) => sum + offset)).toBe(0);
});

test("an order is a permutation, and its start a fair sample", () => {
  const order = shuffled(10_000);
  expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: 10_000 }, (_, i) => i));
  const mean = order.slice(0, 1000).reduce((sum, row) => sum + row, 0) / 1000;
  expect(Math.abs(mean - 5000)).toBeLessThan(300);
});
