/** What colours mean, and histograms that are filters: each shows what the others select. */

import { useEffect, useRef, useState } from "preact/hooks";
import * as api from "../api";
import { base64 } from "../bits";
import { categoryColours, scaleEnds, viridis } from "../colour";
import { figure, keyOf, labelOf, type Store } from "../store";
import type { Column, Counts, Filter } from "../types";

const BINS = 40;
const USUAL = ["energy", "anomaly_p", "trust", "prominence", "ambiguity"];
const FIRST_VALUES = 30;
const LAST = ["id", "x", "y"];

export function FilterPanel({ store }: { store: Store }) {
  const { columns } = store.overview;
  const shown = columns.filter((column) => column.kind === "number" || column.kind === "category");
  const [open, put] = useState<Set<string>>(() => {
    const there = USUAL.filter((name) => store.column(name));
    return new Set([store.state.colour, ...there].filter(Boolean));
  });
  const toggle = (name: string) => {
    const next = new Set(open);
    if (!next.delete(name)) next.add(name);
    put(next);
  };
  const rank = ({ name }: Column) => (name === store.state.colour ? 0 : open.has(name) ? 1 : LAST.includes(name) ? 3 : 2);
  const order = [...shown].sort((a, b) => rank(a) - rank(b));
  return (
    <div>
      {order.map((column) => {
        const visible = open.has(column.name) || column.name === store.state.colour;
        return (
          <section class={visible ? "column open" : "column"}>
            <h3>
              <button class="fold" aria-expanded={visible} onClick={() => toggle(column.name)}>
                {visible ? "▾" : "▸"} {column.name}
              </button>
              {column.missing ? <small>{figure(column.missing)} missing</small> : null}
            </h3>
            {visible && <Distribution store={store} column={column} />}
          </section>
        );
      })}
    </div>
  );
}

function Distribution({ store, column }: { store: Store; column: Column }) {
  const [counts, put] = useState<Counts>();
  const key = keyOf({ column: column.name });
  const others = store.state.clauses.filter((clause) => clause.key !== key);
  const nothing = column.kind === "number" && column.low === undefined;
  useEffect(() => {
    let wanted = true;
    if (nothing) return;
    const mask = base64(store.without(key));
    void store.attempt(api.counts(column.name, BINS, mask)).then((found) => wanted && found && put(found));
    return () => {
      wanted = false;
    };
  }, [column.name, others.map((clause) => `${clause.key} ${clause.made}`).join()]);
  if (nothing) return <p class="hint">No row has a value here.</p>;
  if (!counts) return <div class="histogram" />;
  return column.kind === "category" ? (
    <Categories store={store} column={column} counts={counts} />
  ) : (
    <Histogram store={store} column={column} counts={counts} />
  );
}

function Categories({ store, column, counts }: { store: Store; column: Column; counts: Counts }) {
  const [all, showAll] = useState(false);
  const values = column.values ?? [];
  const coloured = column.name === store.state.colour;
  const colours = categoryColours(column, store.state.dark);
  const order = values.map((_, code) => code);
  if (values.length > 20) order.sort((a, b) => counts.total[b] - counts.total[a]);
  const most = Math.max(1, ...counts.total);
  const clause = store.state.clauses.find((each) => each.key === keyOf({ column: column.name }));
  const chosen = new Set(clause?.filter && "values" in clause.filter ? clause.filter.values : []);
  const toggle = (value: string) => {
    const next = new Set(chosen);
    if (!next.delete(value)) next.add(value);
    choose(store, { column: column.name, values: [...next] }, next.size === 0);
  };
  return (
    <div class="categories">
      {order.slice(0, all ? undefined : FIRST_VALUES).map((code) => (
        <button class={chosen.has(values[code]) ? "category chosen" : "category"} aria-pressed={chosen.has(values[code])} onClick={() => toggle(values[code])}>
          <i style={{ background: coloured ? colours[code] : "var(--faint)" }} />
          <span class="name">{values[code] || "(empty)"}</span>
          <span class="bar">
            <b style={{ width: `${(100 * counts.total[code]) / most}%` }} />
            <b class="in" style={{ width: `${(100 * counts.selected[code]) / most}%` }} />
          </span>
          <span class="count">{figure(counts.selected[code])}</span>
        </button>
      ))}
      {values.length > FIRST_VALUES && (
        <button class="plain" onClick={() => showAll(!all)}>{all ? "Show fewer" : `Show all ${values.length}`}</button>
      )}
    </div>
  );
}

