/** Points by WebGL 2: places and colours in buffers, one draw call for rows and one for the selection. */

import { has, size as sizeOf } from "../bits";
import type { Box, Size, View } from "../view";
import { shuffled, type Marks, type PointLayer } from "./layer";

const VERTEX = `#version 300 es
in vec2 place;
in vec4 colour;
uniform vec4 view;
uniform float size;
out vec4 shade;
void main() {
  gl_Position = vec4(place * view.xy + view.zw, 0.0, 1.0);
  gl_PointSize = size;
  shade = colour;
}`;

const FRAGMENT = `#version 300 es
precision mediump float;
in vec4 shade;
uniform bool round;
out vec4 pixel;
void main() {
  if (round) {
    vec2 off = gl_PointCoord - 0.5;
    if (dot(off, off) > 0.25) discard;
  }
  pixel = vec4(shade.rgb * shade.a, shade.a);
}`;

const FAINT = 38;
const PLAIN = 217;
const ROUND_FROM = 3;

export class WebGlPoints implements PointLayer {
  readonly kind = "WebGL";
  private readonly gl: WebGL2RenderingContext;
  private readonly program: WebGLProgram;
  private readonly places: WebGLBuffer;
  private readonly colours: WebGLBuffer;
  private readonly chosen: WebGLBuffer;
  private order = new Uint32Array();
  private box: Box = { left: -1, right: 1, bottom: -1, top: 1 };
  private selected = 0;

  constructor(readonly canvas: HTMLCanvasElement) {
    const gl = canvas.getContext("webgl2", { antialias: false, depth: false, premultipliedAlpha: true });
    if (!gl) throw new Error("no WebGL 2");
    this.gl = gl;
    this.program = linked(gl);
    gl.useProgram(this.program);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    [this.places, this.colours, this.chosen] = [buffer(gl), buffer(gl), buffer(gl)];
  }

  place(x: Float32Array, y: Float32Array, box: Box): void {
    const { gl } = this;
    this.order = shuffled(x.length) as Uint32Array<ArrayBuffer>;
    this.box = box;
    const [cx, cy, half] = this.frame();
    const places = new Float32Array(2 * x.length);
    this.order.forEach((row, i) => {
      places[2 * i] = (x[row] - cx) / half;
      places[2 * i + 1] = (y[row] - cy) / half;
    });
    gl.bindBuffer(gl.ARRAY_BUFFER, this.places);
    gl.bufferData(gl.ARRAY_BUFFER, places, gl.STATIC_DRAW);
    this.attribute("place", 2, gl.FLOAT, false);
  }

  mark({ colours, selected }: Marks): void {
    const { gl, order } = this;
    const marked = new Uint8Array(4 * order.length);
    const chosen = new Uint32Array(selected === null ? 0 : sizeOf(selected));
    let last = 0;
    for (let i = 0; i < order.length; i++) {
      const row = order[i];
      const inside = selected === null || has(selected, row);
      marked[4 * i] = colours[3 * row];
      marked[4 * i + 1] = colours[3 * row + 1];
      marked[4 * i + 2] = colours[3 * row + 2];
      marked[4 * i + 3] = inside ? PLAIN : FAINT;
      if (inside && selected !== null) chosen[last++] = i;
    }
    gl.bindBuffer(gl.ARRAY_BUFFER, this.colours);
    gl.bufferData(gl.ARRAY_BUFFER, marked, gl.DYNAMIC_DRAW);
    this.attribute("colour", 4, gl.UNSIGNED_BYTE, true);
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, this.chosen);
    gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, chosen, gl.DYNAMIC_DRAW);
    this.selected = chosen.length;
  }

  draw(view: View, size: Size, ratio: number, pointSize: number, most: number): number {
    const { gl, canvas } = this;
    const [wide, high] = [Math.round(size.width * ratio), Math.round(size.height * ratio)];
    if (canvas.width !== wide || canvas.height !== high) [canvas.width, canvas.height] = [wide, high];
    gl.viewport(0, 0, wide, high);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT);
    const [cx, cy, half] = this.frame();
    const [sx, sy] = [(2 * view.scale) / size.width, (2 * view.scale) / size.height];
    const at = (name: string) => gl.getUniformLocation(this.program, name);
    gl.uniform4f(at("view"), half * sx, half * sy, (cx - view.x) * sx, (cy - view.y) * sy);
    gl.uniform1f(at("size"), pointSize * ratio);
    gl.uniform1i(at("round"), pointSize * ratio >= ROUND_FROM ? 1 : 0);
    const drawn = Math.min(this.order.length, most);
    gl.drawArrays(gl.POINTS, 0, drawn);
    if (this.selected) gl.drawElements(gl.POINTS, Math.min(this.selected, most), gl.UNSIGNED_INT, 0);
    return drawn;
  }

  dispose(): void {
    this.gl.getExtension("WEBGL_lose_context")?.loseContext();
  }

  private frame(): [number, number, number] {
    const { left, right, bottom, top } = this.box;
    return [(left + right) / 2, (bottom + top) / 2, Math.max(right - left, top - bottom) / 2 || 1];
  }

  private attribute(name: string, parts: number, type: number, normalized: boolean): void {
    const place = this.gl.getAttribLocation(this.program, name);
    this.gl.enableVertexAttribArray(place);
    this.gl.vertexAttribPointer(place, parts, type, normalized, 0, 0);
  }
}

function buffer(gl: WebGL2RenderingContext): WebGLBuffer {
  const made = gl.createBuffer();
  if (!made) throw new Error("WebGL 2 gives no buffer");
  return made;
}

function linked(gl: WebGL2RenderingContext): WebGLProgram {
  const program = gl.createProgram();
  for (const [type, source] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]] as const) {
    const shader = gl.createShader(type);
    if (!program || !shader) throw new Error("WebGL 2 gives no program");
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(program) ?? "no link");
  return program;
}

/** Whether WebGL 2 is there and drawn by a graphics card, not by the processor in its place. */
export function hasGraphicsCard(): boolean {
  const gl = document.createElement("canvas").getContext("webgl2");
  if (!gl) return false;
  const told = gl.getExtension("WEBGL_debug_renderer_info");
  const name = String(gl.getParameter(told ? told.UNMASKED_RENDERER_WEBGL : gl.RENDERER));
  gl.getExtension("WEBGL_lose_context")?.loseContext();
  return !/swiftshader|llvmpipe|softpipe|software|basic render/i.test(name);
}
