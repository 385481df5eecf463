/** The page: map on the left, what is known on the right. */

import { useEffect, useRef, useState } from "preact/hooks";
import { saveBlob } from "./api";
import { base64 } from "./bits";
import { categoryColours } from "./colour";
import { regions, relief, square } from "./ground";
import { basinLabels } from "./labels";
import { MapView } from "./map";
import { notebook } from "./notebook";
import { CertificatePanel } from "./panels/certificate";
import { FilterPanel } from "./panels/filter";
import { GeneratePanel } from "./panels/generate";
import { Help } from "./panels/help";
import { NotesPanel } from "./panels/notes";
import { RowPanel } from "./panels/row";
import { Search } from "./panels/search";
import { TablePanel } from "./panels/table";
import { TrainingPanel } from "./panels/training";
import * as api from "./api";
import { remember } from "./permalink";
import { figure, useStore, type Ground, type Store, type Tab } from "./store";

const TABS: [Tab, string][] = [
  ["filter", "Columns"], ["row", "Row"], ["table", "Table"], ["certificate", "Certificate"], ["training", "Training"],
  ["generate", "Generate"], ["notes", "Notes"],
];
const STEP = 60;

export function App({ store }: { store: Store }) {
  const state = useStore(store);
  const host = useRef<HTMLDivElement>(null);
  const map = useRef<MapView>();
  const [ready, put] = useState(false);
  useEffect(() => {
    const view = new MapView(host.current!, store.x, store.y, store.box, {
      pick: (row, second) => (second ? store.set({ other: row }) : store.show(row)),
      lasso: (polygon) => {
        store.choose(polygon);
        store.set({ lassoing: false });
      },
      view: (seen) => store.set({ view: seen }),
    }, state.view);
    map.current = view;
    Object.assign(window, { latentatlas: { store, map: view } });
    put(true);
    return () => view.dispose();
  }, []);
  useMap(store, map, ready);
  useKeys(store, map);
  useEffect(() => {
    remember(store.link());
  }, [state.view, state.colour, state.ground, state.row, state.clauses]);
  useEffect(() => notebook?.tell(base64(store.selected)), [state.clauses]);
  useEffect(() => {
    document.documentElement.dataset.theme = state.dark ? "dark" : "light";
  }, [state.dark]);
  const go = (row: number) => map.current?.go(row);
  return (
    <div class="page">
      <Header store={store} go={go} map={map} />
      <main>
        <div class={state.lassoing ? "map lassoing" : "map"}>
          <div class="canvases" ref={host} role="img" aria-label={`Map of ${figure(store.overview.rows)} rows`} tabIndex={0} />
          <Tools store={store} map={map} />
          <Chips store={store} />
        </div>
        <aside>
          <nav role="tablist">
            {TABS.filter(([tab]) => (tab !== "training" || store.overview.history) && (tab !== "generate" || store.overview.model) && (tab !== "notes" || !api.offline)).map(([tab, title]) => (
              <button role="tab" aria-selected={state.tab === tab} onClick={() => store.set({ tab })}>{title}</button>
            ))}
          </nav>
          <div class="panel" role="tabpanel"><Panel store={store} go={go} /></div>
        </aside>
      </main>
      {state.error && (
        <div class="error" role="alert">
          <span>{state.error}</span>
          <button onClick={() => store.set({ error: "" })}>Close</button>
        </div>
      )}
      {state.help && <Help close={() => store.set({ help: false })} />}
    </div>
  );
}

function Panel({ store, go }: { store: Store; go: (row: number) => void }) {
  switch (store.state.tab) {
    case "row":
      return <RowPanel store={store} go={go} />;
    case "filter":
      return <FilterPanel store={store} />;
    case "table":
      return <TablePanel store={store} />;
    case "certificate":
      return <CertificatePanel store={store} />;
    case "training":
      return <TrainingPanel store={store} />;
    case "generate":
      return <GeneratePanel store={store} />;
    case "notes":
      return <NotesPanel store={store} />;
  }
}

