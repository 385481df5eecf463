/** How the fit went: the loss, and each term of it. */

import { useEffect, useState } from "preact/hooks";
import * as api from "../api";
import { figure, type Store } from "../store";
import { Line } from "./pattern";

export function TrainingPanel({ store }: { store: Store }) {
  const [log, put] = useState<Record<string, (number | null)[]>>();
  useEffect(() => void store.attempt(api.history()).then((found) => found && put(found)), []);
  if (!log) return <p class="hint">Loading…</p>;
  const names = Object.keys(log).filter((name) => name !== "step" && log[name].some((value) => value !== null));
  if (!names.length) return <p class="hint">This run has no training log.</p>;
  const steps = log.step ?? [];
  return (
    <div>
      <p class="hint">{figure(steps.length)} entries, up to step {figure(steps[steps.length - 1])}.</p>
      {names.map((name) => {
        const known = log[name].filter((value) => value !== null) as number[];
        return (
          <section class="curve">
            <h3>
              {name} <small>{figure(known[0])} → {figure(known[known.length - 1])}</small>
            </h3>
            <Line values={log[name]} />
          </section>
        );
      })}
    </div>
  );
}
