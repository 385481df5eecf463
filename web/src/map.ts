/** The map: ground, points and names in three canvases, and what pointer and keys do to them. */

import { cross, diamond, imageOf, pathOf, ring, trail } from "./drawing";
import { contour, gridded, levels, square, type Picture } from "./ground";
import { place as placeLabels, type Label } from "./labels";
import { CanvasPoints } from "./points/canvas";
import { sizeOf, type Marks, type PointLayer } from "./points/layer";
import { hasGraphicsCard, WebGlPoints } from "./points/webgl";
import { Cells, fit, toMap, toScreen, zoom, type Box, type Point, type Size, type View } from "./view";

export interface Told {
  pick(row: number | null, second: boolean): void;
  lasso(polygon: Point[]): void;
  /** The view, at rest. */
  view(view: View): void;
  /** The view, at every move. */
  moving(view: View): void;
}

export interface Highlight {
  row: number | null;
  near: number[];
  other: number | null;
  places: Point[];
  joined: boolean;
}

const REST_AFTER = 160; // ms without a move until everything is drawn
const WANTED = 40; // ms a frame may take while moving
const FEWEST = 20_000;
const REACH = 10; // px around a point that count as the point
const CONTOURS = 6;

export class MapView {
  private readonly ground = document.createElement("canvas");
  private readonly over = document.createElement("canvas");
  private points: PointLayer;
  private readonly cells: Cells;
  private readonly contours: Path2D;
  private home: View = { x: 0, y: 0, scale: 1 };
  private view: View;
  private size: Size = { width: 1, height: 1 };
  private budget = 200_000;
  private asked = false;
  private moving = false;
  private rest = 0;
  private picture: { image: HTMLCanvasElement; box: Box } | null = null;
  private lines: Path2D | null = null;
  private outlines: { colour: string; path: Path2D }[] = [];
  private labels: Label[] = [];
  private passes: { way: number[]; saddle: number }[] = [];
  private chosen: number[] = [];
  private highlight: Highlight = { row: null, near: [], other: null, places: [], joined: false };
  private marks: Marks | null = null;
  private drawing: Point[] | null = null;
  private readonly observer: ResizeObserver;
  lassoing = false;
  dark = false;
  /** Milliseconds of the last frames and how many points they drew, for those who measure. */
  readonly frames: { at: number; ms: number; points: number }[] = [];

  constructor(
    private readonly host: HTMLElement,
    private readonly x: Float32Array,
    private readonly y: Float32Array,
    private readonly box: Box,
    private readonly told: Told,
    seen: View | null,
  ) {
    this.cells = new Cells(x, y, box);
    this.points = this.layer();
    this.contours = this.densityLines();
    host.append(this.ground, this.points.canvas, this.over);
    this.points.canvas.addEventListener("webglcontextlost", () => this.fallBack());
    this.measure();
    this.view = seen ?? this.home;
    this.listen();
    this.observer = new ResizeObserver(() => {
      const whole = this.view === this.home;
      this.measure();
      if (whole) this.view = this.home;
      this.ask();
    });
    this.observer.observe(host);
  }

  get kind(): string {
    return this.points.kind;
  }

  get current(): View {
    return this.view;
  }

  mark(marks: Marks): void {
    this.marks = marks;
    this.points.mark(marks);
    this.ask();
  }

  /** What lies below the points; without a picture, contours of their density or nothing. */
  lay(picture: Picture | null, density: boolean): void {
    this.lines = picture?.lines ? pathOf(picture.lines) : density ? this.contours : null;
    this.outlines = (picture?.outlines ?? []).map(({ colour, segments }) => ({ colour, path: pathOf(segments) }));
    this.picture = picture && { image: imageOf(picture), box: picture.box };
    this.ask();
  }

  name(labels: Label[]): void {
    this.labels = labels;
    this.ask();
  }

  /** Ways over the terrain: each pass with the ways down from it, and one way that was chosen. */
  walk(passes: { way: number[]; saddle: number }[], chosen: number[]): void {
    this.passes = passes;
    this.chosen = chosen;
    this.ask();
  }

  point(highlight: Highlight): void {
    this.highlight = highlight;
    this.ask();
  }

  /** Show what another map shows. */
  follow(view: View): void {
    const { x, y, scale } = this.home;
    this.moveTo(view.x === x && view.y === y && view.scale === scale ? this.home : view, () => undefined);
  }

  reset(): void {
    this.move(this.home);
  }

  zoomBy(factor: number): void {
    this.move(zoom(this.view, this.size, this.size.width / 2, this.size.height / 2, factor));
  }

  pan(over: number, down: number): void {
    const { x, y, scale } = this.view;
    this.move({ x: x + over / scale, y: y - down / scale, scale });
  }

  /** Bring a row into the middle, close enough to tell its neighbours apart. */
  go(row: number): void {
    const scale = Math.max(this.view.scale, 4 * this.home.scale);
    if (Number.isFinite(this.x[row] + this.y[row])) this.move({ x: this.x[row], y: this.y[row], scale });
  }

