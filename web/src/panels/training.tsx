/** How the fit went, or goes: the loss, and each term of it. */

import { useEffect, useState } from "preact/hooks";
import * as api from "../api";
import { figure, type Store } from "../store";
import type { Live, Log } from "../types";
import { Line } from "./pattern";

const EVERY = 1500; // ms from one look at a fit to the next
const SILENT = 90; // s without a record after which a fit may have been stopped

export function TrainingPanel({ store }: { store: Store }) {
  const [log, put] = useState<Log>();
  const live = useLive();
  useEffect(() => void store.attempt(api.history()).then((found) => found && put(found)), []);
  if (!log) return <p class="hint">Loading…</p>;
  const steps = log.step ?? [];
  return (
    <div>
      {live && <Progress live={live} title="A fit to this folder is at work" />}
      {!steps.length && !live && <p class="hint">This run has no training log.</p>}
      {steps.length > 0 && (
        <>
          <p class="hint">{live ? "The run that is shown: " : ""}{figure(steps.length)} entries, up to step {figure(steps[steps.length - 1])}.</p>
          <Curves log={log} />
        </>
      )}
    </div>
  );
}

/** The page while there is no run yet. */
export function Waiting({ done }: { done: () => void }) {
  const live = useLive(done);
  return (
    <div class="waiting">
      {live ? <Progress live={live} title="The fit is at work; the map follows when it is done" /> : <p class="hint">Looking at the fit…</p>}
    </div>
  );
}

function Progress({ live, title }: { live: Live; title: string }) {
  const steps = live.columns.step ?? [];
  return (
    <section class="live">
      <h2>{title}</h2>
      <p>
        {live.steps === null
          ? "Neighbours are sought and rows laid out; training has not begun."
          : `Stage ${live.stage} of 2, step ${figure(live.step)} of ${figure(live.steps)}; ${figure(steps.length)} entries.`}
      </p>
      {live.steps !== null && <progress max={live.steps} value={live.step} aria-label="steps done" />}
      {live.age > SILENT && <p class="hint">Nothing was recorded for {Math.round(live.age / 60)} minutes: the fit computes something else, or was stopped.</p>}
      <Curves log={live.columns} />
    </section>
  );
}

function Curves({ log }: { log: Log }) {
  const names = Object.keys(log).filter((name) => name !== "step" && log[name].some((value) => value !== null));
  return (
    <>
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
    </>
  );
}

/** What a fit has recorded, asked for again and again; `done` is called when none is at work. */
function useLive(done?: () => void): Live | null {
  const [live, put] = useState<Live | null>(null);
  useEffect(() => {
    if (api.offline) return;
    let timer = 0;
    let wanted = true;
    const look = async () => {
      const found = await api.training().catch(() => undefined);
      if (!wanted) return;
      if (found !== undefined) put(found);
      if (found === null) done?.();
      timer = window.setTimeout(() => void look(), EVERY);
    };
    void look();
    return () => {
      wanted = false;
      clearTimeout(timer);
    };
  }, []);
  return live;
}
