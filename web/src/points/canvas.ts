/** Points written pixel by pixel into a plain canvas: where there is no WebGL, or only one without a graphics card.
 *
 * A processor that plays graphics card needs microseconds for a point; writing its few pixels takes nanoseconds.
 */

import { has, size as sizeOf } from "../bits";
import type { Size, View } from "../view";
import { shuffled, type Marks, type PointLayer } from "./layer";

const FAINT = 38;
const PLAIN = 217;
const ROUND_FROM = 3;

export class CanvasPoints implements PointLayer {
  readonly kind = "Canvas";
  private readonly context: CanvasRenderingContext2D;
  private image: ImageData | null = null;
  private pixels = new Uint32Array();
  /** Places and colours (ABGR as a number) in the order in which points are drawn. */
  private places = new Float32Array();
  private order = new Uint32Array();
  private colours = new Uint32Array();
  private chosen: Uint32Array | null = null;

  constructor(readonly canvas: HTMLCanvasElement) {
    const context = canvas.getContext("2d");
    if (!context) throw new Error("no canvas");
    this.context = context;
  }

  place(x: Float32Array, y: Float32Array): void {
    this.order = shuffled(x.length) as Uint32Array<ArrayBuffer>;
    this.places = new Float32Array(2 * x.length);
    this.order.forEach((row, i) => {
      this.places[2 * i] = x[row];
      this.places[2 * i + 1] = y[row];
    });
  }

  mark({ colours, selected }: Marks): void {
    this.colours = new Uint32Array(this.order.length);
    const chosen = new Uint32Array(selected === null ? 0 : sizeOf(selected));
    let last = 0;
    for (let i = 0; i < this.order.length; i++) {
      const row = this.order[i];
      const inside = selected === null || has(selected, row);
      const alpha = inside ? PLAIN : FAINT;
      this.colours[i] = ((alpha << 24) | (colours[3 * row + 2] << 16) | (colours[3 * row + 1] << 8) | colours[3 * row]) >>> 0;
      if (inside && selected !== null) chosen[last++] = i;
    }
    this.chosen = selected === null ? null : chosen;
  }

  draw(view: View, size: Size, ratio: number, pointSize: number, most: number): number {
    const image = this.cleared(Math.round(size.width * ratio), Math.round(size.height * ratio));
    const drawn = Math.min(this.colours.length, most);
    const dots = dot(pointSize * ratio, image.width);
    const edge = Math.ceil((pointSize * ratio) / 2) + 1;
    const scale = view.scale * ratio;
    const [left, top] = [image.width / 2 - view.x * scale, image.height / 2 + view.y * scale];
    const frame = { left, top, scale, edge, wide: image.width, high: image.height };
    stamp(this.pixels, this.places, this.colours, dots, frame, drawn, null);
    if (this.chosen) stamp(this.pixels, this.places, this.colours, dots, frame, Math.min(this.chosen.length, most), this.chosen);
    this.context.putImageData(image, 0, 0);
    return drawn;
  }

  dispose(): void {}

  private cleared(wide: number, high: number): ImageData {
    if (!this.image || this.image.width !== wide || this.image.height !== high) {
      [this.canvas.width, this.canvas.height] = [wide, high];
      this.image = this.context.createImageData(wide, high);
      this.pixels = new Uint32Array(this.image.data.buffer);
    } else this.pixels.fill(0);
    return this.image;
  }
}

interface Frame {
  left: number;
  top: number;
  scale: number;
  edge: number;
  wide: number;
  high: number;
}

/** Write points: the first `count`, or those of a list. All that the loop reads is local, which makes it fast. */
function stamp(
  pixels: Uint32Array,
  places: Float32Array,
  colours: Uint32Array,
  dots: Int32Array,
  { left, top, scale, edge, wide, high }: Frame,
  count: number,
  list: Uint32Array | null,
): void {
  const [right, bottom, parts] = [wide - edge, high - edge, dots.length];
  for (let at = 0; at < count; at++) {
    const i = list === null ? at : list[at];
    const over = left + places[2 * i] * scale;
    const down = top - places[2 * i + 1] * scale;
    if (!(over >= edge && down >= edge && over < right && down < bottom)) continue;
    const middle = ((down + 0.5) | 0) * wide + ((over + 0.5) | 0);
    const colour = colours[i];
    for (let each = 0; each < parts; each++) pixels[middle + dots[each]] = colour;
  }
}

/** How far from its middle the pixels of a point are: a square of whole pixels, from three on a disc. */
export function dot(size: number, width: number): Int32Array {
  const side = Math.max(1, Math.round(size));
  const half = (side - 1) / 2;
  const offsets: number[] = [];
  for (let down = 0; down < side; down++) {
    for (let over = 0; over < side; over++) {
      if (side >= ROUND_FROM && Math.hypot(over - half, down - half) > side / 2) continue;
      offsets.push((down - Math.floor(half)) * width + over - Math.floor(half));
    }
  }
  return Int32Array.from(offsets);
}
