/** What lies below the points: contours of their density, the energy as shaded relief, regions of categories. */

import { MISSING_CODE, rgb, viridis } from "./colour";
import type { Box, Point } from "./view";

const HEIGHTS = 12;

export interface Grid {
  box: Box;
  side: number;
  values: Float32Array;
}

export interface Picture {
  box: Box;
  side: number;
  /** RGBA, the top row first. */
  pixels: Uint8ClampedArray;
  /** Lines of equal height, where the picture has a height. */
  lines?: [Point, Point][];
  /** Lines in colours of their own. */
  outlines?: Outline[];
}

export interface Outline {
  colour: string;
  segments: [Point, Point][];
}

/** A square around the map with a margin. */
export function square(box: Box): Box {
  const half = 0.58 * Math.max(box.right - box.left, box.top - box.bottom);
  const [x, y] = [(box.left + box.right) / 2, (box.bottom + box.top) / 2];
  return { left: x - half, right: x + half, bottom: y - half, top: y + half };
}

/** Weights summed over the cells of a square grid, then smoothed over `blur` cells. */
export function gridded(
  x: Float32Array,
  y: Float32Array,
  box: Box,
  side: number,
  blur: number,
  weight: (row: number) => number = () => 1,
): Grid {
  const values = new Float32Array(side * side);
  const factor = side / (box.right - box.left);
  for (let row = 0; row < x.length; row++) {
    const over = Math.floor((x[row] - box.left) * factor);
    const up = Math.floor((y[row] - box.bottom) * factor);
    if (over >= 0 && over < side && up >= 0 && up < side) values[up * side + over] += weight(row);
  }
  for (let pass = 0; pass < 3; pass++) smooth(values, side, blur);
  return { box, side, values };
}

/** A running mean of 2 blur + 1 cells along both axes; three of them are nearly a Gaussian. */
function smooth(values: Float32Array, side: number, blur: number): void {
  const line = new Float32Array(side);
  for (const [along, across] of [[1, side], [side, 1]]) {
    for (let at = 0; at < side; at++) {
      let sum = 0;
      for (let i = 0; i < side; i++) line[i] = values[at * across + i * along];
      for (let i = -blur; i < side; i++) {
        if (i + blur < side) sum += line[i + blur];
        if (i - blur - 1 >= 0) sum -= line[i - blur - 1];
        if (i >= 0) values[at * across + i * along] = sum / (2 * blur + 1);
      }
    }
  }
}

/** The lines on which a grid has a level, as segments in map coordinates (marching squares). */
export function contour(grid: Grid, level: number): [Point, Point][] {
  const { side, values, box } = grid;
  const step = (box.right - box.left) / side;
  const segments: [Point, Point][] = [];
  const at = (over: number, up: number): Point => [box.left + (over + 0.5) * step, box.bottom + (up + 0.5) * step];
  for (let up = 0; up + 1 < side; up++) {
    for (let over = 0; over + 1 < side; over++) {
      const corner = up * side + over;
      const around = [values[corner], values[corner + 1], values[corner + side + 1], values[corner + side]];
      if (around.some(Number.isNaN)) continue;
      const crossings: Point[] = [];
      for (let edge = 0; edge < 4; edge++) {
        const [from, to] = [around[edge], around[(edge + 1) % 4]];
        if (from >= level === to >= level) continue;
        const part = (level - from) / (to - from);
        const place: Point[] = [[part, 0], [1, part], [1 - part, 1], [0, 1 - part]];
        crossings.push(at(over + place[edge][0], up + place[edge][1]));
      }
      for (let i = 0; i + 1 < crossings.length; i += 2) segments.push([crossings[i], crossings[i + 1]]);
    }
  }
  return segments;
}

/** Levels of a density: halves of its maximum, `count` of them. */
export function levels(grid: Grid, count: number): number[] {
  let most = 0;
  for (const value of grid.values) if (value > most) most = value;
  return most > 0 ? Array.from({ length: count }, (_, i) => most / 2 ** (i + 1)) : [];
}

