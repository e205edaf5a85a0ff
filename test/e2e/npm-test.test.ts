import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { PlantedTree, repository, type Sources } from '../guards/planted-tree.ts'

// `npm test` itself: whatever goes wrong shows in its last line and in its exit code.

const scripts: Sources = Object.fromEntries(
  ['scripts/prepare.mjs', 'scripts/test.mjs', 'vitest.config.ts'].map((path) => [
    path,
    readFileSync(join(repository, path), 'utf8').trimEnd(),
  ]),
)

/** A file for each compiler project, so that there is something to build. */
const smallest: Sources = {
  'crdt/one.ts': 'export const one = 1',
  'src/one.ts': "export { one } from '../crdt/one.ts'",
}

let tree: PlantedTree | undefined
afterEach(() => tree?.remove())

function npmTest(sources: Sources): { status: number | null; lines: string[] } {
  tree = new PlantedTree({ ...scripts, ...smallest, ...sources })
  const env = Object.entries(process.env).filter(([name]) => !/^(VITEST|TEST|NODE_ENV)/.test(name))
  const { status, stdout } = spawnSync(process.execPath, ['scripts/test.mjs'], {
    cwd: tree.root,
    encoding: 'utf8',
    env: Object.fromEntries(env),
  })
  return { status, lines: stdout.trimEnd().split('\n') }
}

const vitest = "import { expect, test } from 'vitest'\n"

test('good work ends with what passed and what was skipped, and why', () => {
  const { status, lines } = npmTest({
    'test/good.test.ts': `${vitest}
test('holds', () => expect(1).toBe(1))

test('waits for root', ({ skip }) => skip('not root'))`,
  })
  expect(lines.at(-1)).toBe('1 passed, 0 failed, 1 skipped')
  expect(lines).toContain('skipped: test/good.test.ts > waits for root: not root')
  expect(lines.join('\n')).not.toContain('installing')
  expect(status).toBe(0)
})

test('a failing test, a file that does not load, a hook and a lint error each count as a failure', () => {
  const { status, lines } = npmTest({
    'test/bad.test.ts': `${vitest}\ntest('breaks', () => expect(1).toBe(2))`,
    'test/broken.test.ts': "throw new Error('cannot load')\n\nexport {}",
    'test/unready.test.ts': `${vitest.replace('expect', 'beforeAll')}
beforeAll(() => {
  throw new Error('cannot begin')
})

test('never runs', () => undefined)`,
    'src/untyped.ts': 'export let x: any',
  })
  expect(lines.at(-1)).toBe('0 passed, 4 failed, 1 skipped')
  expect(status).toBe(1)
})

test('nothing is tested when the build fails', () => {
  const { status, lines } = npmTest({
    'src/wrong.ts': "export const count: number = 'one'",
    'test/good.test.ts': `${vitest}\ntest('holds', () => expect(1).toBe(1))`,
  })
  expect(lines.at(-1)).toBe('0 passed, 1 failed')
  expect(lines.join('\n')).toContain('src/wrong.ts(1,14): error TS2322')
  expect(status).toBe(1)
})

test('no tests at all is not a success', () => {
  const { status, lines } = npmTest({})
  expect(lines).toContain('failed: no test was found')
  expect(lines.at(-1)).toBe('0 passed, 1 failed')
  expect(status).toBe(1)
})
