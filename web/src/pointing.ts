/** What a pointer does to a map: pan with one, pinch with two, draw a lasso, pick on a tap. */

import type { Point } from "./view";

export const REACH = 10; // px around a point that count as the point
const TAP = 4; // px that a finger may tremble

/** A map as a pointer sees it; places are pixels from its upper left corner. */
export interface Pointed {
  readonly lassoing: boolean;
  pan(over: number, down: number): void;
  zoomAt(where: Point, factor: number): void;
  /** A lasso goes on to here; the first place begins it. */
  draw(where: Point): void;
  /** The lasso ends; it counts if it went far enough. */
  finish(counts: boolean): void;
  pick(where: Point, second: boolean): void;
}

export function listen(host: HTMLElement, map: Pointed): void {
  const pointers = new Map<number, Point>();
  let [travelled, drawing] = [0, false];
  const where = (event: PointerEvent | WheelEvent): Point => {
    const box = host.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  host.addEventListener("pointerdown", (event) => {
    host.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, where(event));
    travelled = 0;
    drawing = (map.lassoing || event.shiftKey) && pointers.size === 1;
    if (drawing) map.draw(where(event));
  });
  host.addEventListener("pointermove", (event) => {
    const before = pointers.get(event.pointerId);
    const now = where(event);
    if (!before) return;
    travelled += span(now, before);
    pointers.set(event.pointerId, now);
    if (drawing) map.draw(now);
    else if (pointers.size === 1) map.pan(before[0] - now[0], before[1] - now[1]);
    else {
      const [other] = [...pointers].filter(([id]) => id !== event.pointerId).map(([, point]) => point);
      map.zoomAt([(now[0] + other[0]) / 2, (now[1] + other[1]) / 2], span(now, other) / (span(before, other) || 1));
    }
  });
  const end = (event: PointerEvent) => {
    if (!pointers.delete(event.pointerId)) return;
    const drew = drawing && travelled > REACH;
    if (drawing) map.finish(drew);
    drawing = false;
    if (!drew && event.type === "pointerup" && travelled < TAP) map.pick(where(event), event.ctrlKey || event.metaKey);
  };
  host.addEventListener("pointerup", end);
  host.addEventListener("pointercancel", end);
  host.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      const step = event.deltaMode === 1 ? 30 * event.deltaY : event.deltaY;
      map.zoomAt(where(event), Math.exp(-0.0018 * Math.max(-300, Math.min(300, step))));
    },
    { passive: false },
  );
  host.addEventListener("dblclick", (event) => map.zoomAt([event.offsetX, event.offsetY], 2));
}

const span = (a: Point, b: Point) => Math.hypot(a[0] - b[0], a[1] - b[1]);
