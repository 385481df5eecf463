import { defineConfig } from "vitest/config";

export default defineConfig({
  test: { include: ["browser/**/*.test.ts"], environment: "node", testTimeout: 200_000, hookTimeout: 200_000, fileParallelism: false },
});
