/** What the keys and the pointer do. */

/** What is pressed, what it does, and the keys that it stands for. */
export const KEYS: [string, string, string[]?][] = [
  ["drag · wheel · pinch", "move and zoom"],
  ["double click", "zoom in"],
  ["click", "show a point"],
  ["Ctrl + click", "second point, for a path"],
  ["Shift + drag, or L", "select with a lasso", ["l"]],
  ["arrows, + and −", "move and zoom", ["arrowleft", "arrowright", "arrowup", "arrowdown", "+", "=", "-"]],
  ["0", "the whole map", ["0"]],
  ["/", "search", ["/"]],
  ["[ and ]", "previous and next panel", ["[", "]"]],
  ["C", "next column as colour", ["c"]],
  ["G", "next ground: density, relief, regions, charts", ["g"]],
  ["Ctrl + Z", "undo a selection; with Shift redo it"],
  ["Esc", "clear the selection, close"],
  ["P", "save the map as PNG", ["p"]],
  ["S", "save the map as SVG", ["s"]],
  ["D", "dark or light", ["d"]],
  ["?", "this help", ["?"]],
];

export function Help({ close }: { close: () => void }) {
  return (
    <div class="shade" onClick={close}>
      <div class="help" role="dialog" aria-modal="true" aria-label="Keys" onClick={(event) => event.stopPropagation()}>
        <h2>Keys</h2>
        <dl>
          {KEYS.map(([key, meaning]) => (
            <>
              <dt><kbd>{key}</kbd></dt>
              <dd>{meaning}</dd>
            </>
          ))}
        </dl>
        <p class="hint">✓ marks a neighbour in the latent that is one in the data too; ✗ one that is not. Grey points lack a value.</p>
        <button autofocus onClick={close}>Close</button>
      </div>
    </div>
  );
}
