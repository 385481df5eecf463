/** The page in a frame of a notebook: questions, answers and the selection pass through the frame's messages. */

/** What the frame around the page says. */
type Heard = { id: string; status: number; content: ArrayBuffer } | { bits: string | null };

export class Notebook {
  private readonly waiting = new Map<string, (answer: Response) => void>();
  private readonly name = Math.random().toString(36).slice(2); // a widget may be shown twice, and both hear all answers
  private asked = 0;
  private heard: (bits: string | null) => void = () => undefined;

  constructor(private readonly around: Window) {
    addEventListener("message", ({ source, data }: MessageEvent<Heard>) => {
      if (source !== around) return;
      if ("bits" in data) this.heard(data.bits);
      else this.waiting.get(data.id)?.(new Response(data.content, { status: data.status }));
    });
  }

  ask(method: string, path: string, body: string | undefined): Promise<Response> {
    const id = `${this.name} ${this.asked++}`;
    this.around.postMessage({ id, method, path, body }, "*");
    return new Promise((done) =>
      this.waiting.set(id, (answer) => {
        this.waiting.delete(id);
        done(answer);
      }),
    );
  }

  /** Say what is selected. */
  tell(bits: string | null): void {
    this.around.postMessage({ bits }, "*");
  }

  /** Hear what the code selects, from now on; comes back when what it has selected so far was heard. */
  follow(heard: (bits: string | null) => void): Promise<void> {
    return new Promise((done) => {
      this.heard = (bits) => {
        heard(bits);
        done();
      };
      this.around.postMessage({ opened: true }, "*");
    });
  }
}

const inside = typeof document !== "undefined" && document.querySelector("meta[name=notebook]") !== null;
/** The notebook around this page; null where there is none. */
export const notebook = inside ? new Notebook(parent) : null;
