import { describe, expect, test } from "vitest";
import { svgOf, type Drawing } from "../src/svg";

const places = { x: Float32Array.of(0, 1, 2, NaN, 900), y: Float32Array.of(0, 1, 2, 0, 0), box: { left: 0, right: 2, bottom: 0, top: 2 } };
const drawing: Drawing = {
  view: { x: 1, y: 1, scale: 100 },
  size: { width: 400, height: 300 },
  places,
  marks: { colours: Uint8Array.of(255, 0, 0, 255, 0, 0, 0, 0, 255, 9, 9, 9, 9, 9, 9), selected: null },
  pointSize: 4,
  paper: "#ffffff",
  ink: "#222222",
  picture: null,
  lines: [],
  labels: [],
  rings: [],
  trails: [],
};
const paths = (text: string) => [...text.matchAll(/<path d="([^"]*)" stroke="([^"]*)" stroke-opacity="([^"]*)"/g)].map((each) => each.slice(1));

describe("the map as a drawing", () => {
  test("has a dot for each point in sight, by colour", () => {
    expect(paths(svgOf(drawing))).toEqual([["M300 50h0", "#0000ff", "0.85"], ["M100 250h0M200 150h0", "#ff0000", "0.85"]]);
  });
  test("shows what is not selected faintly, and below", () => {
    const some = paths(svgOf({ ...drawing, marks: { ...drawing.marks, selected: Uint8Array.of(0b010) } }));
    expect(some.map((each) => each[2])).toEqual(["0.15", "0.15", "0.85"]);
    expect(some[2][0]).toBe("M200 150h0");
  });
  test("has lines, outlines, a picture, rings, ways and names", () => {
    const text = svgOf({
      ...drawing,
      picture: { box: places.box, side: 2, pixels: new Uint8ClampedArray(), href: "data:image/png;base64,AA", outlines: [{ colour: "#123456", segments: [[[0, 0], [1, 1]]] }] },
      lines: [[[0, 0], [2, 0]]],
      labels: [{ text: 'a <b> & "c"', left: 10, top: 20, width: 40 }],
      rings: [{ row: 1, radius: 8, colour: "#222222" }],
      trails: [{ points: [[0, 0], [1, 1], [2, 2]], colour: "#ffa90e", width: 3 }],
    });
    expect(text).toContain('<image x="100" y="50" width="200" height="200" preserveAspectRatio="none" href="data:image/png;base64,AA"/>');
    expect(text).toContain('d="M100 250L200 150" fill="none" stroke="#123456"');
    expect(text).toContain('d="M100 250L300 250" fill="none" stroke="#222222" stroke-width="1"');
    expect(text).toContain('<circle cx="200" cy="150" r="8"');
    expect(text).toContain('d="M100 250L200 150L300 50" fill="none" stroke="#ffa90e"');
    expect(text).toContain("a &#60;b&#62; &#38; &#34;c&#34;");
  });
});
