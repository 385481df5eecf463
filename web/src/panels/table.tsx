/** The selected rows as a table, page by page. */

import { useEffect, useState } from "preact/hooks";
import * as api from "../api";
import { base64 } from "../bits";
import { figure, type Store } from "../store";
import type { Row } from "../types";

const PAGE = 50;
const FIRST = ["id", "label", "basin_name", "energy", "anomaly_p", "trust"];

export function TablePanel({ store }: { store: Store }) {
  const names = store.overview.columns.filter((column) => column.kind !== "vector").map((column) => column.name);
  const first = FIRST.filter((name) => names.includes(name));
  const columns = [...first, ...names.filter((name) => !first.includes(name))];
  const [order, sort] = useState<{ name: string | null; descending: boolean }>({ name: null, descending: false });
  const [offset, turn] = useState(0);
  const [rows, put] = useState<Row[]>([]);
  const { clauses } = store.state;
  useEffect(() => turn(0), [clauses, order]);
  useEffect(() => {
    let wanted = true;
    const query = { columns, mask: base64(store.selected), order: order.name, descending: order.descending, offset, limit: PAGE };
    void store.attempt(api.page(query)).then((found) => wanted && found && put(found));
    return () => {
      wanted = false;
    };
  }, [clauses, order, offset]);
  const last = Math.min(offset + PAGE, store.selectedSize);
  const name = `${store.overview.folder}-selection`;
  return (
    <div class="table-panel">
      <div class="head">
        <button disabled={offset === 0} onClick={() => turn(Math.max(0, offset - PAGE))} aria-label="previous rows">‹</button>
        <span>{store.selectedSize ? `${figure(offset + 1)}–${figure(last)} of ${figure(store.selectedSize)}` : "no rows"}</span>
        <button disabled={last >= store.selectedSize} onClick={() => turn(offset + PAGE)} aria-label="next rows">›</button>
        <span class="grow" />
        <button onClick={() => void store.attempt(api.save("csv", base64(store.selected), name))}>CSV</button>
        {!api.offline && <button onClick={() => void store.attempt(api.save("parquet", base64(store.selected), name))}>Parquet</button>}
      </div>
      <div class="scroll">
        <table class="rows">
          <thead>
            <tr>
              {columns.map((column) => (
                <th aria-sort={order.name === column ? (order.descending ? "descending" : "ascending") : "none"}>
                  <button onClick={() => sort({ name: column, descending: order.name === column && !order.descending })}>
                    {column} {order.name === column ? (order.descending ? "▾" : "▴") : ""}
                  </button>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <tr class={row.row === store.state.row ? "chosen" : ""} onClick={() => store.show(row.row)}>
                {columns.map((column) => <td>{column === "id" ? String(row.id) : figure(row[column])}</td>)}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </div>
  );
}
