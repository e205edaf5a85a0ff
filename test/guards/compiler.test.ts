import { afterAll, describe, expect, test } from 'vitest'
import { PlantedTree, type Sources } from './planted-tree.ts'

// The two colours as the compiler sees them: a small tree of legal files, then the same tree with a
// violation in every line of its planted files.

const legal: Sources = {
  'crdt/count.ts': 'export type Count = number',
  'cluster/message.ts':
    "import type { Count } from '../crdt/count.ts'\nexport type Message = Count",
  'cluster/libp2p/transport.ts':
    "import { createServer } from 'node:net'\nimport type { Message } from '../message.ts'\nexport const send = (_: Message) => createServer()",
  'src/limiter/policy.ts':
    "import type { Count } from '../../crdt/count.ts'\nexport type Limit = Count",
  'src/node.ts':
    "import type { Message } from '../cluster/message.ts'\nimport type { Limit } from './limiter/policy.ts'\nexport type Node = Message & Limit",
  'src/runtime.ts':
    "import { send } from '../cluster/libp2p/transport.ts'\nimport type { Node } from './node.ts'\nexport const start = (node: Node) => setTimeout(() => send(node), Date.now())",
  'src/http/server.ts': "export { start } from '../runtime.ts'",
  'sim/simulation.ts': "export type { Node } from '../src/node.ts'",
  'sim/main.ts':
    "import type { Node } from './simulation.ts'\nexport const seed: Node = Number(process.argv[2])",
  'sim/command/program.ts':
    "import type { Node } from '../simulation.ts'\nexport const runs: Node = Number(process.argv[2])",
  'src/cli/sim.ts': "export { runs } from '../../sim/command/program.ts'",
  'sim/charts/theme.ts': "export const INK = '#000'",
  'sim/report/page.ts':
    "import { writeFile } from 'node:fs/promises'\nimport { INK } from '../charts/theme.ts'\nexport const write = () => writeFile('x', INK)",
  'test/support/fixtures.ts': 'export const seed = 1',
  'bench/workload.ts': "export { start } from '../src/runtime.ts'",
  'src/edge-1.ts': 'export const edge = 1',
  'src/edge-2.ts': 'export const edge = 2',
  'src/edge-3.ts': 'export const edge = 3',
  'src/edge-4.ts': 'export const edge = 4',
}

// The file is not of this project. Said once for each such file, so every line plants another one.
const foreign = 'TS6307'
const unknownName = /^TS(2304|2552|2580|2584|2591)$/
const unknownModule = /^TS(2307|2580|2591)$/

/** By file: one violation a line, with the compiler's code for it. */
const planted: Readonly<
  Record<string, readonly (readonly [source: string, code: string | RegExp])[]>
> = {
  'crdt/planted.ts': [
    ["import { readFileSync } from 'node:fs'", unknownModule],
    ['setTimeout(readFileSync, 1)', unknownName],
    ['export const clock = performance.now()', unknownName],
    ['export const id = process.pid', unknownName],
    ["console.log('x')", unknownName],
    ["export const bytes = Buffer.from('x')", unknownName],
    ["export const asked = fetch('x')", unknownName],
    ['export const first: number = [1, 2][id]', 'TS2322'],
    ['export const exact: { key?: string } = { key: undefined }', 'TS2375'],
    ['export enum Colour { Core, Edge }', 'TS1294'],
    ['export class Shape { constructor(readonly size: number) {} }', 'TS1294'],
  ],
  'cluster/planted.ts': [
    ["export { send } from './libp2p/transport.ts'", foreign],
    ["export { edge } from '../src/edge-1.ts'", foreign],
    ["export { seed } from '../test/support/fixtures.ts'", foreign],
    ["export { createServer } from 'node:net'", unknownModule],
  ],
  'src/limiter/planted.ts': [
    ["export { edge } from '../edge-2.ts'", foreign],
    ["export { start } from '../http/server.ts'", foreign],
    ["export { createHash } from 'node:crypto'", unknownModule],
  ],
  'src/node.ts': [
    ["export { edge } from './edge-3.ts'", foreign],
    ["export { createHash } from 'node:crypto'", unknownModule],
  ],
  'sim/planted.ts': [
    ["export { seed } from './main.ts'", foreign],
    ["export { edge } from '../src/edge-4.ts'", foreign],
    ["export { write } from './report/page.ts'", foreign],
    ["export { runs } from './command/program.ts'", foreign],
    ["export { readFileSync } from 'node:fs'", unknownModule],
  ],
  'src/planted.ts': [
    ["export { seed } from '../test/support/fixtures.ts'", foreign],
    ["export { start } from '../bench/workload.ts'", foreign],
  ],
}

const legalTree = new PlantedTree(legal)
const brokenTree = new PlantedTree({ ...legal, ...plantedSources() })
afterAll(() => {
  legalTree.remove()
  brokenTree.remove()
})

function plantedSources(): Sources {
  const text = (lines: readonly (readonly [string, unknown])[]) => lines.map(([it]) => it)
  return Object.fromEntries(
    Object.entries(planted).map(([path, lines]) => [path, text(lines).join('\n')]),
  )
}

test('the legal tree compiles', () => {
  expect(legalTree.compile()).toEqual([])
})

describe('the compiler', () => {
  const diagnostics = brokenTree.compile()
  const rulesAt = (path: string, line: number) =>
    diagnostics.filter((found) => found.path === path && found.line === line).map((d) => d.rule)

  describe.each(Object.entries(planted))('in %s', (path, lines) => {
    test.each(lines.map(([source, code], index) => [source, code, index + 1] as const))(
      'refuses: %s',
      (_, code, line) => {
        const expected = typeof code === 'string' ? code : expect.stringMatching(code)
        expect(rulesAt(path, line)).toContainEqual(expected)
      },
    )
  })
})
