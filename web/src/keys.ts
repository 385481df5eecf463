/** What keys do; `panels/help.tsx` says it. */

import { useEffect } from "preact/hooks";
import type { MapView } from "./map";
import { darken, saveDrawing, savePicture } from "./saving";
import { grounds } from "./shown";
import type { Store } from "./store";
import { tabsOf } from "./tabs";

const STEP = 60;

export function useKeys(store: Store, map: { current?: MapView }): void {
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      const typing = (event.target as HTMLElement).closest("input, textarea, select");
      if (event.key === "Escape") return escape(store, typing as HTMLElement | null);
      if (typing) return;
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z") return event.shiftKey ? store.redo() : store.undo();
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

export function actions(store: Store, map: MapView | undefined): Record<string, () => void> {
  const colours = store.overview.columns.filter((column) => column.kind === "number" || column.kind === "category").map((column) => column.name);
  const next = <T,>(all: T[], now: T): T => all[(all.indexOf(now) + 1) % all.length];
  const tabs = tabsOf(store);
  return {
    "?": () => store.set({ help: !store.state.help }),
    "/": () => document.getElementById("search")?.focus(),
    l: () => store.set({ lassoing: !store.state.lassoing }),
    d: () => darken(store),
    c: () => store.set({ colour: next(colours, store.state.colour) }),
    g: () => store.set({ ground: next(grounds(store), store.state.ground) }),
    p: () => void savePicture(store, map),
    s: () => saveDrawing(store, map),
    "[": () => store.set({ tab: tabs[(tabs.indexOf(store.state.tab) + tabs.length - 1) % tabs.length] }),
    "]": () => store.set({ tab: next(tabs, store.state.tab) }),
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
  else store.set({ row: null, other: null, generated: null, trail: null });
}
