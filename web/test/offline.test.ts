import { describe, expect, test } from "vitest";
import * as bits from "../src/bits";
import { OfflineRun, unpacked, type Offline, type Packed } from "../src/offline";
import type { Overview } from "../src/types";

const packed = (type: Packed["type"], values: ArrayLike<number> & { buffer: ArrayBufferLike }): Packed => ({
  type,
  data: btoa(String.fromCharCode(...new Uint8Array(values.buffer))),
});

const run: Offline = {
  overview: {
    rows: 5,
    patterns: "table",
    columns: [
      { name: "id", kind: "text" },
      { name: "energy", kind: "number", low: -1, high: 3, missing: 1 },
      { name: "kind", kind: "category", values: ["a", "b"], counts: [2, 2], missing: 1 },
    ],
  } as Overview,
  certificate: { verdicts: [], metrics: {} },
  history: {},
  columns: {
    energy: packed("f4", Float32Array.of(3, NaN, -1, 0, 1)),
    kind: packed("u2", Uint16Array.of(0, 1, 65535, 0, 1)),
  },
  texts: { id: ["one", "two", 'th"ree', "fo,ur", "five"] },
  graphs: {
    latent: { k: 2, rows: packed("i4", Int32Array.of(1, 2, 0, 2, 0, 1, 4, 0, 3, -1)), distances: packed("f4", new Float32Array(10).fill(0.5)) },
    input: { k: 2, rows: packed("i4", Int32Array.of(2, 3, 0, 2, 0, 1, 4, 0, 3, 0)), distances: packed("f4", new Float32Array(10)) },
  },
  charts: { axes: 1, charts: [{ number: 0, size: 2, entropy: null, codes: [] }], transitions: [], orientation: null },
  places: [{ rows: [1, 3], axes: [[0.5, -0.5]] }],
  terrain: { passes: [], below: packed("i4", Int32Array.of(1, 2, 2, -1, 2)) },
  patterns: { features: 2, shape: [2], values: packed("f4", Float32Array.of(0, 1, 2, 3, 4, 5, 6, 7, 8, 9)) },
};
const page = new OfflineRun(run);
const chosen = (filters: unknown[]) => bits.toRows(page.answer("mask", { filters }) as Uint8Array, 5);

describe("a page that is one file answers like the server", () => {
  test("filters", () => {
    expect(chosen([])).toEqual([0, 1, 2, 3, 4]);
    expect(chosen([{ column: "energy", low: 0 }])).toEqual([0, 3, 4]);
    expect(chosen([{ column: "energy" }])).toEqual([0, 2, 3, 4]);
    expect(chosen([{ column: "kind", values: ["a", null] }])).toEqual([0, 2, 3]);
    expect(chosen([{ column: "id", contains: "O" }, { column: "kind", values: ["a"] }])).toEqual([0, 3]);
    expect(() => chosen([{ column: "no", low: 0 }])).toThrow("no column 'no'");
  });
  test("counts", () => {
    const mask = bits.base64(bits.ofRows([0, 2], 5));
    expect(page.answer("counts", { column: "energy", bins: 2, mask })).toEqual({ total: [2, 2], selected: [1, 1], edges: [-1, 1, 3] });
    expect(page.answer("counts", { column: "kind", bins: 2, mask })).toEqual({ total: [2, 2], selected: [1, 0], edges: null });
  });
  test("pages, in order, missing values last", () => {
    const rows = (descending: boolean) =>
      (page.answer("page", { columns: ["id"], mask: null, order: "energy", descending, offset: 0, limit: 9 }) as { row: number }[]).map((each) => each.row);
    expect(rows(false)).toEqual([2, 3, 4, 0, 1]);
    expect(rows(true)).toEqual([0, 4, 3, 2, 1]);
  });
  test("neighbours with their marks", () => {
    const { latent, input } = page.answer("neighbours/0?k=8", undefined) as { latent: { row: number; shared: boolean }[]; input: { row: number }[] };
    expect(latent.map((each) => [each.row, each.shared])).toEqual([[1, false], [2, true]]);
    expect(input.map((each) => each.row)).toEqual([2, 3]);
    expect((page.answer("neighbours/4?k=8", undefined) as { latent: unknown[] }).latent).toHaveLength(1);
  });
  test("ids and patterns", () => {
    expect(page.answer("search", { id: "two", k: 1 })).toMatchObject({ row: 1, rows: [0, 2] });
    expect(() => page.answer("search", { id: "none" })).toThrow("no row with the id 'none'");
    expect(page.answer("patterns", { rows: [3] })).toEqual([{ values: [6, 7] }]);
  });
  test("CSV is quoted", () => {
    const lines = page.csv(bits.base64(bits.ofRows([2, 3], 5))).split("\n");
    expect(lines).toEqual(['"id","energy","kind"', '"th""ree",-1,', '"fo,ur",0,"a"', ""]);
  });
  test("charts and the rows in them", () => {
    expect(page.answer("charts", undefined)).toMatchObject({ axes: 1 });
    expect(page.answer("charts/0", undefined)).toEqual({ rows: [1, 3], axes: [[0.5, -0.5]] });
  });
  test("ways down", () => {
    expect(page.answer("terrain", undefined)).toEqual([]);
    expect(page.answer("terrain/0", undefined)).toEqual([0, 1, 2]);
    expect(page.answer("terrain/2", undefined)).toEqual([2]);
    expect(() => page.answer("terrain/3", undefined)).toThrow("does not hold row 3");
    expect(() => page.answer("terrain/9", undefined)).toThrow("does not hold row 9");
  });
  test("what needs a model is refused", () => {
    expect(() => page.answer("sample", {})).toThrow("latentatlas explore");
  });
  test("arrays are unpacked bit for bit", () => {
    expect([...unpacked(packed("f4", Float32Array.of(1.5, -2)))]).toEqual([1.5, -2]);
  });
});
