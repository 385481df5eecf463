/** Colours of points: far apart for any sight where they name, even in lightness where they measure. */

import type { Column } from "./types";

/** Those of the library's figures: greedily far apart for normal, protanopic and deuteranopic sight. */
export const CATEGORY_COLOURS = [
  "#3f90da", "#ffa90e", "#bd1f01", "#832db6", "#3fb8b4", "#ff2d87", "#2d3c5a", "#1fa84a", "#8c8300", "#c3a5ff",
  "#874b5a", "#1e3cff", "#78000f", "#3ddc84", "#ff7a3d", "#4b0096", "#ff8796", "#5a8769", "#ff2dd2", "#1e690f",
];
/** The same with the darkest made lighter, for a dark ground. */
const ON_DARK: Record<string, string> = {
  "#2d3c5a": "#8fa3cc", "#78000f": "#d96c78", "#4b0096": "#a06be0", "#1e690f": "#6fc05e", "#bd1f01": "#f0583c",
  "#1e3cff": "#6f85ff", "#832db6": "#b76be6",
};
export const MISSING = "#a9adb5";
export const MISSING_CODE = 65535;

/** Viridis, at sixteenths. */
const VIRIDIS = [
  [68, 1, 84], [72, 26, 108], [71, 47, 125], [65, 68, 135], [57, 86, 140], [49, 104, 142], [42, 120, 142],
  [35, 136, 142], [31, 152, 139], [34, 168, 132], [53, 183, 121], [84, 197, 104], [122, 209, 81], [165, 219, 54],
  [210, 226, 27], [253, 231, 37],
];

export type Rgb = [number, number, number];

export const rgb = (hex: string): Rgb => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16)) as Rgb;

/** Viridis at t in [0, 1]; values beyond are cut. */
export function viridis(t: number): Rgb {
  const place = Math.min(1, Math.max(0, t)) * (VIRIDIS.length - 1);
  const below = Math.min(VIRIDIS.length - 2, Math.floor(place));
  const part = place - below;
  return [0, 1, 2].map((i) => Math.round(VIRIDIS[below][i] * (1 - part) + VIRIDIS[below + 1][i] * part)) as Rgb;
}

/** A colour for each category: by their order where the colours suffice, else the largest ones; others stay grey. */
export function categoryColours(column: Column, dark: boolean): string[] {
  const values = column.values ?? [];
  const counts = column.counts ?? [];
  const order = values.map((_, code) => code);
  if (values.length > CATEGORY_COLOURS.length) order.sort((a, b) => counts[b] - counts[a] || a - b);
  const colours = values.map(() => MISSING);
  order.slice(0, CATEGORY_COLOURS.length).forEach((code, rank) => {
    const colour = CATEGORY_COLOURS[rank];
    colours[code] = dark ? (ON_DARK[colour] ?? colour) : colour;
  });
  return colours;
}

/** The values between which a scale runs: 1 % of the rows lie below and above. */
export function scaleEnds(values: Float32Array): [number, number] {
  const step = Math.max(1, Math.floor(values.length / 20_000));
  const seen: number[] = [];
  for (let i = 0; i < values.length; i += step) if (Number.isFinite(values[i])) seen.push(values[i]);
  if (!seen.length) return [0, 1];
  seen.sort((a, b) => a - b);
  const low = seen[Math.floor(0.01 * (seen.length - 1))];
  const high = seen[Math.ceil(0.99 * (seen.length - 1))];
  return low < high ? [low, high] : [seen[0], seen[seen.length - 1]];
}

/** Red, green and blue of every row, three bytes each. */
export function paint(column: Column | null, values: Float32Array | Uint16Array | null, rows: number, dark: boolean): Uint8Array {
  if (column === null || values === null) {
    return filled(rows, [rgb(dark ? "#7fb4e6" : CATEGORY_COLOURS[0])], () => 0);
  }
  const missing = rgb(MISSING);
  if (column.kind === "category") {
    const known = categoryColours(column, dark).map(rgb);
    return filled(rows, [...known, missing], (row) => Math.min(values[row], known.length));
  }
  const [low, high] = scaleEnds(values as Float32Array);
  const factor = high > low ? 255 / (high - low) : 0;
  const table = [...Array.from({ length: 256 }, (_, i) => viridis(i / 255)), missing];
  return filled(rows, table, (row) => {
    const value = values[row];
    return value === value ? Math.min(255, Math.max(0, Math.round((value - low) * factor))) : 256; // NaN differs from itself
  });
}

/** Every row in the colour of its place in a table. */
function filled(rows: number, table: Rgb[], place: (row: number) => number): Uint8Array {
  const flat = Uint8Array.from(table.flat());
  const painted = new Uint8Array(3 * rows);
  for (let row = 0; row < rows; row++) {
    const from = 3 * place(row);
    painted[3 * row] = flat[from];
    painted[3 * row + 1] = flat[from + 1];
    painted[3 * row + 2] = flat[from + 2];
  }
  return painted;
}
