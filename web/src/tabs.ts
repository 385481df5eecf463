/** The panels, and which of them have anything to show. */

import { offline } from "./api";
import type { Store, Tab } from "./store";

export const TITLES: Record<Tab, string> = {
  filter: "Columns",
  row: "Row",
  table: "Table",
  charts: "Charts",
  terrain: "Terrain",
  compare: "Compare",
  certificate: "Certificate",
  training: "Training",
  generate: "Generate",
  notes: "Notes",
};

export const tabsOf = (store: Store): Tab[] => (Object.keys(TITLES) as Tab[]).filter((tab) => offered(store, tab));

function offered({ overview }: Store, tab: Tab): boolean {
  if (tab === "training") return overview.history;
  if (tab === "generate") return overview.model;
  if (tab === "charts") return overview.charts > 0;
  if (tab === "terrain") return overview.terrain;
  if (tab === "compare") return overview.comparison !== null;
  return tab !== "notes" || !offline;
}
