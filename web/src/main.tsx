import { render } from "preact";
import { App } from "./app";
import { notebook } from "./notebook";
import { Store } from "./store";
import "./style.css";

const host = document.getElementById("app") as HTMLElement;

Store.open().then(
  async (store) => {
    await notebook?.follow((told) => store.follow(told));
    document.title = `${store.overview.name} – latentatlas`;
    host.replaceChildren();
    render(<App store={store} />, host);
  },
  (error: Error) => {
    host.replaceChildren(Object.assign(document.createElement("p"), { className: "wait", textContent: error.message }));
  },
);
