/** The answers of the server from data in the page itself, for a run that was written as one file. */

import * as bits from "./bits";
import { MISSING_CODE } from "./colour";
import type { Certificate, ChartPlaces, Charts, Column, Counts, Filter, NearRow, Overview, Pass, Pattern, Row } from "./types";

/** Arrays travel as base64 of little-endian numbers. */
export interface Packed {
  type: "f4" | "u2" | "u1" | "i4";
  data: string;
}

export interface Offline {
  overview: Overview;
  certificate: Certificate;
  history: Record<string, (number | null)[]>;
  columns: Record<string, Packed>;
  texts: Record<string, (string | null)[]>;
  /** k neighbours of every row and how far they are. */
  graphs: Partial<Record<"latent" | "input", { k: number; rows: Packed; distances: Packed }>>;
  charts: Charts | null;
  /** Rows of each chart in its own coordinates. */
  places: ChartPlaces[];
  /** Passes between basins, and where a step down from each row leads; −1 is nowhere. */
  terrain: { passes: Pass[]; below: Packed } | null;
  patterns: { features: number; shape: number[]; values: Packed } | null;
}

type Numbers = Float32Array | Uint16Array | Uint8Array | Int32Array;
const ARRAYS = { f4: Float32Array, u2: Uint16Array, u1: Uint8Array, i4: Int32Array };

export function unpacked({ type, data }: Packed): Numbers {
  const text = atob(data);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return new ARRAYS[type](bytes.buffer);
}

export class OfflineRun {
  private readonly known = new Map<string, Numbers>();

  constructor(private readonly run: Offline) {}

  /** What the server would say; plain data, or numbers where it sends an array. */
  answer(path: string, body: any): unknown {
    const [name, rest] = [path.split(/[/?]/)[0], decodeURIComponent(path.split(/[/?]/)[1] ?? "")];
    switch (name) {
      case "run":
        return this.run.overview;
      case "certificate":
        return this.run.certificate;
      case "history":
        return this.run.history;
      case "columns":
        return this.numbers(`column ${rest}`, this.run.columns[rest]);
      case "mask":
        return this.mask(body.filters);
      case "counts":
        return this.counts(body.column, body.bins, decoded(body.mask));
      case "page":
        return this.page(body);
      case "rows":
        return body.rows.map((row: number) => this.row(row, body.columns));
      case "patterns":
        return body.rows.map((row: number) => this.pattern(row));
      case "neighbours":
        return this.neighbours(Number(rest), Number(new URLSearchParams(path.split("?")[1]).get("k")));
      case "charts":
        return rest ? this.run.places[Number(rest)] : this.run.charts;
      case "terrain":
        return rest ? this.wayDown(Number(rest)) : this.run.terrain?.passes;
      case "search":
        return this.search(body);
      case "annotations":
        return [];
      default:
        throw new Error("A page that was written as one file cannot do this. Open the run with `latentatlas explore`.");
    }
  }

  /** The selected rows as CSV. */
  csv(mask: string | null): string {
    const chosen = decoded(mask);
    const names = this.run.overview.columns.filter((column) => column.kind !== "vector").map((column) => column.name);
    const lines = [names.map(quoted).join()];
    for (let row = 0; row < this.run.overview.rows; row++) {
      if (chosen && !bits.has(chosen, row)) continue;
      lines.push(names.map((name) => quoted(this.value(name, row))).join());
    }
    return `${lines.join("\n")}\n`;
  }

  private numbers(key: string, packed: Packed | undefined): Numbers {
    if (!packed) throw new Error(`The page holds no ${key}.`);
    const known = this.known.get(key) ?? unpacked(packed);
    this.known.set(key, known);
    return known;
  }

  private column(name: string): Column {
    const found = this.run.overview.columns.find((column) => column.name === name);
    if (!found) throw new Error(`The run has no column '${name}'.`);
    return found;
  }

  private value(name: string, row: number): unknown {
    const column = this.column(name);
    if (column.kind === "text") return this.run.texts[name]?.[row] ?? null;
    if (column.kind === "vector") return null;
    const value = this.numbers(`column ${name}`, this.run.columns[name])[row];
    if (column.kind === "category") return value === MISSING_CODE ? null : column.values![value];
    return Number.isNaN(value) ? null : value;
  }

  private row(row: number, names: string[]): Row {
    return Object.fromEntries([["row", row], ...names.map((name) => [name, this.value(name, row)])]) as Row;
  }

  private mask(filters: Filter[]): Uint8Array {
    const found = bits.empty(this.run.overview.rows);
    for (let row = 0; row < this.run.overview.rows; row++) {
      if (filters.every((filter) => this.passes(filter, row))) bits.put(found, row);
    }
    return found;
  }

  private passes(filter: Filter, row: number): boolean {
    const value = this.value(filter.column, row);
    if ("values" in filter) return filter.values.includes(value as string | null);
    if ("contains" in filter) return value !== null && String(value).toLowerCase().includes(filter.contains.toLowerCase());
    return typeof value === "number" && value >= (filter.low ?? -Infinity) && value <= (filter.high ?? Infinity);
  }

