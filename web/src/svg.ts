/** The map as a drawing that stays sharp: points by colour, lines, names, rings. */

import { has } from "./bits";
import type { Picture } from "./ground";
import type { Placed } from "./labels";
import type { Marks } from "./points/layer";
import { toScreen, type Places, type Point, type Size, type View } from "./view";

export interface Drawing {
  view: View;
  size: Size;
  places: Places;
  marks: Marks;
  pointSize: number;
  paper: string;
  ink: string;
  /** What lies below, and where its pixels can be had. */
  picture: (Picture & { href: string }) | null;
  lines: [Point, Point][];
  labels: Placed[];
  /** Rows with a ring, and how wide it is. */
  rings: { row: number; radius: number; colour: string }[];
  /** Ways over the map, in map coordinates. */
  trails: { points: Point[]; colour: string; width: number }[];
}

const FAINT = 0.15;
const PLAIN = 0.85;

export function svgOf(drawing: Drawing): string {
  const { size, paper } = drawing;
  const [wide, high] = [Math.round(size.width), Math.round(size.height)];
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${wide}" height="${high}" viewBox="0 0 ${wide} ${high}">`,
    `<rect width="${wide}" height="${high}" fill="${paper}"/>`,
    below(drawing),
    points(drawing),
    above(drawing),
    "</svg>",
  ].join("\n");
}

function below({ view, size, picture, lines, ink }: Drawing): string {
  const parts: string[] = [];
  if (picture) {
    const [left, top] = toScreen(view, size, picture.box.left, picture.box.top);
    const side = short((picture.box.right - picture.box.left) * view.scale);
    parts.push(`<image x="${short(left)}" y="${short(top)}" width="${side}" height="${side}" preserveAspectRatio="none" href="${picture.href}"/>`);
  }
  for (const { colour, segments } of picture?.outlines ?? []) parts.push(stroked(segments, colour, 2, 1, view, size));
  if (lines.length) parts.push(stroked(lines, ink, 1, 0.22, view, size));
  return parts.join("\n");
}

const stroked = (segments: [Point, Point][], colour: string, width: number, opacity: number, view: View, size: Size): string => {
  const path = segments.map(([from, to]) => `M${corner(view, size, from)}L${corner(view, size, to)}`).join("");
  return `<path d="${path}" fill="none" stroke="${colour}" stroke-width="${width}" stroke-opacity="${opacity}"/>`;
};

/** A path of dots for each colour; selected rows lie above the others. */
function points({ view, size, places, marks, pointSize }: Drawing): string {
  const paths = new Map<string, string[]>();
  for (let row = 0; row < places.x.length; row++) {
    const [left, top] = toScreen(view, size, places.x[row], places.y[row]);
    if (!(left >= -pointSize && top >= -pointSize && left <= size.width + pointSize && top <= size.height + pointSize)) continue;
    const plain = marks.selected === null || has(marks.selected, row);
    const key = `${plain ? 1 : 0}${hex(marks.colours, row)}`;
    const path = paths.get(key);
    const dot = `M${short(left)} ${short(top)}h0`;
    if (path) path.push(dot);
    else paths.set(key, [dot]);
  }
  const drawn = [...paths].sort(([a], [b]) => (a < b ? -1 : 1)).map(
    ([key, dots]) => `<path d="${dots.join("")}" stroke="${key.slice(1)}" stroke-opacity="${key[0] === "1" ? PLAIN : FAINT}"/>`,
  );
  return `<g fill="none" stroke-width="${short(pointSize)}" stroke-linecap="round">\n${drawn.join("\n")}\n</g>`;
}

function above({ view, size, places, labels, rings, trails, ink, paper }: Drawing): string {
  const ways = trails.map(({ points: way, colour, width }) => {
    const path = way.map((point) => corner(view, size, point)).join("L");
    return `<path d="M${path}" fill="none" stroke="${colour}" stroke-width="${width}" stroke-linejoin="round"/>`;
  });
  const round = rings.map(({ row, radius, colour }) => {
    const [left, top] = toScreen(view, size, places.x[row], places.y[row]);
    return `<circle cx="${short(left)}" cy="${short(top)}" r="${radius}" fill="none" stroke="${colour}" stroke-width="2"/>`;
  });
  const names = labels.map(
    ({ text, left, top, width }) =>
      `<text x="${short(left + width / 2)}" y="${short(top + 13)}" fill="${ink}" stroke="${paper}" stroke-width="3" paint-order="stroke">${escaped(text)}</text>`,
  );
  return [...ways, ...round, `<g font-family="system-ui, sans-serif" font-size="12" font-weight="600" text-anchor="middle">`, ...names, "</g>"].join("\n");
}

const short = (value: number): string => String(Number(value.toFixed(1)));

const corner = (view: View, size: Size, [x, y]: Point): string => toScreen(view, size, x, y).map(short).join(" ");

const hex = (colours: Uint8Array, row: number): string =>
  `#${[0, 1, 2].map((part) => colours[3 * row + part].toString(16).padStart(2, "0")).join("")}`;

const escaped = (text: string): string => text.replace(/[&<>"]/g, (letter) => `&#${letter.charCodeAt(0)};`);
