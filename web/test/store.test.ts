import { describe, expect, test } from "vitest";
import * as bits from "../src/bits";
import { actions } from "../src/keys";
import { KEYS } from "../src/panels/help";
import { Store, type State } from "../src/store";
import { tabsOf } from "../src/tabs";
import type { Overview } from "../src/types";

const overview = {
  rows: 4,
  columns: [{ name: "energy", kind: "number" }, { name: "basin", kind: "category", values: ["0"] }],
  charts: 0,
  terrain: false,
  history: true,
  model: false,
  comparison: null,
} as unknown as Overview;
const state = { clauses: [], tab: "filter", colour: "energy", ground: "density", view: null, row: null } as unknown as State;
const made = (change: Partial<Overview> = {}) => new Store({ ...overview, ...change }, Float32Array.of(0, 1, 2, 3), Float32Array.of(0, 0, 0, 0), { ...state });
const clause = (key: string, ...rows: number[]) => ({ key, label: key, bits: bits.ofRows(rows, 4) });

describe("selections", () => {
  test("are joined, undone and redone", () => {
    const store = made();
    store.change("a", clause("a", 0, 1, 2));
    store.change("b", clause("b", 1, 2, 3));
    expect(store.selectedSize).toBe(2);
    store.undo();
    expect(store.selectedSize).toBe(3);
    store.undo();
    expect([store.selected, store.canUndo, store.canRedo]).toEqual([null, false, true]);
    store.redo();
    store.redo();
    expect([store.selectedSize, store.canRedo]).toEqual([2, false]);
    store.redo();
    store.clear();
    store.undo();
    expect(store.selectedSize).toBe(2);
  });
  test("what is new takes the future away", () => {
    const store = made();
    store.change("a", clause("a", 0));
    store.undo();
    store.change("b", clause("b", 1));
    expect(store.canRedo).toBe(false);
    store.undo();
    store.undo();
    expect(store.state.clauses).toEqual([]);
  });
  test("a lasso on the map beside is one of its own", () => {
    const there = { x: Float32Array.of(9, 9, 9, 0), y: Float32Array.of(0, 0, 0, 0), box: { left: 0, right: 9, bottom: -1, top: 1 } };
    const store = new Store({ ...overview, comparison: { folder: "other" } as never }, Float32Array.of(0, 1, 2, 3), Float32Array.of(0, 0, 0, 0), { ...state }, there);
    store.choose([[-0.5, -1], [1.5, -1], [1.5, 1], [-0.5, 1]]);
    expect(bits.toRows(store.selected!, 4)).toEqual([0, 1]);
    store.choose([[8, -1], [10, -1], [10, 1], [8, 1]], there);
    expect(bits.toRows(store.selected!, 4)).toEqual([0, 1]);
    expect(store.state.clauses.map((each) => each.key)).toEqual(["lasso", "lasso there"]);
    expect(store.link()).toContain("there=");
    expect(store.here.box.right).toBe(9);
  });
});

test("the help says every key, and no other", () => {
  const said = KEYS.flatMap(([, , keys]) => keys ?? []);
  expect([...said].sort()).toEqual(Object.keys(actions(made(), undefined)).sort());
  expect(new Set(said).size).toBe(said.length);
});

test("panels that have nothing to show are not offered", () => {
  expect(tabsOf(made())).toEqual(["filter", "row", "table", "certificate", "training", "notes"]);
  const more = made({ charts: 3, terrain: true, model: true, comparison: {} as never });
  expect(tabsOf(more)).toContain("charts");
  expect(tabsOf(more)).toHaveLength(10);
});

test("brackets go through the panels that are offered", () => {
  const store = made();
  actions(store, undefined)["]"]();
  expect(store.state.tab).toBe("row");
  actions(store, undefined)["["]();
  actions(store, undefined)["["]();
  expect(store.state.tab).toBe("notes");
});