/** The mean of a column over the map as relief, coloured by height and lit from the upper left; empty where no rows are. */
export function relief(x: Float32Array, y: Float32Array, height: Float32Array, box: Box, side = 256): Picture {
  const finite = (row: number) => Number.isFinite(height[row]);
  const density = gridded(x, y, box, side, 3, (row) => (finite(row) ? 1 : 0)).values;
  const sums = gridded(x, y, box, side, 3, (row) => (finite(row) ? height[row] : 0)).values;
  const edge = 0.002 * density.reduce((most, value) => Math.max(most, value), 0);
  const mean = sums.map((sum, cell) => (density[cell] > edge ? sum / density[cell] : NaN));
  const known = Array.from(mean.filter((value) => !Number.isNaN(value))).sort((a, b) => a - b);
  const [low, high] = [known[Math.floor(0.02 * known.length)] ?? 0, known[Math.floor(0.98 * known.length)] ?? 1];
  const span = high - low || 1;
  const pixels = new Uint8ClampedArray(4 * side * side);
  for (let up = 0; up < side; up++) {
    for (let over = 0; over < side; over++) {
      const cell = up * side + over;
      if (Number.isNaN(mean[cell])) continue;
      const slope = (to: number) => (to >= 0 && to < mean.length && !Number.isNaN(mean[to]) ? mean[to] - mean[cell] : 0);
      const [across, along] = [slope(cell + 1) - slope(cell - 1), slope(cell + side) - slope(cell - side)];
      const light = Math.min(1.35, Math.max(0.6, 1 + (9 * (across - along)) / span));
      const colour = viridis((mean[cell] - low) / span);
      const alpha = 200 * Math.min(1, density[cell] / (8 * edge));
      pixels.set([...colour.map((part) => part * light), alpha], 4 * ((side - 1 - up) * side + over));
    }
  }
  const heights = Array.from({ length: HEIGHTS }, (_, i) => low + (span * (i + 0.5)) / HEIGHTS);
  return { box, side, pixels, lines: heights.flatMap((level) => contour({ box, side, values: mean }, level)) };
}

/** Which category most rows of a place have, in its colour; fainter where others are nearly as many. */
export function regions(
  x: Float32Array,
  y: Float32Array,
  codes: Uint16Array,
  colours: string[],
  box: Box,
  side = 200,
): Picture {
  const cells = side * side;
  const [best, second, total] = [new Float32Array(cells), new Float32Array(cells), new Float32Array(cells)];
  const owner = new Int32Array(cells).fill(-1);
  for (let code = 0; code < colours.length; code++) {
    const { values } = gridded(x, y, box, side, 2, (row) => (codes[row] === code && code !== MISSING_CODE ? 1 : 0));
    for (let cell = 0; cell < cells; cell++) {
      total[cell] += values[cell];
      if (values[cell] > best[cell]) {
        second[cell] = best[cell];
        [best[cell], owner[cell]] = [values[cell], code];
      } else if (values[cell] > second[cell]) second[cell] = values[cell];
    }
  }
  const edge = 0.001 * total.reduce((most, value) => Math.max(most, value), 0);
  const pixels = new Uint8ClampedArray(4 * cells);
  for (let cell = 0; cell < cells; cell++) {
    if (total[cell] <= edge) continue;
    const sure = (best[cell] - second[cell]) / best[cell];
    const [up, over] = [Math.floor(cell / side), cell % side];
    pixels.set([...rgb(colours[owner[cell]]), (40 + 90 * sure) * Math.min(1, total[cell] / (8 * edge))], 4 * ((side - 1 - up) * side + over));
  }
  return { box, side, pixels };
}

/** Around the rows of each category a line in its colour: where their density is `share` of its most. */
export function outlines(x: Float32Array, y: Float32Array, codes: Uint16Array, colours: string[], box: Box, share = 0.06, side = 160): Outline[] {
  return colours.flatMap((colour, code) => {
    const grid = gridded(x, y, box, side, 2, (row) => (codes[row] === code ? 1 : 0));
    const most = grid.values.reduce((high, value) => Math.max(high, value), 0);
    return most > 0 ? [{ colour, segments: contour(grid, share * most) }] : [];
  });
}
