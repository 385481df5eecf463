/** What is seen, as the end of an address; read back, it is seen again. */

import { notebook } from "./notebook";
import type { Filter } from "./types";
import type { Point, View } from "./view";

export interface Seen {
  view?: View;
  colour?: string;
  ground?: string;
  row?: number;
  filters?: Filter[];
  lasso?: Point[];
  /** A lasso on the map of the run beside. */
  there?: Point[];
}

const short = (value: number) => Number(value.toPrecision(6));

export function written(seen: Seen): string {
  const parts = new URLSearchParams();
  if (seen.view) parts.set("view", [seen.view.x, seen.view.y, seen.view.scale].map(short).join(","));
  if (seen.colour) parts.set("colour", seen.colour);
  if (seen.ground) parts.set("ground", seen.ground);
  if (seen.row !== undefined) parts.set("row", String(seen.row));
  if (seen.filters?.length) parts.set("filters", JSON.stringify(seen.filters));
  if (seen.lasso) parts.set("lasso", corners(seen.lasso));
  if (seen.there) parts.set("there", corners(seen.there));
  return parts.toString();
}

/** What an address says; parts that it says wrongly are left out. */
export function read(hash: string): Seen {
  const parts = new URLSearchParams(hash.replace(/^#/, ""));
  const seen: Seen = {};
  const view = numbers(parts.get("view"));
  if (view.length === 3 && view[2] > 0) seen.view = { x: view[0], y: view[1], scale: view[2] };
  seen.colour = parts.get("colour") ?? undefined;
  seen.ground = parts.get("ground") ?? undefined;
  const row = Number(parts.get("row") ?? NaN);
  if (Number.isInteger(row) && row >= 0) seen.row = row;
  for (const name of ["lasso", "there"] as const) {
    const polygon = (parts.get(name) ?? "").split(";").map(numbers);
    if (polygon.length > 2 && polygon.every((point) => point.length === 2)) seen[name] = polygon as Point[];
  }
  try {
    const filters = JSON.parse(parts.get("filters") ?? "[]");
    if (Array.isArray(filters)) seen.filters = filters.filter((each) => typeof each?.column === "string");
  } catch {
    seen.filters = [];
  }
  return seen;
}

/** Let the address say what is seen; a frame in a notebook has none. */
export function remember(link: string): void {
  if (!notebook) history.replaceState(null, "", `#${link}`);
}

const corners = (polygon: Point[]) => thinned(polygon).map((point) => point.map(short).join(",")).join(";");

/** At most 200 corners of a polygon. */
function thinned(polygon: Point[]): Point[] {
  const step = Math.ceil(polygon.length / 200);
  return polygon.filter((_, i) => i % step === 0);
}

function numbers(text: string | null): number[] {
  const values = (text ?? "").split(",").map(Number);
  return text && values.every(Number.isFinite) ? values : [];
}
