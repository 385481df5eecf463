/** Names on the map: where they belong, and which of them there is room for. */

import type { Basin } from "./types";
import { toScreen, type Point, type Size, type View } from "./view";

export interface Label {
  text: string;
  place: Point;
  size: number;
}

export interface Placed {
  text: string;
  left: number;
  top: number;
  width: number;
}

const LONGEST = 28;
const HEIGHT = 18;

/** A label for each basin that has rows: at the densest of a few places around its middle. */
export function basinLabels(basins: Basin[], codes: Uint16Array, values: string[], x: Float32Array, y: Float32Array): Label[] {
  const byNumber = new Map(basins.map((basin) => [String(basin.number), basin]));
  const step = Math.max(1, Math.floor(x.length / 100_000));
  const members: number[][] = values.map(() => []);
  for (let row = 0; row < x.length; row += step) {
    if (codes[row] < values.length && Number.isFinite(x[row] + y[row])) members[codes[row]].push(row);
  }
  const labels: Label[] = [];
  members.forEach((rows, code) => {
    if (!rows.length) return;
    const basin = byNumber.get(values[code]);
    const middle: Point = [median(rows.map((row) => x[row])), median(rows.map((row) => y[row]))];
    const nearest = rows.reduce((best, row) => (far(row, middle, x, y) < far(best, middle, x, y) ? row : best));
    const text = basin?.name ?? `basin ${values[code]}`;
    labels.push({
      text: text.length > LONGEST ? `${text.slice(0, LONGEST - 1)}…` : text,
      place: [x[nearest], y[nearest]],
      size: basin?.size || rows.length * step,
    });
  });
  return labels.sort((a, b) => b.size - a.size);
}

/** The labels that fit the screen without touching, the largest first. */
export function place(labels: Label[], view: View, size: Size, width: (text: string) => number): Placed[] {
  const placed: Placed[] = [];
  for (const label of labels) {
    const [x, y] = toScreen(view, size, ...label.place);
    const wide = width(label.text) + 8;
    const box = { text: label.text, left: x - wide / 2, top: y - HEIGHT / 2, width: wide };
    if (x < 0 || y < 0 || x > size.width || y > size.height) continue;
    if (!placed.some((other) => touches(box, other))) placed.push(box);
  }
  return placed;
}

const touches = (a: Placed, b: Placed) =>
  a.left < b.left + b.width && b.left < a.left + a.width && Math.abs(a.top - b.top) < HEIGHT;

const far = (row: number, [a, b]: Point, x: Float32Array, y: Float32Array) => (x[row] - a) ** 2 + (y[row] - b) ** 2;

function median(values: number[]): number {
  const sorted = values.sort((a, b) => a - b);
  return sorted[sorted.length >> 1];
}
