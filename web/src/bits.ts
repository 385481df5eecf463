/** Selections as bits: row r is bit r mod 8 of byte r >> 3, as the server sends them. */

export type Bits = Uint8Array;

export const empty = (rows: number): Bits => new Uint8Array((rows + 7) >> 3);

export const has = (bits: Bits, row: number): boolean => ((bits[row >> 3] >> (row & 7)) & 1) === 1;

export function put(bits: Bits, row: number): void {
  bits[row >> 3] |= 1 << (row & 7);
}

export function ofRows(rows: Iterable<number>, count: number): Bits {
  const bits = empty(count);
  for (const row of rows) put(bits, row);
  return bits;
}

export function toRows(bits: Bits, rows: number): number[] {
  const found: number[] = [];
  for (let row = 0; row < rows; row++) if (has(bits, row)) found.push(row);
  return found;
}

/** Rows that are in all of some selections; null, every row, if there is none. */
export function every(selections: Bits[]): Bits | null {
  if (!selections.length) return null;
  const common = selections[0].slice();
  for (const bits of selections.slice(1)) for (let i = 0; i < common.length; i++) common[i] &= bits[i];
  return common;
}

export function size(bits: Bits): number {
  let count = 0;
  for (let byte of bits) {
    byte -= (byte >> 1) & 0x55;
    byte = (byte & 0x33) + ((byte >> 2) & 0x33);
    count += (byte + (byte >> 4)) & 0x0f;
  }
  return count;
}

export function ofBase64(text: string): Bits {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}

export function base64(bits: Bits | null): string | null {
  if (bits === null) return null;
  let text = "";
  for (let i = 0; i < bits.length; i += 0x8000) text += String.fromCharCode(...bits.subarray(i, i + 0x8000));
  return btoa(text);
}
