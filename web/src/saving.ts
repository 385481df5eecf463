/** What leaves the page at the press of a button, and what the browser keeps. */

import { saveBlob } from "./api";
import type { MapView } from "./map";
import { remember } from "./permalink";
import type { Store } from "./store";

export function darken(store: Store): void {
  const dark = !store.state.dark;
  store.set({ dark });
  try {
    localStorage.setItem("latentatlas-dark", String(dark));
  } catch {
    // a page in a frame may keep nothing
  }
}

export async function savePicture(store: Store, map: MapView | undefined): Promise<void> {
  const picture = map && (await store.attempt(map.picturePng()));
  if (picture) saveBlob(picture, `${store.overview.folder}-map.png`);
}

export function saveDrawing(store: Store, map: MapView | undefined): void {
  if (map) saveBlob(new Blob([map.pictureSvg()], { type: "image/svg+xml" }), `${store.overview.folder}-map.svg`);
}

export async function copyLink(store: Store): Promise<void> {
  remember(store.link());
  await store.attempt(navigator.clipboard.writeText(location.href).catch(() => Promise.reject(new Error("The browser gave no access to the clipboard; copy the address instead."))));
}
