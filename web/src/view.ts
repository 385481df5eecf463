/** Where the map is on the screen, and which rows are where. */

import { empty, put, type Bits } from "./bits";

export interface Box {
  left: number;
  right: number;
  bottom: number;
  top: number;
}

/** The middle of the screen in map coordinates, and pixels for a unit of the map. */
export interface View {
  x: number;
  y: number;
  scale: number;
}

export interface Size {
  width: number;
  height: number;
}

export type Point = [number, number];

/** Where the rows lie on a map, and the box around them. */
export interface Places {
  x: Float32Array;
  y: Float32Array;
  box: Box;
}

/** The box around all finite points; a unit box where there is none, widened where they are one point. */
export function bounds(x: Float32Array, y: Float32Array): Box {
  const box = { left: Infinity, right: -Infinity, bottom: Infinity, top: -Infinity };
  for (let row = 0; row < x.length; row++) {
    if (!Number.isFinite(x[row]) || !Number.isFinite(y[row])) continue;
    if (x[row] < box.left) box.left = x[row];
    if (x[row] > box.right) box.right = x[row];
    if (y[row] < box.bottom) box.bottom = y[row];
    if (y[row] > box.top) box.top = y[row];
  }
  if (box.left > box.right) return { left: -1, right: 1, bottom: -1, top: 1 };
  const room = box.right > box.left || box.top > box.bottom ? 0 : 1;
  return { left: box.left - room, right: box.right + room, bottom: box.bottom - room, top: box.top + room };
}

/** The box around two boxes. */
export const joined = (a: Box, b: Box): Box => ({
  left: Math.min(a.left, b.left),
  right: Math.max(a.right, b.right),
  bottom: Math.min(a.bottom, b.bottom),
  top: Math.max(a.top, b.top),
});

/** The view that shows a box whole, with a margin. */
export function fit(box: Box, size: Size): View {
  const [wide, high] = [box.right - box.left || 1e-6, box.top - box.bottom || 1e-6];
  const scale = 0.9 * Math.min(size.width / wide, size.height / high);
  return { x: (box.left + box.right) / 2, y: (box.bottom + box.top) / 2, scale };
}

export const toScreen = (view: View, size: Size, x: number, y: number): Point => [
  size.width / 2 + (x - view.x) * view.scale,
  size.height / 2 - (y - view.y) * view.scale,
];

export const toMap = (view: View, size: Size, left: number, top: number): Point => [
  view.x + (left - size.width / 2) / view.scale,
  view.y - (top - size.height / 2) / view.scale,
];

/** The view after zooming by a factor with the place under the pointer held. */
export function zoom(view: View, size: Size, left: number, top: number, factor: number): View {
  const [x, y] = toMap(view, size, left, top);
  const scale = view.scale * factor;
  return { x: x - (left - size.width / 2) / scale, y: y + (top - size.height / 2) / scale, scale };
}

/** Whether a point lies inside a polygon, by the parity of the edges that a ray crosses. */
export const inside = (polygon: Point[], x: number, y: number): boolean => within(Float64Array.from(polygon.flat()), x, y);

/** The same for corners in one array, which is what makes millions of rows fast. */
function within(corners: Float64Array, x: number, y: number): boolean {
  let found = false;
  for (let i = 0, j = corners.length - 2; i < corners.length; j = i, i += 2) {
    const yi = corners[i + 1];
    const yj = corners[j + 1];
    if (yi > y !== yj > y && x < ((corners[j] - corners[i]) * (y - yi)) / (yj - yi) + corners[i]) found = !found;
  }
  return found;
}

/** The rows inside a polygon. */
export function lasso(polygon: Point[], x: Float32Array, y: Float32Array): Bits {
  const found = empty(x.length);
  const corners = Float64Array.from(polygon.flat());
  const xs = polygon.map((p) => p[0]);
  const ys = polygon.map((p) => p[1]);
  const [left, right, bottom, top] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  for (let row = 0; row < x.length; row++) {
    const [px, py] = [x[row], y[row]];
    if (px < left || px > right || py < bottom || py > top || Number.isNaN(px + py)) continue;
    if (within(corners, px, py)) put(found, row);
  }
  return found;
}

/** Finds the row nearest to a place: rows by the cell of a grid they fall in. */
export class Cells {
  private readonly starts: Uint32Array;
  private readonly rows: Uint32Array;
  private readonly across: number;
  private readonly side: number;

  constructor(
    private readonly x: Float32Array,
    private readonly y: Float32Array,
    private readonly box: Box,
  ) {
    this.across = Math.max(1, Math.min(1024, Math.round(Math.sqrt(x.length / 4))));
    this.side = Math.max(box.right - box.left, box.top - box.bottom) / this.across || 1;
    const cell = new Uint32Array(x.length);
    const counts = new Uint32Array(this.across * this.across + 1);
    for (let row = 0; row < x.length; row++) {
      cell[row] = this.cell(x[row], y[row]);
      counts[cell[row] + 1]++;
    }
    for (let i = 1; i < counts.length; i++) counts[i] += counts[i - 1];
    this.starts = counts;
    this.rows = new Uint32Array(x.length);
    const next = counts.slice();
    for (let row = 0; row < x.length; row++) this.rows[next[cell[row]]++] = row;
  }

  /** The row nearest to a place and no further than `reach`, among those that `allowed` lets through; -1 if none is. */
  nearest(x: number, y: number, reach: number, allowed: (row: number) => boolean): number {
    const [left, right] = [this.place(x - reach - this.box.left), this.place(x + reach - this.box.left)];
    const [low, high] = [this.place(y - reach - this.box.bottom), this.place(y + reach - this.box.bottom)];
    let [best, least] = [-1, reach * reach];
    for (let up = low; up <= high; up++) {
      for (let over = left; over <= right; over++) {
        const cell = up * this.across + over;
        for (let i = this.starts[cell]; i < this.starts[cell + 1]; i++) {
          const row = this.rows[i];
          const distance = (this.x[row] - x) ** 2 + (this.y[row] - y) ** 2;
          if (distance <= least && allowed(row)) [best, least] = [row, distance];
        }
      }
    }
    return best;
  }

  private cell(x: number, y: number): number {
    return this.place(y - this.box.bottom) * this.across + this.place(x - this.box.left);
  }

  private place(offset: number): number {
    const place = Math.floor(offset / this.side);
    return place > 0 ? Math.min(this.across - 1, place) : 0;
  }
}
