/** The only way to the server, the code of a notebook, or the data of a page that is one file; every error becomes one sentence. */

import { notebook } from "./notebook";
import { OfflineRun } from "./offline";
import type { Annotation, Certificate, ChartPlaces, Charts, Counts, Filter, Generated, Live, Log, Neighbours, Overview, Pass, Pattern, Row } from "./types";

const embedded = typeof document === "undefined" ? null : document.getElementById("run-data");
/** Answers without a server; null where there is one. */
export const offline = embedded ? new OfflineRun(JSON.parse(embedded.textContent ?? "")) : null;

async function ask(path: string, body?: unknown, method?: string): Promise<Response> {
  const how = method ?? (body === undefined ? "GET" : "POST");
  const text = body === undefined ? undefined : JSON.stringify(body);
  let answer: Response;
  try {
    const headers: HeadersInit = text === undefined ? {} : { "content-type": "application/json" };
    answer = notebook
      ? await notebook.ask(how, `/api/${path}`, text)
      : await fetch(`/api/${path}`, { method: how, headers, body: text });
  } catch {
    throw new Error("The explorer does not answer. Is `latentatlas explore` still running?");
  }
  if (!answer.ok) throw new Error(await message(answer));
  return answer;
}

async function message(answer: Response): Promise<string> {
  try {
    return (await answer.json()).error;
  } catch {
    return `The explorer answered ${answer.status}.`;
  }
}

const json = async <T>(path: string, body?: unknown, method?: string): Promise<T> =>
  offline ? (offline.answer(path, body) as T) : (await ask(path, body, method)).json();

export const overview = () => json<Overview>("run");
export const certificate = () => json<Certificate>("certificate");
export const history = () => json<Log>("history");
export const training = () => json<Live | null>("training");
export const charts = () => json<Charts>("charts");
export const chart = (number: number) => json<ChartPlaces>(`charts/${number}`);
export const passes = () => json<Pass[]>("terrain");
export const wayDown = (row: number) => json<number[]>(`terrain/${row}`);
export const neighbours = (row: number, k: number) => json<Neighbours>(`neighbours/${row}?k=${k}`);
export const annotations = () => json<Annotation[]>("annotations");
export const annotate = (text: string, rows: number[]) => json<Annotation>("annotations", { text, rows });
export const forget = (id: string) => json<object>(`annotations/${id}`, undefined, "DELETE");
export const patterns = (rows: number[]) => json<(Pattern | null)[]>("patterns", { rows });
export const rows = (columns: string[], wanted: number[]) => json<Row[]>("rows", { columns, rows: wanted });
export const counts = (column: string, bins: number, mask: string | null) =>
  json<Counts>("counts", { column, bins, mask });
export const search = (query: { row?: number; id?: string; text?: string; k?: number; mask?: string | null }) =>
  json<{ row: number | null; rows: number[]; distances: number[] }>("search", query);
export const sample = (n: number, basin: number | null, seed: number) =>
  json<Generated>("sample", { n, basin, seed });
export const recall = (row: number, noise: number, seed: number) => json<Generated>("recall", { row, noise, seed });
export const path = (start: number, end: number, steps: number) => json<Generated>("path", { start, end, steps });

export const page = (query: {
  columns: string[];
  mask: string | null;
  order: string | null;
  descending: boolean;
  offset: number;
  limit: number;
}) => json<Row[]>("page", query);

export async function mask(filters: Filter[]): Promise<Uint8Array> {
  if (offline) return offline.answer("mask", { filters }) as Uint8Array;
  return new Uint8Array(await (await ask("mask", { filters })).arrayBuffer());
}

/** A number column as float32. */
export async function numbers(name: string): Promise<Float32Array> {
  if (offline) return offline.answer(`columns/${encodeURIComponent(name)}`, undefined) as Float32Array;
  return new Float32Array(await (await ask(`columns/${encodeURIComponent(name)}`)).arrayBuffer());
}

/** Where the rows lie on the map of the run beside. */
export const placesThere = (): Promise<Float32Array[]> =>
  Promise.all(["x", "y"].map(async (axis) => new Float32Array(await (await ask(`comparison/${axis}`)).arrayBuffer())));

/** A category column as codes; 65535 is missing. */
export async function codes(name: string): Promise<Uint16Array> {
  if (offline) return offline.answer(`columns/${encodeURIComponent(name)}`, undefined) as Uint16Array;
  return new Uint16Array(await (await ask(`columns/${encodeURIComponent(name)}`)).arrayBuffer());
}

/** A selection as a file, given to the browser to save. */
export async function save(form: "csv" | "parquet", selected: string | null, name: string): Promise<void> {
  if (offline) return saveBlob(new Blob([offline.csv(selected)], { type: "text/csv" }), `${name}.csv`);
  const content = await (await ask(`export/${form}`, { mask: selected })).blob();
  saveBlob(content, `${name}.${form}`);
}

export function saveBlob(content: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
