/** What the page knows and shows, and how it changes. */

import { useEffect, useState } from "preact/hooks";
import * as api from "./api";
import * as bits from "./bits";
import { paint } from "./colour";
import { read, written, type Seen } from "./permalink";
import type { Annotation, Column, Filter, Generated, Overview, Pass } from "./types";
import { bounds, joined, lasso, type Box, type Places, type Point, type View } from "./view";

export type Ground = "none" | "density" | "relief" | "regions" | "charts";
export type Tab = "row" | "filter" | "table" | "charts" | "terrain" | "compare" | "certificate" | "training" | "generate" | "notes";

/** One reason for rows to be selected; a selection is the rows that fulfil all. */
export interface Clause {
  key: string;
  label: string;
  bits: bits.Bits;
  filter?: Filter;
  lasso?: Point[];
  /** Counts up: a clause that was made anew is another one. */
  made?: number;
}

export interface State {
  colour: string;
  ground: Ground;
  row: number | null;
  other: number | null;
  /** Number of the chart that the panel of charts shows. */
  chart: number;
  /** Rows of a way over the terrain. */
  trail: { rows: number[]; title: string } | null;
  clauses: Clause[];
  tab: Tab;
  dark: boolean;
  lassoing: boolean;
  help: boolean;
  error: string;
  generated: Generated | null;
  annotations: Annotation[];
  view: View | null;
}

const MOST_UNDONE = 50;

export class Store {
  readonly here: Places;
  private listeners = new Set<() => void>();
  private past: Clause[][] = [];
  private future: Clause[][] = [];
  private made = 0;
  private asked: Promise<Pass[]> | null = null;
  private painted: { colour: string; dark: boolean; colours: Uint8Array } | null = null;
  private arrays = new Map<string, Float32Array | Uint16Array>();
  private selection: { of: Clause[]; bits: bits.Bits | null; size: number } | null = null;

  constructor(
    readonly overview: Overview,
    readonly x: Float32Array,
    readonly y: Float32Array,
    public state: State,
    readonly there: Places | null = null,
    readonly box: Box = there ? joined(bounds(x, y), there.box) : bounds(x, y),
  ) {
    this.here = { x, y, box };
  }

  /** The run as the server has it, with what the address says to show. */
  static async open(): Promise<Store> {
    const [overview, x, y] = await Promise.all([api.overview(), api.numbers("x"), api.numbers("y")]);
    const seen = read(location.hash);
    const colours = overview.columns.filter((column) => column.kind === "number" || column.kind === "category");
    const known = (name: string | undefined) => colours.some((column) => column.name === name);
    const usual = ["label", "basin", "energy"].find(known) ?? "";
    const there = overview.comparison ? await placesThere(bounds(x, y)) : null;
    const store = new Store(overview, x, y, {
      colour: known(seen.colour) || seen.colour === "" ? (seen.colour as string) : usual,
      ground: (seen.ground as Ground) ?? "density",
      row: seen.row !== undefined && seen.row < overview.rows ? seen.row : null,
      other: null,
      chart: 0,
      trail: null,
      clauses: [],
      tab: seen.row === undefined ? "filter" : "row",
      dark: prefersDark(),
      lassoing: false,
      help: false,
      error: "",
      generated: null,
      annotations: [],
      view: seen.view ?? null,
    }, there);
    await store.restore(seen);
    return store;
  }

