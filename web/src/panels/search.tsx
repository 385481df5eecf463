/** One field to find rows: by id, by letters in a column, by meaning where texts were mapped. */

import { useState } from "preact/hooks";
import * as api from "../api";
import { base64 } from "../bits";
import { keyOf, labelOf, type Store } from "../store";

const HITS = 50;

export function Search({ store, go }: { store: Store; go: (row: number) => void }) {
  const { overview } = store;
  const lettered = overview.columns.filter((column) => column.name !== "id" && (column.kind === "text" || column.kind === "category"));
  const first = overview.text_column ?? lettered.find((column) => column.kind === "text")?.name;
  const [way, choose] = useState(first ? `in ${first}` : "id");
  const [text, write] = useState("");
  const find = async (event: Event) => {
    event.preventDefault();
    const wanted = text.trim();
    if (!wanted) return store.change("text", null);
    if (way.startsWith("in ")) {
      const filter = { column: way.slice(3), contains: wanted };
      return store.filter(keyOf(filter), labelOf(filter), filter);
    }
    const query = way === "id" ? { id: wanted, k: 1 } : { text: wanted, k: HITS, mask: base64(store.without("rows")) };
    const found = await store.attempt(api.search(query));
    if (!found) return;
    if (way === "id" && found.row !== null) {
      store.show(found.row);
      go(found.row);
    } else if (found.rows.length) {
      store.chooseRows("rows", `near “${wanted.slice(0, 20)}”`, found.rows);
      store.show(found.rows[0]);
    }
  };
  return (
    <form class="search" role="search" onSubmit={(event) => void find(event)}>
      <select aria-label="how to search" value={way} onChange={(event) => choose(event.currentTarget.value)}>
        {overview.vectors && <option value="id">id</option>}
        {overview.text_column && overview.model && <option value="meaning">meaning</option>}
        {lettered.map((column) => <option value={`in ${column.name}`}>in {column.name}</option>)}
      </select>
      <input id="search" type="search" placeholder="Search (/)" value={text} onInput={(event) => write(event.currentTarget.value)} />
    </form>
  );
}
