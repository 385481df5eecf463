/** One chart: its rows in its own coordinates, its codes, and how jumps lead to the charts beside it. */

import { useEffect, useRef, useState } from "preact/hooks";
import * as api from "../api";
import { has } from "../bits";
import { categoryColours } from "../colour";
import { figure, keyOf, type Store } from "../store";
import type { ChartPlaces, Charts, Orientation } from "../types";
import { bounds, fit, toMap, toScreen, Cells, type Size } from "../view";
import { PatternView, usePatterns } from "./pattern";

const HEIGHT = 250;
const DOT = 3;
const REACH = 12;

export function ChartsPanel({ store }: { store: Store }) {
  const [known, put] = useState<Charts>();
  const { chart } = store.state;
  useEffect(() => void store.attempt(api.charts()).then((found) => found && put(found)), []);
  if (!known) return <p class="hint">Loading…</p>;
  const here = known.charts[chart];
  const filter = { column: "chart", values: [String(chart)] };
  const colours = categoryColours(store.column("chart")!, store.state.dark);
  const code = store.column("chart")!.values!.indexOf(String(chart));
  return (
    <div>
      <div class="head">
        <i class="spot" style={{ background: colours[code] ?? "var(--faint)" }} />
        <select aria-label="chart" value={chart} onChange={(event) => store.set({ chart: Number(event.currentTarget.value) })}>
          {known.charts.map((each) => <option value={each.number}>chart {each.number}, {figure(each.size)} rows</option>)}
        </select>
        <button disabled={here.size === 0} onClick={() => void store.filter(keyOf(filter), `chart ${chart}`, filter)}>Select its rows</button>
      </div>
      <Plane store={store} number={chart} axes={known.axes} />
      {here.entropy !== null && <p class="hint">Mean routing entropy {figure(here.entropy)}: 0 is in this chart alone, 1 in all alike.</p>}
      <Codes store={store} codes={here.codes} />
      <Jumps store={store} known={known} number={chart} />
    </div>
  );
}

/** The rows of a chart in two of its axes; a click shows a row. */
function Plane({ store, number, axes }: { store: Store; number: number; axes: number }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [known, put] = useState<{ number: number; places: ChartPlaces }>();
  const [pair, choose] = useState<[number, number]>([0, axes > 1 ? 1 : 0]);
  const { colour, dark, clauses, row } = store.state;
  useEffect(() => {
    let wanted = true;
    void store.attempt(api.chart(number)).then((places) => wanted && places && put({ number, places }));
    return () => {
      wanted = false;
    };
  }, [number]);
  const places = known?.number === number ? known.places : undefined;
  const shown = places && seen(places, pair, { width: canvas.current?.clientWidth || 380, height: HEIGHT });
  useEffect(() => {
    let wanted = true;
    if (shown) void store.attempt(store.colours()).then((colours) => wanted && colours && draw(canvas.current!, shown, colours, store));
    return () => {
      wanted = false;
    };
  }, [places, pair, colour, dark, clauses, row]);
  const pick = (event: MouseEvent) => {
    if (!shown) return;
    const [x, y] = toMap(shown.view, shown.size, event.offsetX, event.offsetY);
    const found = new Cells(shown.x, shown.y, shown.box).nearest(x, y, REACH / shown.view.scale, () => true);
    if (found >= 0) store.set({ row: shown.rows[found] });
  };
  return (
    <section>
      <canvas ref={canvas} class="plane" style={{ height: `${HEIGHT}px` }} role="img" aria-label={`Rows of chart ${number} in its own coordinates`} onClick={pick} />
      {axes > 2 && (
        <div class="line-up">
          {pair.map((axis, side) => (
            <select aria-label={side ? "axis upwards" : "axis to the right"} value={axis} onChange={(event) => {
              const next: [number, number] = [...pair];
              next[side] = Number(event.currentTarget.value);
              choose(next);
            }}>
              {Array.from({ length: axes }, (_, each) => <option value={each}>axis {each}</option>)}
            </select>
          ))}
        </div>
      )}
    </section>
  );
}

interface Seen {
  rows: number[];
  x: Float32Array;
  y: Float32Array;
  box: ReturnType<typeof bounds>;
  view: ReturnType<typeof fit>;
  size: Size;
}