  listen(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  set(change: Partial<State>): void {
    this.state = { ...this.state, ...change };
    for (const listener of this.listeners) listener();
  }

  /** Do something that may fail, and show why it did. */
  async attempt<T>(work: Promise<T>): Promise<T | undefined> {
    try {
      return await work;
    } catch (error) {
      this.set({ error: (error as Error).message });
      return undefined;
    }
  }

  column(name: string): Column | null {
    return this.overview.columns.find((column) => column.name === name) ?? null;
  }

  /** The values of a column, asked for once. */
  async values(name: string): Promise<Float32Array | Uint16Array> {
    const known = this.arrays.get(name);
    if (known) return known;
    const kind = this.column(name)?.kind;
    const values = kind === "category" ? await api.codes(name) : await api.numbers(name);
    this.arrays.set(name, values);
    return values;
  }

  /** The passes between basins, asked for once. */
  passes(): Promise<Pass[]> {
    this.asked ??= api.passes();
    this.asked.catch(() => (this.asked = null));
    return this.asked;
  }

  async colours(): Promise<Uint8Array> {
    const { colour, dark } = this.state;
    if (this.painted?.colour !== colour || this.painted.dark !== dark) {
      const column = this.column(colour);
      const values = column ? await this.values(column.name) : null;
      this.painted = { colour, dark, colours: paint(column, values, this.overview.rows, dark) };
    }
    return this.painted.colours;
  }

  /** Rows that fulfil every clause; null if there is none. */
  get selected(): bits.Bits | null {
    return this.summed().bits;
  }

  get selectedSize(): number {
    return this.summed().size;
  }

  /** The selection without one clause, for a histogram that shows what the clause chooses from. */
  without(key: string): bits.Bits | null {
    return bits.every(this.state.clauses.filter((clause) => clause.key !== key).map((clause) => clause.bits));
  }

  /** Put a clause in the place of that of the same key, or take it away. */
  change(key: string, clause: Clause | null): void {
    this.remember();
    const others = this.state.clauses.filter((each) => each.key !== key);
    this.set({ clauses: clause ? [...others, { ...clause, made: ++this.made }] : others });
  }

  clear(): void {
    if (!this.state.clauses.length) return;
    this.remember();
    this.set({ clauses: [] });
  }

  private remember(): void {
    this.past = [...this.past.slice(-MOST_UNDONE), this.state.clauses];
    this.future = [];
  }

  get canUndo(): boolean {
    return this.past.length > 0;
  }

  undo(): void {
    const before = this.past.pop();
    if (!before) return;
    this.future.push(this.state.clauses);
    this.set({ clauses: before });
  }

  get canRedo(): boolean {
    return this.future.length > 0;
  }

  /** Take an undoing back. */
  redo(): void {
    const after = this.future.pop();
    if (!after) return;
    this.past.push(this.state.clauses);
    this.set({ clauses: after });
  }

  /** Select by a filter of the server. */
  async filter(key: string, label: string, filter: Filter): Promise<void> {
    const found = await this.attempt(api.mask([filter]));
    if (found) this.change(key, { key, label, bits: found, filter });
  }

  /** Select the rows inside a polygon on the map of the run, or of the one beside it. */
  choose(polygon: Point[], places: Places = this.here): void {
    const clause = this.drawn(polygon, places);
    this.change(clause.key, clause);
  }

  private drawn(polygon: Point[], places: Places): Clause {
    const found = lasso(polygon, places.x, places.y);
    if (places === this.here) return { key: "lasso", label: "lasso", bits: found, lasso: polygon };
    return { key: "lasso there", label: `lasso in ${this.overview.comparison?.folder}`, bits: found, lasso: polygon };
  }

  chooseRows(key: string, label: string, rows: number[]): void {
    this.change(key, { key, label, bits: bits.ofRows(rows, this.overview.rows) });
  }

  /** Select what the code of a notebook says, and nothing else. */
  follow(told: string | null): void {
    if (told === bits.base64(this.selected)) return;
    if (told === null) return this.clear();
    this.remember();
    const clause = { key: "code", label: "chosen in the notebook", bits: bits.ofBase64(told), made: ++this.made };
    this.set({ clauses: [clause] });
  }

  show(row: number | null): void {
    this.set(row === null ? { row } : { row, tab: "row" });
  }

  link(): string {
    const { view, colour, ground, row, clauses } = this.state;
    const filters = clauses.flatMap((clause) => (clause.filter ? [clause.filter] : []));
    const drawn = (key: string) => clauses.find((clause) => clause.key === key)?.lasso;
    const seen: Seen = {
      view: view ?? undefined, colour, ground, row: row ?? undefined, filters, lasso: drawn("lasso"), there: drawn("lasso there"),
    };
    return written(seen);
  }

  private async restore(seen: Seen): Promise<void> {
    const clauses: Clause[] = [];
    for (const filter of seen.filters ?? []) {
      const found = await this.attempt(api.mask([filter]));
      if (found) clauses.push({ key: keyOf(filter), label: labelOf(filter), bits: found, filter });
    }
    if (seen.lasso) clauses.push(this.drawn(seen.lasso, this.here));
    if (seen.there && this.there) clauses.push(this.drawn(seen.there, this.there));
    this.set({ clauses });
  }

  private summed() {
    if (this.selection?.of !== this.state.clauses) {
      const all = bits.every(this.state.clauses.map((clause) => clause.bits));
      const size = all === null ? this.overview.rows : bits.size(all);
      this.selection = { of: this.state.clauses, bits: all, size };
    }
    return this.selection;
  }
}

/** The map of the run beside, in one box with this one so that both are seen at one scale. */
async function placesThere(here: Box): Promise<Places> {
  const [x, y] = await api.placesThere();
  return { x, y, box: joined(here, bounds(x, y)) };
}

export const keyOf = (filter: Filter): string => ("contains" in filter ? "text" : `column ${filter.column}`);

export function labelOf(filter: Filter): string {
  if ("contains" in filter) return `${filter.column} has “${filter.contains}”`;
  if ("values" in filter) return `${filter.column}: ${filter.values.slice(0, 3).join(", ")}${filter.values.length > 3 ? " …" : ""}`;
  return `${filter.column} ${figure(filter.low ?? null)} to ${figure(filter.high ?? null)}`;
}

/** A number for people. */
export function figure(value: unknown): string {
  if (value === null || value === undefined) return "–";
  if (typeof value !== "number") return String(value);
  if (Number.isInteger(value) && Math.abs(value) < 1e9) return value.toLocaleString("en");
  const size = Math.abs(value);
  return size !== 0 && (size < 1e-3 || size >= 1e6) ? value.toExponential(2) : String(Number(value.toPrecision(4)));
}

/** Draw a component again whenever the state changes. */
export function useStore(store: Store): State {
  const [, redraw] = useState({});
  useEffect(() => store.listen(() => redraw({})), [store]);
  return store.state;
}

/** What the browser kept of an earlier visit; null where it keeps nothing. */
function kept(name: string): string | null {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
}

export function prefersDark(): boolean {
  const chosen = kept("latentatlas-dark");
  return chosen === null ? matchMedia("(prefers-color-scheme: dark)").matches : chosen === "true";
}
