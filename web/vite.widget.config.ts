import { defineConfig } from "vite";

/** The widget of notebooks as one module, beside the page. */
export default defineConfig({
  publicDir: false,
  build: {
    outDir: "../src/latentatlas/server/static",
    emptyOutDir: false,
    target: "es2022",
    lib: { entry: "src/widget.ts", formats: ["es"], fileName: "widget" },
  },
});