/** Two axes of a chart, of one scale; a chart of one axis is a line. */
function seen({ rows, axes }: ChartPlaces, [across, up]: [number, number], size: Size): Seen {
  const x = Float32Array.from(axes[across]);
  const y = axes.length > 1 ? Float32Array.from(axes[up]) : new Float32Array(x.length);
  const box = bounds(x, y);
  return { rows, x, y, box, view: fit(box, size), size };
}

function draw(canvas: HTMLCanvasElement, { rows, x, y, view, size }: Seen, colours: Uint8Array, store: Store): void {
  const ratio = Math.min(2, devicePixelRatio || 1);
  [canvas.width, canvas.height] = [size.width * ratio, size.height * ratio];
  const context = canvas.getContext("2d") as CanvasRenderingContext2D;
  context.scale(ratio, ratio);
  const { selected } = store;
  rows.forEach((row, i) => {
    const [left, top] = toScreen(view, size, x[i], y[i]);
    context.globalAlpha = selected === null || has(selected, row) ? 0.85 : 0.12;
    context.fillStyle = `rgb(${colours[3 * row]},${colours[3 * row + 1]},${colours[3 * row + 2]})`;
    context.fillRect(left - DOT / 2, top - DOT / 2, DOT, DOT);
  });
  const at = rows.indexOf(store.state.row ?? -1);
  if (at < 0) return;
  context.globalAlpha = 1;
  context.strokeStyle = store.state.dark ? "#f3f4f6" : "#22262e";
  context.lineWidth = 2;
  const [left, top] = toScreen(view, size, x[at], y[at]);
  context.strokeRect(left - 5, top - 5, 10, 10);
}

/** Each code of the chart by the row nearest to it. */
function Codes({ store, codes }: { store: Store; codes: Charts["charts"][number]["codes"] }) {
  const patterns = usePatterns(store, codes.map((each) => each.row));
  if (!codes.length) return null;
  const drawn = ["image", "signal", "table"].includes(store.overview.patterns);
  return (
    <section>
      <h3>Codes, by the rows nearest to them</h3>
      <div class="drawn">
        {codes.map((code, i) => (
          <figure>
            <button class="exemplar" title={`row ${code.row}`} onClick={() => store.set({ row: code.row })}>
              {drawn ? <PatternView pattern={patterns?.[i]} small /> : `row ${figure(code.row)}`}
            </button>
            <figcaption>{code.number} · {figure(code.size)}</figcaption>
          </figure>
        ))}
      </div>
    </section>
  );
}

function Jumps({ store, known, number }: { store: Store; known: Charts; number: number }) {
  const away = known.transitions.filter((each) => each.source === number);
  if (!known.transitions.length) return <p class="hint">This run keeps no transitions between charts.</p>;
  return (
    <section>
      <h3>Jumps to charts that share rows</h3>
      {away.length > 0 && (
        <table class="values jumps">
          <thead>
            <tr><th>to</th><th>rows</th><th>error</th><th>R²</th><th>orientation</th></tr>
          </thead>
          <tbody>
            {away.map((each) => (
              <tr>
                <td><button class="plain" onClick={() => store.set({ chart: each.target })}>chart {each.target}</button></td>
                <td>{figure(each.rows)}</td>
                <td>{figure(each.error)}</td>
                <td>{each.explained === null ? "–" : each.explained.toFixed(2)}</td>
                <td>{signs(known.orientation, number, each.target)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {!away.length && <p class="hint">This chart shares no rows with another.</p>}
      <p class="hint">{verdict(known.orientation)}</p>
    </section>
  );
}

/** What happens to orientation in each piece of an overlap; in brackets where its rows disagree. */
function signs(orientation: Orientation | null, a: number, b: number): string {
  const pieces = (orientation?.overlaps ?? []).filter(({ charts }) => charts.includes(a) && charts.includes(b));
  const word = (sign: number) => (sign > 0 ? "kept" : "turned");
  return pieces.map(({ sign, agreement }) => (agreement < 0.5 ? `(${word(sign)})` : word(sign))).join(", ") || "not known";
}

function verdict(orientation: Orientation | null): string {
  if (!orientation) return "Whether the charts can be turned alike is not known: they have many axes, or share too few rows.";
  if (orientation.orientable === null) return "Whether the charts can be turned alike is not known: some overlaps are unclear.";
  const found = orientation.orientable ? "The charts can be turned alike" : "The charts cannot be turned alike";
  return `${found}, as far as the ${orientation.overlaps.length} overlaps tell; charts that share too few rows count as apart.`;
}
