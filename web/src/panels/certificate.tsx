/** Every check with its value, what was wanted, and what to do where it failed. */

import { useEffect, useState } from "preact/hooks";
import * as api from "../api";
import { figure, type Store } from "../store";
import type { Certificate, Verdict } from "../types";

const WORDS = { fail: "✗ failed", warn: "! warning", pass: "✓ passed", skip: "– skipped" };
const ORDER = ["fail", "warn", "pass", "skip"];

export function CertificatePanel({ store }: { store: Store }) {
  const [known, put] = useState<Certificate>();
  useEffect(() => void store.attempt(api.certificate()).then((found) => found && put(found)), []);
  if (!known) return <p class="hint">Loading…</p>;
  const verdicts = [...known.verdicts].sort((a, b) => ORDER.indexOf(a.status) - ORDER.indexOf(b.status));
  return (
    <div>
      {!verdicts.length && <p class="hint">This run has no certificate. Write one: latentatlas check RUN --again.</p>}
      {verdicts.map((verdict) => <VerdictView verdict={verdict} />)}
      <h3>Metrics</h3>
      <table class="values">
        {Object.entries(known.metrics).map(([name, value]) => (
          <tr>
            <th>{name}</th>
            <td>{figure(value)}</td>
          </tr>
        ))}
      </table>
      <h3>The run</h3>
      <table class="values">
        {Object.entries(store.overview.facts).map(([name, value]) => (
          <tr>
            <th>{name}</th>
            <td class="long">{figure(value)}</td>
          </tr>
        ))}
      </table>
    </div>
  );
}

function VerdictView({ verdict }: { verdict: Verdict }) {
  const sign = verdict.better === "lower" ? "≤" : verdict.better === "higher" ? "≥" : "";
  return (
    <section class={`verdict ${verdict.status}`}>
      <h3>
        <span class="status">{WORDS[verdict.status]}</span> {verdict.name}
      </h3>
      {verdict.value !== null && (
        <p class="measured">
          {figure(verdict.value)} {verdict.threshold !== null && <small>wanted {sign} {figure(verdict.threshold)}</small>}
        </p>
      )}
      <p>{verdict.reason}</p>
      {verdict.remedy && <p class="remedy">{verdict.remedy}</p>}
    </section>
  );
}
