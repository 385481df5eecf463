/** Points by the plain canvas, where there is no WebGL. */

import { has } from "../bits";
import { toScreen, type Size, type View } from "../view";
import { shuffled, type Marks, type PointLayer } from "./layer";

const MOST = 150_000;

export class CanvasPoints implements PointLayer {
  readonly kind = "Canvas";
  private readonly context: CanvasRenderingContext2D;
  private order = new Uint32Array();
  private x = new Float32Array();
  private y = new Float32Array();
  private marks: Marks = { colours: new Uint8Array(), selected: null };

  constructor(readonly canvas: HTMLCanvasElement) {
    const context = canvas.getContext("2d");
    if (!context) throw new Error("no canvas");
    this.context = context;
  }

  place(x: Float32Array, y: Float32Array): void {
    [this.x, this.y, this.order] = [x as never, y as never, shuffled(x.length) as never];
  }

  mark(marks: Marks): void {
    this.marks = marks;
  }

  draw(view: View, size: Size, ratio: number, pointSize: number, most: number): number {
    const { canvas, context, marks } = this;
    [canvas.width, canvas.height] = [Math.round(size.width * ratio), Math.round(size.height * ratio)];
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    const limit = Math.min(most, MOST);
    let drawn = 0;
    for (const chosen of marks.selected === null ? [true] : [false, true]) {
      context.globalAlpha = chosen ? 0.85 : 0.15;
      let room = limit;
      for (let i = 0; i < this.order.length && room > 0; i++) {
        const row = this.order[i];
        if (marks.selected !== null && has(marks.selected, row) !== chosen) continue;
        room--;
        drawn++;
        const [left, top] = toScreen(view, size, this.x[row], this.y[row]);
        if (!(left > -9 && top > -9 && left < size.width + 9 && top < size.height + 9)) continue;
        const at = 3 * row;
        context.fillStyle = `rgb(${marks.colours[at]},${marks.colours[at + 1]},${marks.colours[at + 2]})`;
        context.fillRect(left - pointSize / 2, top - pointSize / 2, pointSize, pointSize);
      }
    }
    return drawn;
  }

  dispose(): void {}
}
