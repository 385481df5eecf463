/** What a notebook loads: a frame that holds the page, and passes on what it and the code say. */

interface Model {
  get(name: "page" | "bits"): string | null;
  set(name: "bits", value: string | null): void;
  save_changes(): void;
  send(question: unknown): void;
  on(event: string, heard: (content: Answer, buffers: DataView[]) => void): void;
  off(event: string, heard: (content: Answer, buffers: DataView[]) => void): void;
}

interface Answer {
  id: string;
  status: number;
}

function render({ model, el }: { model: Model; el: HTMLElement }): () => void {
  const frame = document.createElement("iframe");
  frame.srcdoc = model.get("page") ?? "";
  frame.title = "latentatlas";
  frame.style.cssText = "width: 100%; height: 720px; border: 1px solid #d0d4da";
  let setting = false;
  const say = (message: unknown) => frame.contentWindow?.postMessage(message, "*");
  const answer = (content: Answer, buffers: DataView[]) => {
    const { buffer, byteOffset, byteLength } = buffers[0];
    say({ ...content, content: buffer.slice(byteOffset, byteOffset + byteLength) });
  };
  const select = () => setting || say({ bits: model.get("bits") }); // the page knows what it said itself
  const hear = ({ source, data }: MessageEvent) => {
    if (source !== frame.contentWindow) return;
    if ("opened" in data) return select();
    if (!("bits" in data)) return model.send(data);
    setting = true;
    model.set("bits", data.bits);
    setting = false;
    model.save_changes();
  };
  addEventListener("message", hear);
  model.on("msg:custom", answer);
  model.on("change:bits", select);
  el.append(frame);
  return () => {
    removeEventListener("message", hear);
    model.off("msg:custom", answer);
    model.off("change:bits", select);
  };
}

export default { render };
