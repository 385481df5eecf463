/** A row as it looks: picture, signal, text or line of a table. */

import { useEffect, useState } from "preact/hooks";
import * as api from "../api";
import { figure, type Store } from "../store";
import type { Pattern } from "../types";

const BARS = 64;

/** Patterns of rows, in their order; undefined until they are there. */
export function usePatterns(store: Store, rows: number[]): (Pattern | null)[] | undefined {
  const [found, put] = useState<{ key: string; patterns: (Pattern | null)[] }>();
  const key = rows.join();
  useEffect(() => {
    let wanted = true;
    if (rows.length && store.overview.patterns !== "none") {
      void store.attempt(api.patterns(rows)).then((patterns) => wanted && patterns && put({ key, patterns }));
    }
    return () => {
      wanted = false;
    };
  }, [key]);
  return found?.key === key ? found.patterns : undefined;
}

export function PatternView({ pattern, columns, small }: { pattern: Pattern | null | undefined; columns?: string[]; small?: boolean }) {
  if (!pattern) return <div class={small ? "pattern small" : "pattern"}>{small ? "" : pattern === null ? "not kept" : "reading the pattern…"}</div>;
  if (pattern.image) return <img class={small ? "pattern small" : "pattern"} src={pattern.image} alt="" />;
  if (pattern.signal) {
    return (
      <div class={small ? "pattern small signal" : "pattern signal"}>
        {pattern.signal.map((channel) => <Line values={channel} />)}
      </div>
    );
  }
  const values = pattern.values ?? [];
  if (small || values.length > BARS) return <div class={small ? "pattern small signal" : "pattern signal"}><Line values={values} /></div>;
  return (
    <table class="values">
      {values.map((value, i) => (
        <tr>
          <th>{columns?.[i] ?? i}</th>
          <td>{figure(value)}</td>
        </tr>
      ))}
    </table>
  );
}

/** A line through numbers; gaps where there is none. */
export function Line({ values, height = 48 }: { values: (number | null)[]; height?: number }) {
  const known = values.filter((value) => value !== null) as number[];
  const [low, high] = [Math.min(...known), Math.max(...known)];
  const wide = Math.max(1, values.length - 1);
  let path = "";
  let pen = "M";
  values.forEach((value, i) => {
    if (value === null) return void (pen = "M");
    path += `${pen}${((100 * i) / wide).toFixed(2)},${(height - 2 - ((value - low) / (high - low || 1)) * (height - 4)).toFixed(2)}`;
    pen = "L";
  });
  return (
    <svg class="line" viewBox={`0 0 100 ${height}`} preserveAspectRatio="none" aria-hidden="true">
      <path d={path} vector-effect="non-scaling-stroke" />
    </svg>
  );
}
