import { defineConfig } from "vitest/config";

const engineTimeoutMs = 300_000;

export default defineConfig({
  test: {
    globalSetup: ["./tests/support/prepare.ts"],
    reporters: ["default", "./tests/support/summary-reporter.ts"],
    projects: [
      { test: { name: "unit", include: ["tests/unit/**/*.test.ts"], testTimeout: 20_000 } },
      {
        test: {
          name: "integration",
          include: ["tests/integration/**/*.test.ts", "tests/contract/**/*.test.ts"],
          testTimeout: engineTimeoutMs,
          hookTimeout: engineTimeoutMs,
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: "e2e",
          include: ["tests/e2e/**/*.test.ts"],
          testTimeout: engineTimeoutMs,
          hookTimeout: engineTimeoutMs,
          maxWorkers: 1,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
