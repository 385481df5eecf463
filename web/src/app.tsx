/** The page: map on the left, what is known on the right. */

import { useEffect, useRef, useState } from "preact/hooks";
import { base64 } from "./bits";
import { useKeys } from "./keys";
import { MapView } from "./map";
import { notebook } from "./notebook";
import { CertificatePanel } from "./panels/certificate";
import { ChartsPanel } from "./panels/charts";
import { ComparePanel } from "./panels/compare";
import { FilterPanel } from "./panels/filter";
import { GeneratePanel } from "./panels/generate";
import { Help } from "./panels/help";
import { NotesPanel } from "./panels/notes";
import { RowPanel } from "./panels/row";
import { Search } from "./panels/search";
import { TablePanel } from "./panels/table";
import { TerrainPanel } from "./panels/terrain";
import { TrainingPanel } from "./panels/training";
import { remember } from "./permalink";
import { copyLink, darken, saveDrawing, savePicture } from "./saving";
import { grounds, useMap } from "./shown";
import { figure, useStore, type Ground, type Store } from "./store";
import { tabsOf, TITLES } from "./tabs";
import type { Places, View } from "./view";

type MapRef = { current?: MapView };

export function App({ store }: { store: Store }) {
  const state = useStore(store);
  const map: MapRef = useRef<MapView>();
  const there: MapRef = useRef<MapView>();
  useEffect(() => {
    Object.assign(window, { latentatlas: { store, map: map.current, there: there.current } });
  }, []);
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
        <div class={`map${state.lassoing ? " lassoing" : ""}${store.there ? " two" : ""}`}>
          <Pane store={store} places={store.here} map={map} moving={(view) => there.current?.follow(view)} name={store.there ? store.overview.folder : ""} />
          {store.there && <Pane store={store} places={store.there} map={there} moving={(view) => map.current?.follow(view)} name={store.overview.comparison!.folder} />}
          <Tools store={store} map={map} />
          <Chips store={store} />
        </div>
        <aside>
          <nav role="tablist">
            {tabsOf(store).map((tab) => (
              <button role="tab" aria-selected={state.tab === tab} onClick={() => store.set({ tab })}>{TITLES[tab]}</button>
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

/** One map: of the run, or of the run beside it. */
function Pane({ store, places, map, moving, name }: { store: Store; places: Places; map: MapRef; moving: (view: View) => void; name: string }) {
  const host = useRef<HTMLDivElement>(null);
  const [ready, put] = useState(false);
  useEffect(() => {
    const told = {
      pick: (row: number | null, second: boolean) => (second ? store.set({ other: row }) : store.show(row)),
      lasso: (polygon: [number, number][]) => {
        store.choose(polygon, places);
        store.set({ lassoing: false });
      },
      view: (seen: View) => store.set({ view: seen }),
      moving,
    };
    const view = new MapView(host.current!, places.x, places.y, places.box, told, store.state.view);
    map.current = view;
    put(true);
    return () => view.dispose();
  }, []);
  useMap(store, map, ready, places);
  return (
    <div class="pane">
      <div class="canvases" ref={host} role="img" aria-label={`Map of ${figure(store.overview.rows)} rows ${name}`} tabIndex={0} />
      {name && <span class="caption">{name}</span>}
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
    case "charts":
      return <ChartsPanel store={store} />;
    case "terrain":
      return <TerrainPanel store={store} />;
    case "compare":
      return <ComparePanel store={store} go={go} />;
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

function Header({ store, go, map }: { store: Store; go: (row: number) => void; map: MapRef }) {
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
      <button title="Save the map as SVG (S)" onClick={() => saveDrawing(store, map.current)}>SVG</button>
      {!notebook && <button title="Copy a link to what is seen" onClick={() => void copyLink(store)}>Link</button>}
      <button title="Dark or light (D)" aria-pressed={state.dark} onClick={() => darken(store)}>◐</button>
      <button title="Keys (?)" onClick={() => store.set({ help: true })}>?</button>
    </header>
  );
}

function Tools({ store, map }: { store: Store; map: MapRef }) {
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
      {store.canRedo && <button onClick={() => store.redo()}>Redo</button>}
    </div>
  );
}

