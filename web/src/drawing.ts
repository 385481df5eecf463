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

/** A line through points that is seen on any ground. */
export function trail(context: CanvasRenderingContext2D, points: Point[], ink: string, paper: string, width: number): void {
  context.lineJoin = "round";
  for (const [colour, wide] of [[paper, width + 2], [ink, width]] as const) {
    context.beginPath();
    for (const point of points) context.lineTo(...point);
    context.strokeStyle = colour;
    context.lineWidth = wide;
    context.stroke();
  }
}

/** Where a way is highest. */
export function cross(context: CanvasRenderingContext2D, [left, top]: Point, ink: string, paper: string): void {
  trail(context, [[left - 4, top - 4], [left + 4, top + 4]], ink, paper, 2);
  trail(context, [[left - 4, top + 4], [left + 4, top - 4]], ink, paper, 2);
}

/** A place that is no row: what a model made. */
export function diamond(context: CanvasRenderingContext2D, [left, top]: Point, ink: string, paper: string): void {
  context.beginPath();
  for (const [over, down] of [[0, -6], [6, 0], [0, 6], [-6, 0]]) context.lineTo(left + over, top + down);
  context.closePath();
  context.fillStyle = paper;
  context.fill();
  context.strokeStyle = ink;
  context.lineWidth = 1.5;
  context.stroke();
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
