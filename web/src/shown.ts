/** Keeps a map to what the state says. */

import { useEffect } from "preact/hooks";
import * as api from "./api";
import { categoryColours } from "./colour";
import { outlines, regions, relief, square } from "./ground";
import { basinLabels } from "./labels";
import type { MapView } from "./map";
import type { Ground, Store } from "./store";
import type { Places } from "./view";

export const grounds = (store: Store): Ground[] => [
  "none",
  "density",
  ...(store.column("energy")?.kind === "number" ? (["relief"] as const) : []),
  ...(store.column("basin")?.kind === "category" ? (["regions"] as const) : []),
  ...(store.overview.charts ? (["charts"] as const) : []),
];

/** Keep a map to what the state says: that of the run, or of the one beside it with places of its own. */
export function useMap(store: Store, map: { current?: MapView }, ready: boolean, places: Places): void {
  const { colour, dark, ground, clauses, row, other, generated, lassoing, trail } = store.state;
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
    void store.attempt(layGround(store, ground, places)).then((picture) => wanted && map.current?.lay(picture ?? null, ground === "density"));
    return () => {
      wanted = false;
    };
  }, [ready, ground, dark]);
  useEffect(() => {
    const of = ground === "charts" ? "chart" : "basin";
    const column = store.column(of);
    if (!ready || column?.kind !== "category") return;
    const named = of === "chart" ? column.values!.map((value) => ({ number: Number(value), name: `chart ${value}`, size: 0 })) : store.overview.basins;
    let wanted = true;
    void store.attempt(store.values(of)).then(
      (codes) => wanted && codes && map.current?.name(basinLabels(named, codes as Uint16Array, column.values ?? [], places.x, places.y)),
    );
    return () => {
      wanted = false;
    };
  }, [ready, ground === "charts"]);
  useEffect(() => {
    if (!ready) return;
    const made = places === store.here ? (generated?.xy ?? []) : []; // on the map of the run that made them
    const joined = generated?.barrier !== undefined;
    map.current!.point({ row, other, near: [], places: made, joined });
    if (row === null) return;
    map.current!.reveal(row);
    let wanted = true;
    void api.neighbours(row, 8).then(
      ({ latent }) => wanted && map.current?.point({ row, other, near: latent.map((each) => each.row), places: made, joined }),
      () => undefined, // the panel of the row says what is wrong
    );
    return () => {
      wanted = false;
    };
  }, [ready, row, other, generated]);
  useEffect(() => {
    if (!ready) return;
    if (ground !== "relief" || !store.overview.terrain) return map.current!.walk([], trail?.rows ?? []);
    let wanted = true;
    void store.attempt(store.passes()).then((passes) => wanted && passes && map.current?.walk(passes, trail?.rows ?? []));
    return () => {
      wanted = false;
    };
  }, [ready, ground, trail]);
  useEffect(() => {
    if (ready) map.current!.lassoing = lassoing;
  }, [ready, lassoing]);
}

async function layGround(store: Store, ground: Ground, { x, y, box: around }: Places) {
  if (!grounds(store).includes(ground)) return null; // an address of another run
  const box = square(around);
  if (ground === "relief") return relief(x, y, (await store.values("energy")) as Float32Array, box);
  if (ground !== "regions" && ground !== "charts") return null;
  const name = ground === "charts" ? "chart" : "basin";
  const codes = (await store.values(name)) as Uint16Array;
  const colours = categoryColours(store.column(name)!, store.state.dark);
  const picture = regions(x, y, codes, colours, box);
  return ground === "charts" ? { ...picture, outlines: outlines(x, y, codes, colours, box) } : picture;
}