  /** Bring a row into sight if it is not. */
  reveal(row: number): void {
    const [left, top] = toScreen(this.view, this.size, this.x[row], this.y[row]);
    if (left < 0 || top < 0 || left > this.size.width || top > this.size.height) this.go(row);
  }

  /** The map as it is seen. */
  async picturePng(ground: string): Promise<Blob> {
    this.paint(Infinity);
    const all = document.createElement("canvas");
    [all.width, all.height] = [this.points.canvas.width, this.points.canvas.height];
    const context = all.getContext("2d") as CanvasRenderingContext2D;
    context.fillStyle = ground;
    context.fillRect(0, 0, all.width, all.height);
    for (const canvas of [this.ground, this.points.canvas, this.over]) context.drawImage(canvas, 0, 0);
    return new Promise((done, fail) => all.toBlob((blob) => (blob ? done(blob) : fail(new Error("The browser made no picture."))), "image/png"));
  }

  dispose(): void {
    this.observer.disconnect();
    this.points.dispose();
    this.host.replaceChildren();
  }

  private layer(): PointLayer {
    const wanted = new URLSearchParams(location.search).get("points");
    const made = () => Object.assign(document.createElement("canvas"), { className: "points" });
    let layer: PointLayer;
    try {
      if (wanted === "canvas" || (wanted !== "webgl" && !hasGraphicsCard())) throw new Error("none wanted");
      layer = new WebGlPoints(made());
    } catch {
      layer = new CanvasPoints(made());
    }
    layer.place(this.x, this.y, this.box);
    return layer;
  }

  private fallBack(): void {
    const layer = new CanvasPoints(Object.assign(document.createElement("canvas"), { className: "points" }));
    layer.place(this.x, this.y);
    if (this.marks) layer.mark(this.marks);
    this.points.canvas.replaceWith(layer.canvas);
    this.points = layer;
    this.ask();
  }

  private densityLines(): Path2D {
    const grid = gridded(this.x, this.y, square(this.box), 240, this.x.length < 5000 ? 2 : 1);
    return pathOf(levels(grid, CONTOURS).flatMap((level) => contour(grid, level)));
  }

  private measure(): void {
    this.size = { width: Math.max(1, this.host.clientWidth), height: Math.max(1, this.host.clientHeight) };
    this.home = fit(this.box, this.size);
  }

  private move(view: View): void {
    this.moveTo(view, () => this.told.view(this.view));
    this.told.moving(this.view);
  }

  private moveTo(view: View, rested: () => void): void {
    const scale = Math.min(1e5 * this.home.scale, Math.max(0.2 * this.home.scale, view.scale));
    this.view = view === this.home ? view : { ...view, scale };
    this.moving = true;
    clearTimeout(this.rest);
    this.rest = window.setTimeout(() => {
      this.moving = false;
      rested();
      this.ask();
    }, REST_AFTER);
    this.ask();
  }

  private ask(): void {
    if (this.asked) return;
    this.asked = true;
    requestAnimationFrame(() => {
      this.asked = false;
      this.paint(this.moving ? this.budget : Infinity);
    });
  }

  private paint(most: number): void {
    const started = performance.now();
    const ratio = Math.min(2, devicePixelRatio || 1);
    const zoomed = this.view.scale / this.home.scale;
    this.paintGround(ratio);
    const drawn = this.points.draw(this.view, this.size, ratio, sizeOf(this.x.length, zoomed), most);
    this.paintOver(ratio);
    const ms = performance.now() - started;
    if (this.moving && this.frames.length) {
      const since = started - this.frames[this.frames.length - 1].at; // WebGL draws on after this call
      const cost = this.points.kind === "Canvas" ? ms : Math.max(ms, since);
      if (since < 2000) this.budget = Math.max(FEWEST, this.budget * (cost > WANTED ? 0.75 : 1.15));
    }
    this.frames.push({ at: started, ms, points: drawn });
    if (this.frames.length > 600) this.frames.splice(0, 300);
  }

  private paintGround(ratio: number): void {
    const context = this.context(this.ground, ratio);
    const { scale } = this.view;
    const [left, top] = toScreen(this.view, this.size, 0, 0);
    if (this.picture) {
      const { box, image } = this.picture;
      const [over, down] = toScreen(this.view, this.size, box.left, box.top);
      const wide = (box.right - box.left) * scale;
      context.drawImage(image, over, down, wide, wide);
    }
    context.transform(scale, 0, 0, -scale, left, top);
    context.lineWidth = 2 / scale;
    for (const { colour, path } of this.outlines) {
      context.strokeStyle = colour;
      context.stroke(path);
    }
    if (this.lines) {
      context.lineWidth = 1 / scale;
      context.strokeStyle = this.dark ? "rgba(255,255,255,.22)" : "rgba(34,38,46,.22)";
      context.stroke(this.lines);
    }
  }