function Header({ store, go, map }: { store: Store; go: (row: number) => void; map: { current?: MapView } }) {
  const { overview, state } = store;
  const columns = overview.columns.filter((column) => column.kind === "number" || column.kind === "category");
  const { fail = 0, warn = 0, pass = 0 } = overview.verdicts;
  const verdict = fail ? `✗ ${fail} failed` : warn ? `! ${warn} warnings` : pass ? `✓ ${pass} passed` : "";
  return (
    <header>
      <h1 title={overview.folder}>{overview.name}</h1>
      <span class="rows-count">{figure(overview.rows)} {overview.rows === 1 ? "row" : "rows"}</span>
      {verdict && (
        <button class={fail ? "seal fail" : warn ? "seal warn" : "seal pass"} onClick={() => store.set({ tab: "certificate" })}>{verdict}</button>
      )}
      <label>
        Colour
        <select id="colour" value={state.colour} onChange={(event) => store.set({ colour: event.currentTarget.value })}>
          <option value="">none</option>
          {columns.map((column) => <option value={column.name}>{column.name}</option>)}
        </select>
      </label>
      <label>
        Ground
        <select id="ground" value={state.ground} onChange={(event) => store.set({ ground: event.currentTarget.value as Ground })}>
          {grounds(store).map((ground) => <option value={ground}>{ground}</option>)}
        </select>
      </label>
      <Search store={store} go={go} />
      <span class="grow" />
      <button title="Save the map as PNG (P)" onClick={() => void savePicture(store, map.current)}>PNG</button>
      {!notebook && <button title="Copy a link to what is seen" onClick={() => void copyLink(store)}>Link</button>}
      <button title="Dark or light (D)" aria-pressed={state.dark} onClick={() => darken(store)}>◐</button>
      <button title="Keys (?)" onClick={() => store.set({ help: true })}>?</button>
    </header>
  );
}

function Tools({ store, map }: { store: Store; map: { current?: MapView } }) {
  const { lassoing } = store.state;
  return (
    <div class="tools">
      <button title="Zoom in (+)" onClick={() => map.current?.zoomBy(1.5)}>+</button>
      <button title="Zoom out (−)" onClick={() => map.current?.zoomBy(1 / 1.5)}>−</button>
      <button title="The whole map (0)" onClick={() => map.current?.reset()}>⤢</button>
      <button title="Select with a lasso (L)" aria-pressed={lassoing} onClick={() => store.set({ lassoing: !lassoing })}>◌</button>
    </div>
  );
}

/** Why rows are selected; each reason can be taken away. */
function Chips({ store }: { store: Store }) {
  const { clauses } = store.state;
  return (
    <div class="chips" aria-live="polite">
      {clauses.length > 0 && <span class="selected">{figure(store.selectedSize)} of {figure(store.overview.rows)} selected</span>}
      {clauses.map((clause) => (
        <button title="Take this filter away" onClick={() => store.change(clause.key, null)}>{clause.label} ✕</button>
      ))}
      {clauses.length > 1 && <button onClick={() => store.clear()}>Clear all</button>}
      {store.canUndo && <button onClick={() => store.undo()}>Undo</button>}
    </div>
  );
}

const grounds = (store: Store): Ground[] => [
  "none",
  "density",
  ...(store.column("energy")?.kind === "number" ? (["relief"] as const) : []),
  ...(store.column("basin")?.kind === "category" ? (["regions"] as const) : []),
];

