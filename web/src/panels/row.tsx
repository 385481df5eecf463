/** One row: what it is, what is known of it, and who its neighbours are in the latent and in the data. */

import { useEffect, useState } from "preact/hooks";
import * as api from "../api";
import { figure, type Store } from "../store";
import type { Neighbours, NearRow, Row } from "../types";
import { PatternView, usePatterns } from "./pattern";

const SHOWN = 8;

export function RowPanel({ store, go }: { store: Store; go: (row: number) => void }) {
  const { row } = store.state;
  const { overview } = store;
  const [known, put] = useState<Row>();
  const [near, putNear] = useState<{ row: number; lists: Neighbours }>();
  const [pattern] = usePatterns(store, row === null || !showsPatterns(store, textOf(store)) ? [] : [row]) ?? [];
  const columns = overview.columns.filter((column) => column.kind !== "vector").map((column) => column.name);
  useEffect(() => {
    if (row === null) return;
    let wanted = true;
    void store.attempt(api.rows(columns, [row])).then((rows) => wanted && rows && put(rows[0]));
    void store.attempt(api.neighbours(row, SHOWN)).then((lists) => wanted && lists && putNear({ row, lists }));
    return () => {
      wanted = false;
    };
  }, [row]);
  if (row === null) return <p class="hint">Click a point of the map, or a line of the table, to see what it is.</p>;
  const lists = near?.row === row ? near.lists : undefined;
  const text = textOf(store);
  const about = known?.row === row ? known : undefined;
  return (
    <div class="row-panel">
      <div class="head">
        <h2>{String(about?.id ?? row)}</h2>
        <button onClick={() => go(row)}>Show on the map</button>
        {lists && lists.latent.length > 0 && (
          <button onClick={() => store.chooseRows("rows", `neighbours of ${about?.id ?? row}`, [row, ...lists.latent.map((each) => each.row)])}>
            Select neighbours
          </button>
        )}
      </div>
      {showsPatterns(store, text) && (
        <PatternView pattern={pattern} columns={overview.pattern_columns} />
      )}
      {text && about && <blockquote>{String(about[text] ?? "")}</blockquote>}
      <Near store={store} lists={lists} text={text} />
      <table class="values facts">
        {columns
          .filter((name) => name !== text)
          .map((name) => (
            <tr>
              <th>{name}</th>
              <td>{name === "id" ? String(about?.id ?? "") : figure(about?.[name])}</td>
            </tr>
          ))}
      </table>
    </div>
  );
}

/** The column that says in words what a row is. */
function textOf({ overview }: Store): string | undefined {
  return overview.text_column ?? overview.columns.find((column) => column.kind === "text" && column.name !== "id")?.name;
}

/** Pictures and signals always, numbers only where no words say more. */
function showsPatterns({ overview }: Store, text: string | undefined): boolean {
  return ["image", "signal"].includes(overview.patterns) || (overview.patterns === "table" && text === undefined);
}

function Near({ store, lists, text }: { store: Store; lists: Neighbours | undefined; text: string | undefined }) {
  if (!lists) return <div class="near-wait" />;
  if (!lists.latent.length && !lists.input.length) return <p class="hint">The run keeps no neighbours of this row.</p>;
  const kept = lists.input.filter((each) => each.shared).length;
  return (
    <div class="near" aria-label="Neighbours">
      <NearList store={store} title="In the latent" rows={lists.latent} text={text} yes="true: also near in the data" no="false: far in the data" />
      {lists.input.length > 0 && (
        <NearList store={store} title={`In the data, ${kept} kept`} rows={lists.input} text={text} yes="kept: also near in the latent" no="lost: far in the latent" />
      )}
    </div>
  );
}

function NearList(props: { store: Store; title: string; rows: NearRow[]; text?: string; yes: string; no: string }) {
  const { store, rows, text } = props;
  const numbers = rows.map((each) => each.row);
  const patterns = usePatterns(store, showsPatterns(store, text) ? numbers : []);
  const [texts, put] = useState<Row[]>();
  const label = store.column("label") ? "label" : store.column("basin_name") ? "basin_name" : "id";
  useEffect(() => {
    const columns = ["id", label, ...(text ? [text] : [])];
    void store.attempt(api.rows([...new Set(columns)], numbers)).then((found) => found && put(found));
  }, [numbers.join()]);
  return (
    <section>
      <h3>{props.title}</h3>
      <ol>
        {rows.map((each, i) => (
          <li>
            <button class="neighbour" onClick={() => store.show(each.row)} title={`distance ${figure(each.distance)}`}>
              <Mark shared={each.shared} yes={props.yes} no={props.no} />
              {showsPatterns(store, text) && <PatternView pattern={patterns?.[i]} small />}
              <span class={text ? "words" : ""}>
                {text ? String(texts?.[i]?.[text] ?? "") : figure(texts?.[i]?.[label])}
              </span>
            </button>
          </li>
        ))}
      </ol>
    </section>
  );
}

function Mark({ shared, yes, no }: { shared: boolean | null; yes: string; no: string }) {
  if (shared === null) return <span class="mark unknown" title="not known">·</span>;
  return <span class={shared ? "mark yes" : "mark no"} title={shared ? yes : no} aria-label={shared ? yes : no}>{shared ? "✓" : "✗"}</span>;
}
