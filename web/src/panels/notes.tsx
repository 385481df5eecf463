/** Remarks on rows; they are kept beside the run. */

import { useEffect, useState } from "preact/hooks";
import * as api from "../api";
import { toRows } from "../bits";
import { figure, type Store } from "../store";

export function NotesPanel({ store }: { store: Store }) {
  const [text, write] = useState("");
  const { annotations, row, clauses } = store.state;
  const load = () => void store.attempt(api.annotations()).then((found) => found && store.set({ annotations: found }));
  useEffect(load, []);
  const chosen = clauses.length ? toRows(store.selected!, store.overview.rows) : row === null ? [] : [row];
  const about = clauses.length ? `the ${figure(chosen.length)} selected rows` : row === null ? "" : "this row";
  const add = async (event: Event) => {
    event.preventDefault();
    if (await store.attempt(api.annotate(text, chosen))) {
      write("");
      load();
    }
  };
  return (
    <div>
      <form onSubmit={(event) => void add(event)}>
        <textarea rows={3} maxLength={2000} value={text} placeholder={about ? `A note on ${about}` : "Select rows, or click a point, to note something."} onInput={(event) => write(event.currentTarget.value)} />
        <button disabled={!text.trim() || !chosen.length}>Keep the note</button>
      </form>
      {annotations.map((note) => (
        <section class="note">
          <p>{note.text}</p>
          <div class="line-up">
            <small>{figure(note.rows.length)} rows, {note.created.slice(0, 10)}</small>
            <span class="grow" />
            <button onClick={() => store.chooseRows("rows", note.text.slice(0, 24), note.rows)}>Select</button>
            <button onClick={() => void store.attempt(api.forget(note.id)).then(load)}>Remove</button>
          </div>
        </section>
      ))}
      {!annotations.length && <p class="hint">No notes yet. They are kept in a file beside the run folder.</p>}
    </div>
  );
}
