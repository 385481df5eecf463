/** Small things drawn on canvases. */

import type { Picture } from "./ground";
import type { Point } from "./view";

export function ring(context: CanvasRenderingContext2D, [left, top]: Point, radius: number, ink: string, paper: string, width: number): void {
  for (const [colour, wide] of [[paper, width + 2.5], [ink, width]] as const) {
    context.beginPath();
    context.arc(left, top, radius, 0, 2 * Math.PI);
    context.strokeStyle = colour;
    context.lineWidth = wide;
    context.stroke();
  }
}

export function pathOf(segments: [Point, Point][]): Path2D {
  const path = new Path2D();
  for (const [from, to] of segments) {
    path.moveTo(...from);
    path.lineTo(...to);
  }
  return path;
}

export function imageOf({ side, pixels }: Picture): HTMLCanvasElement {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [side, side];
  canvas.getContext("2d")?.putImageData(new ImageData(pixels as never, side, side), 0, 0);
  return canvas;
}
