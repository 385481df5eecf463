/** What the keys and the pointer do. */

export const KEYS: [string, string][] = [
  ["drag · wheel · pinch", "move and zoom"],
  ["click", "show a point"],
  ["Ctrl + click", "second point, for a path"],
  ["Shift + drag, or L", "select with a lasso"],
  ["arrows, + and −", "move and zoom"],
  ["0", "the whole map"],
  ["/", "search"],
  ["C", "next column as colour"],
  ["G", "next ground: density, relief, regions"],
  ["Ctrl + Z", "undo a selection"],
  ["Esc", "clear the selection, close"],
  ["P", "save the map as PNG"],
  ["D", "dark or light"],
  ["?", "this help"],
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
