import { defineConfig } from 'vitest/config'

/** What knows no time but the one it is told, and no socket. */
const CORE = ['crdt', 'limiter', 'rules', 'sim', 'defects'].map(
  (part) => `test/${part}/**/*.test.ts`,
)

// Tests of the core have all cores. Elsewhere workers are left at vitest's default, one fewer than cores: tests of
// real sockets measure time, and would measure each other on a machine that is full. For the same reason
// timeouts are generous; a test that waits polls a condition and ends as soon as it holds.
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'core',
          include: CORE,
          pool: 'threads',
          maxWorkers: '100%',
          testTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: [...CORE, 'test/e2e/**', 'test/chaos/short.test.ts'],
          pool: 'threads',
          testTimeout: 30_000,
          sequence: { groupOrder: 1 },
        },
      },
      {
        // Real processes that run what is in `dist/`: built first, after all else, one file at a time.
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          globalSetup: ['test/e2e/fresh-build.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          fileParallelism: false,
          sequence: { groupOrder: 2 },
        },
      },
      {
        // Real processes that are hurt, last of all: they need the machine.
        test: {
          name: 'chaos',
          include: ['test/chaos/short.test.ts'],
          globalSetup: ['test/e2e/fresh-build.ts'],
          testTimeout: 60_000,
          hookTimeout: 300_000,
          sequence: { groupOrder: 3 },
        },
      },
    ],
  },
})
