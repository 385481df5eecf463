import { defineConfig } from "vitest/config";

export default defineConfig({ test: { include: ["browser/speed.measure.ts"], environment: "node" } });
