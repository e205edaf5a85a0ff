import { afterAll, describe, expect, test } from 'vitest'
import { directions } from './import-directions.ts'
import { type Diagnostic, PlantedTree, type Sources } from './planted-tree.ts'

// Every guard of `biome.json` against a violation planted on purpose, in one run over one planted tree.
// Each line of a planted file is one case, so a guard that sleeps shows as the line it let through.

const imports = 'lint/style/noRestrictedImports'
const globals = 'lint/style/noRestrictedGlobals'
const plugin = 'plugin'

/** What the core may not reach for, with the guard that says so. */
const ambient: readonly (readonly [source: string, rule: string])[] = [
  ['export const now = Date.now()', globals],
  ['export const clock = performance.now()', globals],
  ['export const dice = crypto.getRandomValues', globals],
  ['setTimeout(now, 1)', globals],
  ['setInterval(now, 1)', globals],
  ['setImmediate(now)', globals],
  ['queueMicrotask(now)', globals],
  ['export type Later = Promise<number>', globals],
  ['export const id = process.pid', globals],
  ["console.log('x')", globals],
  ['export const weak = new WeakRef({})', globals],
  ['export const registry = new FinalizationRegistry(now)', globals],
  ['export const hidden = globalThis', globals],
  ['export const chance = Math.random()', plugin],
  ['export const alias = Math.random', plugin],
  ["export const byName = Math['random']()", plugin],
  ['export const { floor, random } = Math', plugin],
  ['export const wait = async () => { await now }', plugin],
  ["export const lazy = () => import('./fold.ts')", plugin],
  ["export type Inline = import('./fold.ts').Meter", plugin],
]

const ambientAllowed = ['export const half = Math.floor(1 / 2)', 'export const seen = new Map()']

const corePlaces = [
  'crdt/ambient.ts',
  'cluster/ambient.ts',
  'src/limiter/ambient.ts',
  'sim/ambient.ts',
  'sim/checkers/ambient.ts',
]

/** Guards on the way we write, each with the smallest file that breaks it. */
const manners: readonly (readonly [rule: string, path: string, source: string])[] = [
  ['lint/suspicious/noImportCycles', 'crdt/cycle-a.ts', "export * from './cycle-b.ts'"],
  ['lint/suspicious/noImportCycles', 'crdt/cycle-b.ts', "export * from './cycle-a.ts'"],
  [
    'lint/suspicious/noImportCycles',
    'cluster/type-cycle-a.ts',
    "import type { B } from './type-cycle-b.ts'\nexport type A = B | 1",
  ],
  [
    'lint/suspicious/noImportCycles',
    'cluster/type-cycle-b.ts',
    "import type { A } from './type-cycle-a.ts'\nexport type B = A | 2",
  ],
  ['lint/style/noDefaultExport', 'src/default-export.ts', 'export default 1'],
  ['lint/style/noNonNullAssertion', 'src/non-null.ts', 'export const f = (x?: { n: 1 }) => x!.n'],
  ['lint/style/useFilenamingConvention', 'src/camelCase.ts', 'export const x = 1'],
  [
    'lint/style/useErrorCause',
    'src/lost-cause.ts',
    "export function f() {\n  try {\n    f()\n  } catch (error) {\n    throw new Error('x')\n  }\n}",
  ],
  ['lint/style/noExcessiveLinesPerFile', 'src/long-file.ts', 'export {}\n'.repeat(401)],
  [
    'lint/complexity/noExcessiveLinesPerFunction',
    'src/long-function.ts',
    `export function long() {\n${'  long()\n'.repeat(71)}}`,
  ],
  ['lint/suspicious/noExplicitAny', 'src/untyped.ts', 'export let x: any'],
  [
    'lint/suspicious/noEmptyBlockStatements',
    'src/silent-catch.ts',
    'export function f() {\n  try {\n    f()\n  } catch {}\n}',
  ],
  [
    'lint/nursery/noFloatingPromises',
    'src/floating.ts',
    'async function f(): Promise<number> {\n  return 1\n}\nexport function g() {\n  f()\n}',
  ],
  [
    'lint/nursery/noMisusedPromises',
    'src/misused.ts',
    'async function f(): Promise<boolean> {\n  return true\n}\nexport function g() {\n  if (f()) g()\n}',
  ],
  [plugin, 'src/cli/inline-type.ts', "export type T = import('../index.ts').Options"],
]

function sources(): Sources {
  const files: Record<string, string> = {}
  for (const [path, { forbidden, allowed }] of Object.entries(directions)) {
    files[path] = [...forbidden, ...allowed].join('\n')
  }
  for (const path of corePlaces) {
    files[path] = [...ambient.map(([source]) => source), ...ambientAllowed].join('\n')
  }
  for (const [, path, source] of manners) files[path] = source
  files['src/edge-ambient.ts'] =
    'export const now = () => Date.now() + Math.random()\nexport const wait = async () => { await now() }'
  return files
}

const tree = new PlantedTree(sources())
afterAll(() => tree.remove())
const diagnostics = tree.lint()

function rulesAt(path: string, line?: number): string[] {
  const here = (found: Diagnostic) =>
    found.path === path && (line === undefined || found.line === line)
  return diagnostics.filter(here).map((found) => found.rule)
}

describe.each(Object.entries(directions))('%s', (path, { forbidden, allowed }) => {
  test.each(forbidden.map((source, index) => [source, index + 1] as const))(
    'may not %s',
    (_, line) => expect(rulesAt(path, line)).toContain(imports),
  )
  test.each(allowed.map((source, index) => [source, forbidden.length + index + 1] as const))(
    'may %s',
    (_, line) => expect(rulesAt(path, line)).not.toContain(imports),
  )
})

describe.each(corePlaces)('%s is core', (path) => {
  test.each(ambient.map(([source, rule], index) => [source, rule, index + 1] as const))(
    'and may not say: %s',
    (_, rule, line) => expect(rulesAt(path, line)).toContain(rule),
  )
  test.each(ambientAllowed.map((source, index) => [source, ambient.length + index + 1] as const))(
    'and may say: %s',
    (_, line) => {
      expect(rulesAt(path, line)).not.toContain(globals)
      expect(rulesAt(path, line)).not.toContain(plugin)
    },
  )
})

test('the edge has a clock, randomness and promises', () => {
  expect(rulesAt('src/edge-ambient.ts')).toEqual([])
})

describe('the way we write', () => {
  test.each(manners)('%s is seen in %s', (rule, path) => expect(rulesAt(path)).toContain(rule))
})
