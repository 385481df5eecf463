/** The map: ground, points and names in three canvases, and what pointer and keys do to them. */

import { cross, diamond, imageOf, pathOf, ring, trail } from "./drawing";
import { contour, gridded, levels, square, type Picture } from "./ground";
import { place as placeLabels, type Label } from "./labels";
import { listen, REACH, type Pointed } from "./pointing";
import { CanvasPoints } from "./points/canvas";
import { sizeOf, type Marks, type PointLayer } from "./points/layer";
import { svgOf } from "./svg";
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
const CONTOURS = 6;
const CHOSEN = "#ffa90e";

export class MapView implements Pointed {
  private readonly ground = document.createElement("canvas");
  private readonly over = document.createElement("canvas");
  private points: PointLayer;
  private readonly cells: Cells;
  private readonly contours: [Point, Point][];
  private home: View = { x: 0, y: 0, scale: 1 };
  private view: View;
  private size: Size = { width: 1, height: 1 };
  private budget = 200_000;
  private asked = false;
  private moving = false;
  private rest = 0;
  private picture: { image: HTMLCanvasElement; laid: Picture } | null = null;
  private lines: [Point, Point][] = [];
  private drawnLines: Path2D | null = null;
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
    this.over.className = "over";
    listen(this.over, this);
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
    this.lines = picture?.lines ?? (density ? this.contours : []);
    this.drawnLines = this.lines.length ? pathOf(this.lines) : null;
    this.outlines = (picture?.outlines ?? []).map(({ colour, segments }) => ({ colour, path: pathOf(segments) }));
    this.picture = picture && { image: imageOf(picture), laid: picture };
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
    this.zoomAt([this.size.width / 2, this.size.height / 2], factor);
  }

  zoomAt(where: Point, factor: number): void {
    this.move(zoom(this.view, this.size, ...where, factor));
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
  async picturePng(): Promise<Blob> {
    this.paint(Infinity);
    const all = document.createElement("canvas");
    [all.width, all.height] = [this.points.canvas.width, this.points.canvas.height];
    const context = all.getContext("2d") as CanvasRenderingContext2D;
    context.fillStyle = this.inks()[1];
    context.fillRect(0, 0, all.width, all.height);
    for (const canvas of [this.ground, this.points.canvas, this.over]) context.drawImage(canvas, 0, 0);
    return new Promise((done, fail) => all.toBlob((blob) => (blob ? done(blob) : fail(new Error("The browser made no picture."))), "image/png"));
  }

  /** The map as it is seen, as a drawing. */
  pictureSvg(): string {
    const { row, near, other, places, joined } = this.highlight;
    const [ink, paper] = this.inks();
    const measure = this.over.getContext("2d") as CanvasRenderingContext2D;
    const way = (rows: number[]): Point[] => rows.map((each) => [this.x[each], this.y[each]]);
    return svgOf({
      view: this.view,
      size: this.size,
      places: { x: this.x, y: this.y, box: this.box },
      marks: this.marks ?? { colours: new Uint8Array(3 * this.x.length), selected: null },
      pointSize: sizeOf(this.x.length, this.view.scale / this.home.scale),
      paper,
      ink,
      picture: this.picture && { ...this.picture.laid, href: this.picture.image.toDataURL() },
      lines: this.lines,
      labels: placeLabels(this.labels, this.view, this.size, (text) => measure.measureText(text).width),
      rings: [
        ...near.map((each) => ({ row: each, radius: 5, colour: ink })),
        ...(other === null ? [] : [{ row: other, radius: 8, colour: CHOSEN }]),
        ...(row === null ? [] : [{ row, radius: 8, colour: ink }]),
      ].filter((each) => Number.isFinite(this.x[each.row] + this.y[each.row])),
      trails: [
        ...this.passes.map((each) => ({ points: way(each.way), colour: ink, width: 1 })),
        ...(this.chosen.length ? [{ points: way(this.chosen), colour: CHOSEN, width: 3 }] : []),
        ...(joined ? [{ points: places, colour: ink, width: 2 }] : []),
      ],
    });
  }

  dispose(): void {
    this.observer.disconnect();
    this.points.dispose();
    this.host.replaceChildren();
  }

  private inks(): [string, string] {
    return this.dark ? ["#f3f4f6", "#14171c"] : ["#22262e", "#ffffff"];
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

  private densityLines(): [Point, Point][] {
    const grid = gridded(this.x, this.y, square(this.box), 240, this.x.length < 5000 ? 2 : 1);
    return levels(grid, CONTOURS).flatMap((level) => contour(grid, level));
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
    this.paintOver(ratio, drawn);
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
      const { laid: { box }, image } = this.picture;
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
    if (this.drawnLines) {
      context.lineWidth = 1 / scale;
      context.strokeStyle = this.dark ? "rgba(255,255,255,.22)" : "rgba(34,38,46,.22)";
      context.stroke(this.drawnLines);
    }
  }

  private paintOver(ratio: number, drawn: number): void {
    const context = this.context(this.over, ratio);
    const { row, near, other, places, joined } = this.highlight;
    const at = (each: number): Point => toScreen(this.view, this.size, this.x[each], this.y[each]);
    const [ink, paper] = this.inks();
    for (const { way, saddle } of this.passes) {
      trail(context, way.map(at), ink, paper, 1);
      cross(context, at(saddle), ink, paper);
    }
    if (this.chosen.length) trail(context, this.chosen.map(at), CHOSEN, paper, 3);
    for (const each of near) ring(context, at(each), 5, ink, paper, 1.5);
    if (other !== null) ring(context, at(other), 8, CHOSEN, paper, 3);
    if (row !== null) ring(context, at(row), 8, ink, paper, 3);
    const seen = places.map(([x, y]) => toScreen(this.view, this.size, x, y));
    if (joined) trail(context, seen, ink, paper, 2);
    for (const place of seen) diamond(context, place, ink, paper);
    this.paintLabels(context, ink, paper);
    if (drawn > 0 && drawn < this.x.length) {
      const [shown, all] = [Math.floor(drawn), this.x.length].map((count) => count.toLocaleString("en"));
      context.font = "12px system-ui, sans-serif";
      context.fillStyle = ink;
      context.fillText(`showing ${shown} of ${all} rows while the map moves`, this.size.width / 2, this.size.height - 16);
    }
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

  draw(where: Point): void {
    this.drawing = [...(this.drawing ?? []), toMap(this.view, this.size, ...where)];
    this.ask();
  }

  finish(counts: boolean): void {
    const drawn = this.drawing;
    this.drawing = null;
    if (drawn && drawn.length > 2 && counts) this.told.lasso(drawn);
    this.ask();
  }

  pick(where: Point, second: boolean): void {
    const [x, y] = toMap(this.view, this.size, ...where);
    const row = this.cells.nearest(x, y, REACH / this.view.scale, () => true);
    this.told.pick(row < 0 ? null : row, second);
  }
}
