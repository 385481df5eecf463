/** Two runs of the same rows: how far rows moved, which neighbours they kept, and which moved most. */

import { useEffect, useState } from "preact/hooks";
import * as api from "../api";
import { base64 } from "../bits";
import { figure, keyOf, labelOf, type Store } from "../store";
import type { Moved, Row } from "../types";

const MOST = 12;
const SPACES: Record<string, string> = { map: "On the map", latent: "In the latent" };

export function ComparePanel({ store, go }: { store: Store; go: (row: number) => void }) {
  const { comparison, folder, rows } = store.overview;
  if (!comparison) return <p class="hint">Start with a second run: latentatlas explore RUN --compare OTHER.</p>;
  return (
    <div>
      <p class="hint">
        {figure(comparison.shared)} of {figure(rows)} rows of {folder} are among the {figure(comparison.rows)} of {comparison.folder}. The
        right map is turned, mirrored and scaled to lie over the left one as well as it can.
      </p>
      {Object.entries(comparison.moved).map(([space, moved]) => <Space store={store} space={space} moved={moved} />)}
      <Farthest store={store} go={go} />
    </div>
  );
}

function Space({ store, space, moved }: { store: Store; space: string; moved: Moved }) {
  const comparison = store.overview.comparison!;
  const far = { column: comparison.columns[`drift.${space}`], low: moved.p95 };
  return (
    <section>
      <h3>{SPACES[space]}</h3>
      <table class="values">
        <tr>
          <th>median drift, in neighbourhoods</th>
          <td>{figure(moved.median)}</td>
        </tr>
        <tr>
          <th>95 % drift less than</th>
          <td>{figure(moved.p95)}</td>
        </tr>
        <tr>
          <th>kept of {moved.k} neighbours</th>
          <td>{moved.kept === null ? "–" : `${(100 * moved.kept).toFixed(0)} %`}</td>
        </tr>
      </table>
      <div class="line-up">
        <button onClick={() => store.set({ colour: far.column })}>Colour by drift</button>
        <button onClick={() => store.set({ colour: comparison.columns[`kept.${space}`] })}>by kept neighbours</button>
        <button onClick={() => void store.filter(keyOf(far), labelOf(far), far)}>Select the farthest</button>
      </div>
    </section>
  );
}

/** The rows of the selection that moved most on the map. */
function Farthest({ store, go }: { store: Store; go: (row: number) => void }) {
  const [rows, put] = useState<Row[]>([]);
  const drift = store.overview.comparison!.columns["drift.map"];
  const { clauses } = store.state;
  useEffect(() => {
    let wanted = true;
    const query = { columns: ["id", drift], mask: base64(store.selected), order: drift, descending: true, offset: 0, limit: MOST };
    void store.attempt(api.page(query)).then((found) => wanted && found && put(found.filter((row) => row[drift] !== null)));
    return () => {
      wanted = false;
    };
  }, [clauses]);
  return (
    <section>
      <h3>Moved most{clauses.length ? ", of the selection" : ""}</h3>
      <ol class="plain-list">
        {rows.map((row) => (
          <li>
            <button
              class="neighbour"
              onClick={() => {
                store.set({ row: row.row });
                go(row.row);
              }}
            >
              <span class="name">{String(row.id)}</span>
              <span class="grow" />
              <span class="count">{figure(row[drift])}</span>
            </button>
          </li>
        ))}
      </ol>
      {!rows.length && <p class="hint">No row that is selected is in both runs.</p>}
    </section>
  );
}