  private paintOver(ratio: number): void {
    const context = this.context(this.over, ratio);
    const { row, near, other, places, joined } = this.highlight;
    const at = (each: number): Point => toScreen(this.view, this.size, this.x[each], this.y[each]);
    const ink = this.dark ? "#f3f4f6" : "#22262e";
    const paper = this.dark ? "#14171c" : "#ffffff";
    for (const { way, saddle } of this.passes) {
      trail(context, way.map(at), ink, paper, 1);
      cross(context, at(saddle), ink, paper);
    }
    if (this.chosen.length) trail(context, this.chosen.map(at), "#ffa90e", paper, 3);
    for (const each of near) ring(context, at(each), 5, ink, paper, 1.5);
    if (other !== null) ring(context, at(other), 8, "#ffa90e", paper, 3);
    if (row !== null) ring(context, at(row), 8, ink, paper, 3);
    const seen = places.map(([x, y]) => toScreen(this.view, this.size, x, y));
    if (joined) trail(context, seen, ink, paper, 2);
    for (const place of seen) diamond(context, place, ink, paper);
    this.paintLabels(context, ink, paper);
    if (this.drawing) {
      context.beginPath();
      for (const point of this.drawing) context.lineTo(...toScreen(this.view, this.size, ...point));
      context.closePath();
      context.fillStyle = "rgba(63,144,218,.15)";
      context.fill();
      context.strokeStyle = "#3f90da";
      context.lineWidth = 1.5;
      context.stroke();
    }
  }

  private paintLabels(context: CanvasRenderingContext2D, ink: string, paper: string): void {
    context.font = "600 12px system-ui, sans-serif";
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.lineJoin = "round";
    const placed = placeLabels(this.labels, this.view, this.size, (text) => context.measureText(text).width);
    for (const { text, left, top, width } of placed) {
      const [middle, line] = [left + width / 2, top + 9];
      context.strokeStyle = paper;
      context.lineWidth = 3.5;
      context.strokeText(text, middle, line);
      context.fillStyle = ink;
      context.fillText(text, middle, line);
    }
  }

  private context(canvas: HTMLCanvasElement, ratio: number): CanvasRenderingContext2D {
    const [wide, high] = [Math.round(this.size.width * ratio), Math.round(this.size.height * ratio)];
    if (canvas.width !== wide || canvas.height !== high) [canvas.width, canvas.height] = [wide, high];
    const context = canvas.getContext("2d") as CanvasRenderingContext2D;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, this.size.width, this.size.height);
    return context;
  }

  /** Pan with one pointer, pinch with two, draw a lasso, pick on a tap. */
  private listen(): void {
    const pointers = new Map<number, Point>();
    let travelled = 0;
    const where = (event: PointerEvent | WheelEvent): Point => {
      const box = this.over.getBoundingClientRect();
      return [event.clientX - box.left, event.clientY - box.top];
    };
    this.over.className = "over";
    this.over.addEventListener("pointerdown", (event) => {
      this.over.setPointerCapture(event.pointerId);
      pointers.set(event.pointerId, where(event));
      travelled = 0;
      if ((this.lassoing || event.shiftKey) && pointers.size === 1) {
        this.drawing = [toMap(this.view, this.size, ...where(event))];
      }
    });
    this.over.addEventListener("pointermove", (event) => {
      const before = pointers.get(event.pointerId);
      const now = where(event);
      if (!before) return;
      travelled += Math.hypot(now[0] - before[0], now[1] - before[1]);
      pointers.set(event.pointerId, now);
      if (this.drawing) {
        this.drawing.push(toMap(this.view, this.size, ...now));
        this.ask();
      } else if (pointers.size === 1) {
        this.pan(before[0] - now[0], before[1] - now[1]);
      } else {
        const [other] = [...pointers].filter(([id]) => id !== event.pointerId).map(([, point]) => point);
        const factor = span(now, other) / (span(before, other) || 1);
        this.move(zoom(this.view, this.size, (now[0] + other[0]) / 2, (now[1] + other[1]) / 2, factor));
      }
    });
    const end = (event: PointerEvent) => {
      if (!pointers.delete(event.pointerId)) return;
      const drawn = this.drawing;
      this.drawing = null;
      if (drawn && drawn.length > 2 && travelled > REACH) this.told.lasso(drawn);
      else if (event.type === "pointerup" && travelled < 4) this.pick(where(event), event.ctrlKey || event.metaKey);
      this.ask();
    };
    this.over.addEventListener("pointerup", end);
    this.over.addEventListener("pointercancel", end);
    this.over.addEventListener(
      "wheel",
      (event) => {
        event.preventDefault();
        const step = event.deltaMode === 1 ? 30 * event.deltaY : event.deltaY;
        this.move(zoom(this.view, this.size, ...where(event), Math.exp(-0.0018 * Math.max(-300, Math.min(300, step)))));
      },
      { passive: false },
    );
    this.over.addEventListener("dblclick", (event) => this.move(zoom(this.view, this.size, event.offsetX, event.offsetY, 2)));
  }

  private pick(where: Point, second: boolean): void {
    const [x, y] = toMap(this.view, this.size, ...where);
    const row = this.cells.nearest(x, y, REACH / this.view.scale, () => true);
    this.told.pick(row < 0 ? null : row, second);
  }
}

const span = (a: Point, b: Point) => Math.hypot(a[0] - b[0], a[1] - b[1]);