function Histogram({ store, column, counts }: { store: Store; column: Column; counts: Counts }) {
  const box = useRef<SVGSVGElement>(null);
  const [drag, put] = useState<[number, number] | null>(null);
  const edges = counts.edges ?? [];
  const [low, high] = [edges[0], edges[edges.length - 1]];
  const most = Math.max(1, ...counts.total);
  const clause = store.state.clauses.find((each) => each.key === keyOf({ column: column.name }));
  const filter = clause?.filter && "low" in clause.filter ? clause.filter : null;
  const part = (value: number) => (100 * (value - low)) / (high - low || 1);
  const range = drag ?? (filter ? [part(filter.low ?? low), part(filter.high ?? high)] : null);
  const at = (event: PointerEvent): number => {
    const { left, width } = box.current!.getBoundingClientRect();
    return Math.min(100, Math.max(0, (100 * (event.clientX - left)) / width));
  };
  const end = () => {
    if (!drag) return;
    const [from, to] = [Math.min(...drag), Math.max(...drag)];
    const value = (place: number) => low + ((high - low) * place) / 100;
    put(null);
    choose(store, { column: column.name, low: value(from), high: value(to) }, to - from < 1);
  };
  const stops = column.name === store.state.colour ? <Scale store={store} column={column} /> : null;
  return (
    <div class="histogram">
      <svg ref={box} viewBox="0 0 100 40" preserveAspectRatio="none" role="img" aria-label={`Histogram of ${column.name}; drag to filter`}
        onPointerDown={(event) => {
          (event.currentTarget as Element).setPointerCapture(event.pointerId);
          put([at(event), at(event)]);
        }}
        onPointerMove={(event) => drag && put([drag[0], at(event)])}
        onPointerUp={end}
        onPointerCancel={() => put(null)}
      >
        {counts.total.map((count, bin) => {
          const wide = 100 / counts.total.length;
          const tall = (value: number) => (value ? Math.max(0.6, (40 * value) / most) : 0);
          return (
            <>
              <rect class="all" x={bin * wide} width={wide * 0.92} y={40 - tall(count)} height={tall(count)} />
              <rect class="in" x={bin * wide} width={wide * 0.92} y={40 - tall(counts.selected[bin])} height={tall(counts.selected[bin])} />
            </>
          );
        })}
        {range && <rect class="range" x={Math.min(...range)} width={Math.abs(range[1] - range[0])} y={0} height={40} />}
      </svg>
      {stops}
      <div class="ends"><span>{figure(low)}</span><span>{figure(high)}</span></div>
    </div>
  );
}

/** Where the colours of a number begin and end. */
function Scale({ store, column }: { store: Store; column: Column }) {
  const [ends, put] = useState<[number, number]>();
  useEffect(() => {
    void store.attempt(store.values(column.name)).then((values) => values && put(scaleEnds(values as Float32Array)));
  }, [column.name]);
  const [low, high] = [column.low ?? 0, column.high ?? 1];
  if (!ends || high <= low) return null;
  const at = (value: number) => (100 * (value - low)) / (high - low);
  const stops = Array.from({ length: 9 }, (_, i) => {
    const place = at(ends[0]) + ((at(ends[1]) - at(ends[0])) * i) / 8;
    return `rgb(${viridis(i / 8).join()}) ${place.toFixed(1)}%`;
  });
  return <div class="scale" style={{ background: `linear-gradient(90deg, ${stops.join()})` }} />;
}

function choose(store: Store, filter: Filter, nothing: boolean): void {
  const key = keyOf(filter);
  if (nothing) store.change(key, null);
  else void store.filter(key, labelOf(filter), filter);
}
