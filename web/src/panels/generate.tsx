/** New patterns: drawn from a basin, recalled from a corrupted row, or on the way between two rows. */

import { useState } from "preact/hooks";
import * as api from "../api";
import { figure, type Store } from "../store";
import type { Generated } from "../types";
import { Line, PatternView } from "./pattern";

const DRAWN = 12;
const STEPS = 12;
const CAPTIONS = ["as it is", "with noise", "recalled"];

type Kind = "sample" | "recall" | "path";

export function GeneratePanel({ store }: { store: Store }) {
  const { row, other, generated } = store.state;
  const [basin, chooseBasin] = useState("");
  const [noise, chooseNoise] = useState(1);
  const [seed, count] = useState(0);
  const [kind, put] = useState<Kind | null>(null);
  const [busy, wait] = useState(false);
  if (!store.overview.model) return <p class="hint">This run holds no model. Fit one: latentatlas fit.</p>;
  const ask = async (what: Kind, work: () => Promise<Generated>) => {
    wait(true);
    const found = await store.attempt(work());
    wait(false);
    if (!found) return;
    put(what);
    count(seed + 1);
    store.set({ generated: found });
  };
  const noRow = row === null ? "Click a point first." : "";
  const noOther = row === null || other === null ? "Click a point, and another one with Ctrl held." : "";
  return (
    <div>
      <section>
        <h3>Sample</h3>
        <div class="line-up">
          <select aria-label="basin" value={basin} onChange={(event) => chooseBasin(event.currentTarget.value)}>
            <option value="">all basins</option>
            {store.overview.basins.map((each) => <option value={each.number}>{each.name}</option>)}
          </select>
          <button disabled={busy} onClick={() => void ask("sample", () => api.sample(DRAWN, basin === "" ? null : Number(basin), seed))}>Draw {DRAWN}</button>
        </div>
      </section>
      <section>
        <h3>Recall</h3>
        <div class="line-up">
          <label>
            noise {noise.toFixed(1)} s.d.
            <input type="range" min="0" max="3" step="0.1" value={noise} onInput={(event) => chooseNoise(Number(event.currentTarget.value))} />
          </label>
          <button disabled={busy || row === null} title={noRow} onClick={() => void ask("recall", () => api.recall(row!, noise, seed))}>Recall this row</button>
        </div>
        {noRow && <p class="hint">{noRow}</p>}
      </section>
      <section>
        <h3>Path of low energy</h3>
        <button disabled={busy || row === null || other === null} title={noOther} onClick={() => void ask("path", () => api.path(row!, other!, STEPS))}>
          {noOther ? "Between two rows" : `From row ${figure(row)} to ${figure(other)}`}
        </button>
        {noOther && <p class="hint">{noOther}</p>}
      </section>
      {busy && <p class="hint">The model is at work; the first time it is loaded, which takes seconds…</p>}
      {generated && kind && <Results store={store} found={generated} kind={kind} />}
    </div>
  );
}

function Results({ store, found, kind }: { store: Store; found: Generated; kind: Kind }) {
  const empty = store.overview.patterns === "text";
  return (
    <section class="results">
      {empty && <p class="hint">Vectors of texts cannot be written out as texts; the map shows where they lie.</p>}
      {kind === "path" && (
        <>
          <Line values={found.energy} />
          <p class="hint">Barrier {figure(found.barrier)}, on the straight line {figure(found.straight)}.</p>
        </>
      )}
      <div class="drawn">
        {found.patterns.map((pattern, i) => (
          <figure>
            {!empty && <PatternView pattern={pattern} small />}
            <figcaption>{kind === "recall" ? CAPTIONS[i] : `E ${figure(found.energy[i])}`}</figcaption>
          </figure>
        ))}
      </div>
      <button onClick={() => store.set({ generated: null })}>Take them off the map</button>
    </section>
  );
}
