/** What the server says, as it says it. */

export interface Column {
  name: string;
  kind: "number" | "category" | "text" | "vector";
  low?: number;
  high?: number;
  missing?: number;
  values?: string[];
  counts?: number[];
}

export interface Basin {
  number: number;
  name: string;
  size: number;
}

export interface Overview {
  name: string;
  folder: string;
  rows: number;
  columns: Column[];
  basins: Basin[];
  facts: Record<string, string | number>;
  verdicts: Record<string, number>;
  patterns: "text" | "image" | "signal" | "table" | "none";
  pattern_columns: string[];
  text_column: string | null;
  neighbours: number;
  vectors: boolean;
  model: boolean;
  history: boolean;
  comparison: Comparison | null;
  charts: number;
  /** Whether rows have energies, basins and neighbours. */
  terrain: boolean;
}

/** The lowest crossing between two basins that touch: rows up one side and down the other. */
export interface Pass {
  basins: [number, number];
  saddle: number;
  energy: number;
  above: [number, number];
  way: number[];
}

export interface Orientation {
  orientable: boolean | null;
  overlaps: { charts: number[]; sign: number; rows: number; agreement: number }[];
}

/** What the run keeps of its charts. */
export interface Charts {
  axes: number;
  charts: { number: number; size: number; entropy: number | null; codes: { number: number; size: number; row: number }[] }[];
  transitions: { source: number; target: number; rows: number; error: number | null; explained: number | null }[];
  orientation: Orientation | null;
}

/** Rows of a chart and their coordinates in it, axis by axis. */
export interface ChartPlaces {
  rows: number[];
  axes: number[][];
}

/** How rows lie in another run, on its map or in its latent, in units of a neighbourhood. */
export interface Moved {
  median: number;
  p95: number;
  kept: number | null;
  k: number;
}

export interface Comparison {
  name: string;
  folder: string;
  rows: number;
  shared: number;
  moved: Record<string, Moved>;
  /** What `drift.map` and the like are called among the columns. */
  columns: Record<string, string>;
}

export interface Pattern {
  image?: string;
  signal?: (number | null)[][];
  values?: (number | null)[];
}

export interface NearRow {
  row: number;
  distance: number;
  shared: boolean | null;
}

export interface Neighbours {
  latent: NearRow[];
  input: NearRow[];
}

export interface Counts {
  total: number[];
  selected: number[];
  edges: number[] | null;
}

export interface Verdict {
  name: string;
  status: "pass" | "warn" | "fail" | "skip";
  value: number | null;
  threshold: number | null;
  better?: string;
  reason: string;
  remedy: string;
}

/** Columns of a training log, one entry a logged step. */
export type Log = Record<string, (number | null)[]>;

/** What a fit that is at work has recorded. */
export interface Live {
  columns: Log;
  step: number;
  steps: number | null;
  stage: number;
  age: number;
}

export interface Certificate {
  verdicts: Verdict[];
  metrics: Record<string, number | null>;
}

export interface Annotation {
  id: string;
  text: string;
  rows: number[];
  created: string;
}

export interface Generated {
  patterns: Pattern[];
  xy: [number, number][];
  energy: number[];
  basin?: number[];
  barrier?: number;
  straight?: number;
}

export type Row = Record<string, unknown> & { row: number };

/** A filter as the server takes it. */
export type Filter =
  | { column: string; low?: number; high?: number }
  | { column: string; values: (string | null)[] }
  | { column: string; contains: string };
