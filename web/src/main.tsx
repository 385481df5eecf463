import { render } from "preact";
import * as api from "./api";
import { App } from "./app";
import { notebook } from "./notebook";
import { Waiting } from "./panels/training";
import { prefersDark, Store } from "./store";
import "./style.css";

const host = document.getElementById("app") as HTMLElement;

/** Show the run; where there is none yet, the fit that is at work on it. */
async function begin(): Promise<void> {
  try {
    const store = await Store.open();
    await notebook?.follow((told) => store.follow(told));
    document.title = `${store.overview.name} – latentatlas`;
    render(null, host);
    host.replaceChildren();
    render(<App store={store} />, host);
  } catch (error) {
    const live = api.offline ? null : await api.training().catch(() => null);
    render(null, host);
    host.replaceChildren();
    if (live) render(<Waiting done={() => void begin()} />, host);
    else host.append(Object.assign(document.createElement("p"), { className: "wait", textContent: (error as Error).message }));
  }
}

document.documentElement.dataset.theme = prefersDark() ? "dark" : "light";
void begin();