/** Keep the map to what the state says. */
function useMap(store: Store, map: { current?: MapView }, ready: boolean): void {
  const { colour, dark, ground, clauses, row, other, generated, lassoing } = store.state;
  useEffect(() => {
    if (!ready) return;
    let wanted = true;
    map.current!.dark = dark;
    void store.attempt(store.colours()).then((colours) => wanted && colours && map.current?.mark({ colours, selected: store.selected }));
    return () => {
      wanted = false;
    };
  }, [ready, colour, dark, clauses]);
  useEffect(() => {
    if (!ready) return;
    let wanted = true;
    void store.attempt(layGround(store, ground)).then((picture) => wanted && map.current?.lay(picture ?? null, ground === "density"));
    return () => {
      wanted = false;
    };
  }, [ready, ground, dark]);
  useEffect(() => {
    const basin = store.column("basin");
    if (!ready || basin?.kind !== "category") return;
    void store.attempt(store.values("basin")).then(
      (codes) => codes && map.current?.name(basinLabels(store.overview.basins, codes as Uint16Array, basin.values ?? [], store.x, store.y)),
    );
  }, [ready]);
  useEffect(() => {
    if (!ready) return;
    const places = generated?.xy ?? [];
    const joined = generated?.barrier !== undefined;
    map.current!.point({ row, other, near: [], places, joined });
    if (row === null) return;
    map.current!.reveal(row);
    let wanted = true;
    void api.neighbours(row, 8).then(
      ({ latent }) => wanted && map.current?.point({ row, other, near: latent.map((each) => each.row), places, joined }),
      () => undefined, // the panel of the row says what is wrong
    );
    return () => {
      wanted = false;
    };
  }, [ready, row, other, generated]);
  useEffect(() => {
    if (ready) map.current!.lassoing = lassoing;
  }, [ready, lassoing]);
}

async function layGround(store: Store, ground: Ground) {
  const box = square(store.box);
  if (ground === "relief") return relief(store.x, store.y, (await store.values("energy")) as Float32Array, box);
  if (ground !== "regions") return null;
  const column = store.column("basin")!;
  const codes = (await store.values("basin")) as Uint16Array;
  return regions(store.x, store.y, codes, categoryColours(column, store.state.dark), box);
}

function useKeys(store: Store, map: { current?: MapView }): void {
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      const typing = (event.target as HTMLElement).closest("input, textarea, select");
      if (event.key === "Escape") return escape(store, typing as HTMLElement | null);
      if (typing) return;
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z") return store.undo();
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const act = actions(store, map.current)[event.key.toLowerCase()];
      if (act) {
        event.preventDefault();
        act();
      }
    };
    addEventListener("keydown", pressed);
    return () => removeEventListener("keydown", pressed);
  }, []);
}

function actions(store: Store, map: MapView | undefined): Record<string, () => void> {
  const colours = store.overview.columns.filter((column) => column.kind === "number" || column.kind === "category").map((column) => column.name);
  const next = <T,>(all: T[], now: T): T => all[(all.indexOf(now) + 1) % all.length];
  return {
    "?": () => store.set({ help: !store.state.help }),
    "/": () => document.getElementById("search")?.focus(),
    l: () => store.set({ lassoing: !store.state.lassoing }),
    d: () => darken(store),
    c: () => store.set({ colour: next(colours, store.state.colour) }),
    g: () => store.set({ ground: next(grounds(store), store.state.ground) }),
    p: () => void savePicture(store, map),
    "0": () => map?.reset(),
    "+": () => map?.zoomBy(1.3),
    "=": () => map?.zoomBy(1.3),
    "-": () => map?.zoomBy(1 / 1.3),
    arrowleft: () => map?.pan(-STEP, 0),
    arrowright: () => map?.pan(STEP, 0),
    arrowup: () => map?.pan(0, -STEP),
    arrowdown: () => map?.pan(0, STEP),
  };
}

function escape(store: Store, typing: HTMLElement | null): void {
  if (store.state.help) store.set({ help: false });
  else if (typing) typing.blur();
  else if (store.state.lassoing) store.set({ lassoing: false });
  else if (store.state.clauses.length) store.clear();
  else store.set({ row: null, other: null, generated: null });
}

function darken(store: Store): void {
  const dark = !store.state.dark;
  store.set({ dark });
  try {
    localStorage.setItem("latentatlas-dark", String(dark));
  } catch {
    // a page in a frame may keep nothing
  }
}

async function savePicture(store: Store, map: MapView | undefined): Promise<void> {
  const picture = map && (await store.attempt(map.picturePng(store.state.dark ? "#14171c" : "#ffffff")));
  if (picture) saveBlob(picture, `${store.overview.folder}-map.png`);
}

async function copyLink(store: Store): Promise<void> {
  remember(store.link());
  await store.attempt(navigator.clipboard.writeText(location.href).catch(() => Promise.reject(new Error("The browser gave no access to the clipboard; copy the address instead."))));
}