  private counts(name: string, bins: number, mask: Uint8Array | null): Counts {
    const column = this.column(name);
    const values = this.numbers(`column ${name}`, this.run.columns[name]);
    const number = column.kind === "number";
    const size = number ? bins : (column.values ?? []).length;
    const [low, high] = [column.low ?? 0, column.high ?? 0];
    const step = (high - low) / bins || 1;
    const [total, selected] = [new Array<number>(size).fill(0), new Array<number>(size).fill(0)];
    for (let row = 0; row < values.length; row++) {
      if (!Number.isFinite(values[row])) continue;
      const place = number ? Math.min(bins - 1, Math.max(0, Math.floor((values[row] - low) / step))) : values[row];
      if (place >= size) continue;
      total[place]++;
      if (mask === null || bits.has(mask, row)) selected[place]++;
    }
    return { total, selected, edges: number ? Array.from({ length: bins + 1 }, (_, i) => low + step * i) : null };
  }

  private page({ columns, mask, order, descending, offset, limit }: any): Row[] {
    const chosen = decoded(mask);
    let rows = Array.from({ length: this.run.overview.rows }, (_, row) => row);
    if (chosen) rows = rows.filter((row) => bits.has(chosen, row));
    if (order !== null) {
      const keys = new Map(rows.map((row) => [row, this.value(order, row) as never]));
      rows.sort((a, b) => compared(keys.get(a) ?? null, keys.get(b) ?? null, descending) || a - b);
    }
    return rows.slice(offset, offset + limit).map((row) => this.row(row, columns));
  }

  private neighbours(row: number, k: number): { latent: NearRow[]; input: NearRow[] } {
    const near = (name: "latent" | "input"): { row: number; distance: number }[] => {
      const graph = this.run.graphs[name];
      if (!graph) return [];
      const rows = this.numbers(`${name} rows`, graph.rows).subarray(row * graph.k, (row + 1) * graph.k);
      const distances = this.numbers(`${name} distances`, graph.distances);
      return Array.from(rows, (each, i) => ({ row: each, distance: distances[row * graph.k + i] })).filter((each) => each.row >= 0);
    };
    const [latent, input] = [near("latent"), near("input")];
    const marked = (mine: typeof latent, others: typeof latent) => {
      const there = new Set(others.map((each) => each.row));
      return mine.slice(0, k).map((each) => ({ ...each, shared: others.length ? there.has(each.row) : null }));
    };
    return { latent: marked(latent, input), input: marked(input, latent) };
  }

  private wayDown(row: number): number[] {
    const below = this.numbers("terrain", this.run.terrain?.below);
    if (!(below[row] >= 0)) throw new Error(`The graph of the run does not hold row ${row}.`);
    const way = [row];
    while (below[way[way.length - 1]] !== way[way.length - 1]) way.push(below[way[way.length - 1]]);
    return way;
  }

  private search({ id, row }: any): { row: number | null; rows: number[]; distances: number[] } {
    let found = row ?? -1;
    for (let each = 0; id !== undefined && found < 0 && each < this.run.overview.rows; each++) {
      if (String(this.value("id", each)) === id) found = each;
    }
    if (found < 0) throw new Error(`The run has no row with the id '${id}'.`);
    const { latent } = this.neighbours(found, Infinity);
    return { row: found, rows: latent.map((each) => each.row), distances: latent.map((each) => each.distance) };
  }

  private pattern(row: number): Pattern | null {
    const kept = this.run.patterns;
    if (!kept) return null;
    const all = this.numbers("patterns", kept.values);
    const values = all.subarray(row * kept.features, (row + 1) * kept.features);
    if (this.run.overview.patterns === "image") return { image: pictureOf(values as Uint8Array, kept.shape) };
    if (this.run.overview.patterns !== "signal") return { values: Array.from(values) };
    const long = kept.features / kept.shape[0];
    return { signal: Array.from({ length: kept.shape[0] }, (_, i) => Array.from(values.subarray(i * long, (i + 1) * long))) };
  }
}

function decoded(mask: string | null): Uint8Array | null {
  return mask === null ? null : bits.ofBase64(mask);
}

/** By size or alphabet, missing values last whatever the direction. */
function compared(a: number | string | null, b: number | string | null, descending: boolean): number {
  if (a === null || b === null) return Number(a === null) - Number(b === null);
  return (a < b ? -1 : a > b ? 1 : 0) * (descending ? -1 : 1);
}

function quoted(value: unknown): string {
  if (value === null) return "";
  return typeof value === "number" ? String(value) : `"${String(value).replaceAll('"', '""')}"`;
}

/** A data URL of grey or coloured bytes, (height, width) or (height, width, 3). */
function pictureOf(values: Uint8Array, [high, wide, parts = 1]: number[]): string {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [wide, high];
  const context = canvas.getContext("2d") as CanvasRenderingContext2D;
  const image = context.createImageData(wide, high);
  for (let i = 0; i < wide * high; i++) {
    for (let part = 0; part < 3; part++) image.data[4 * i + part] = values[parts * i + (parts === 3 ? part : 0)];
    image.data[4 * i + 3] = 255;
  }
  context.putImageData(image, 0, 0);
  return canvas.toDataURL();
}
