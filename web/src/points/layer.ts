/** What draws the points. */

import type { Box, Size, View } from "../view";

export interface Marks {
  /** Red, green, blue of every row. */
  colours: Uint8Array;
  /** Bits of the rows that are selected; null if all are. */
  selected: Uint8Array | null;
}

export interface PointLayer {
  readonly canvas: HTMLCanvasElement;
  readonly kind: "WebGL" | "Canvas";
  /** Places, once. */
  place(x: Float32Array, y: Float32Array, box: Box): void;
  /** Colours and selection. */
  mark(marks: Marks): void;
  /** Draw at most `most` points; selected ones go on top. Returns how many were drawn. */
  draw(view: View, size: Size, ratio: number, pointSize: number, most: number): number;
  dispose(): void;
}

/** Rows in a fixed random order, so that the first of them are a fair sample and no group hides another. */
export function shuffled(rows: number): Uint32Array {
  const order = new Uint32Array(rows);
  let state = 0x2545f491;
  for (let i = 0; i < rows; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    const other = (state >>> 0) % (i + 1);
    order[i] = order[other];
    order[other] = i;
  }
  return order;
}

/** Pixels across a point: as many points as there are, larger when one looks closer. */
export function sizeOf(rows: number, zoomed: number): number {
  const base = Math.min(7, Math.max(1.6, 320 / Math.sqrt(rows + 1)));
  return Math.min(14, base * Math.max(1, zoomed) ** 0.35);
}
