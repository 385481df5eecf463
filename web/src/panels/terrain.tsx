/** The energy as terrain: the passes between basins, and the way down from a row. */

import { useEffect, useState } from "preact/hooks";
import * as api from "../api";
import { figure, type Store } from "../store";
import type { Pass } from "../types";
import { Line, PatternView, usePatterns } from "./pattern";

const FIRST = 12;
const DRAWN = 12;

export function TerrainPanel({ store }: { store: Store }) {
  const { row, trail } = store.state;
  const [passes, put] = useState<Pass[]>();
  const [all, showAll] = useState(false);
  useEffect(() => void store.attempt(store.passes()).then((found) => found && put(found)), []);
  const descend = async () => {
    const rows = await store.attempt(api.wayDown(row!));
    if (rows) store.set({ trail: { rows, title: `Down from row ${figure(row)}` }, ground: "relief" });
  };
  return (
    <div>
      <section>
        <h3>Way down</h3>
        <p class="hint">Each step goes to the neighbour in the latent with the lowest energy.</p>
        <button disabled={row === null} onClick={() => void descend()}>{row === null ? "Click a point first" : `Down from row ${figure(row)}`}</button>
      </section>
      {trail && <Trail store={store} rows={trail.rows} title={trail.title} />}
      <section>
        <h3>Passes between basins that touch</h3>
        {!passes && <p class="hint">Loading…</p>}
        {passes?.length === 0 && <p class="hint">No two basins touch in the graph of neighbours.</p>}
        {passes && passes.length > 0 && (
          <table class="values jumps">
            <thead><tr><th>basins</th><th>energy</th><th>above the first</th><th>above the second</th></tr></thead>
            <tbody>
              {passes.slice(0, all ? undefined : FIRST).map((pass) => (
                <tr>
                  <td><button class="plain" onClick={() => store.set({ trail: { rows: pass.way, title: titleOf(store, pass) }, ground: "relief" })}>{titleOf(store, pass)}</button></td>
                  <td>{figure(pass.energy)}</td>
                  {pass.above.map((height) => <td>{figure(height)}</td>)}
                </tr>
              ))}
            </tbody>
          </table>
        )}
        {passes && passes.length > FIRST && <button class="plain" onClick={() => showAll(!all)}>{all ? "Show fewer" : `Show all ${passes.length}`}</button>}
      </section>
    </div>
  );
}

/** The way on the map, by its energies and what its rows look like. */
function Trail({ store, rows, title }: { store: Store; rows: number[]; title: string }) {
  const [energy, put] = useState<Float32Array>();
  useEffect(() => void store.attempt(store.values("energy")).then((values) => values && put(values as Float32Array)), []);
  const step = Math.max(1, (rows.length - 1) / (DRAWN - 1));
  const shown = rows.length <= DRAWN ? rows : Array.from({ length: DRAWN }, (_, i) => rows[Math.round(i * step)]);
  const drawn = ["image", "signal"].includes(store.overview.patterns);
  const patterns = usePatterns(store, drawn ? shown : []);
  return (
    <section class="trail">
      <h3>{title}</h3>
      {energy && rows.length > 1 && <Line values={rows.map((each) => energy[each])} />}
      {rows.length === 1 && <p class="hint">This row is a minimum: none of its neighbours is lower.</p>}
      <div class="drawn">
        {shown.map((each, i) => (
          <figure>
            <button class="exemplar" title={`row ${each}`} onClick={() => store.set({ row: each })}>
              {drawn ? <PatternView pattern={patterns?.[i]} small /> : `row ${figure(each)}`}
            </button>
            <figcaption>{energy ? `E ${figure(energy[each])}` : ""}</figcaption>
          </figure>
        ))}
      </div>
      <button onClick={() => store.set({ trail: null })}>Take it off the map</button>
    </section>
  );
}

function titleOf(store: Store, { basins }: Pass): string {
  const name = (number: number) => store.overview.basins.find((each) => each.number === number)?.name ?? `basin ${number}`;
  return basins.map(name).join(" – ");
}
