import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { repository } from './planted-tree.ts'
import {
  deadFiles,
  forbiddenWords,
  longFiles,
  mapMistakes,
  type TreeFile,
  vagueNames,
} from './tidy-rules.ts'

const NOT_OURS = new Set(['node_modules', 'dist', 'coverage', '.git', '.weir'])
const TEXT = /\.(ts|mjs|js|json|ya?ml|md|sh|lua|grit|toml|conf|cfg)$|(^|\/)[^.]+$|(^|\/)\.\w+$/
const ENTRIES = [
  'src/index.ts',
  'src/client/index.ts',
  'src/middleware/fastify.ts',
  'src/middleware/express.ts',
  'src/cli/main.ts',
  'crdt/index.ts',
  'sim/main.ts',
]

function filesUnder(folder: string): TreeFile[] {
  return readdirSync(join(repository, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`
    if (NOT_OURS.has(entry.name)) return []
    if (entry.isDirectory()) return filesUnder(path)
    if (!entry.isFile() || !TEXT.test(path)) return []
    return [{ path, text: readFileSync(join(repository, path), 'utf8') }]
  })
}

const files = filesUnder('')
const file = (path: string, text = ''): TreeFile => ({ path, text })

describe('the repository', () => {
  test('has files to look at', () => expect(files.length).toBeGreaterThan(50))

  test('has no long file', () => expect(longFiles(files)).toEqual([]))

  test('has no vague name', () => expect(vagueNames(files)).toEqual([]))

  test('has no mark of unfinished work and no trace of a machine', () => {
    expect(forbiddenWords(files)).toEqual([])
  })

  test('has no dead file', () => {
    expect(deadFiles(files, ['src', 'crdt', 'cluster', 'sim'], ENTRIES)).toEqual([])
  })

  test('looks as the README draws it', ({ skip }) => {
    const readme = join(repository, 'README.md')
    skip(!existsSync(readme), 'there is no README.md yet')
    expect(mapMistakes(readFileSync(readme, 'utf8'), files)).toEqual([])
  })
})

describe('a planted violation is seen', () => {
  test('a long file', () => {
    const long = [file('src/long.ts', 'x\n'.repeat(401)), file('src/short.ts', 'x\n'.repeat(400))]
    expect(longFiles(long)).toEqual([expect.stringContaining('src/long.ts: 401 lines')])
  })

  test.each(['src/utils/x.ts', 'cluster/helpers.ts', 'src/common.test.ts', 'src/x/types.ts'])(
    'the name %s',
    (path) => expect(vagueNames([file(path)])).toHaveLength(1),
  )

  test('but not a name that only begins like a vague one', () => {
    expect(vagueNames([file('src/utilisation.ts'), file('src/service-level.ts')])).toEqual([])
  })

  test.each([
    ['a note to oneself', `// ${'TO'}${'DO'}: later`],
    ['a machine path', `read('${'/ho'}me/someone/x')`],
    ['a registry host', `"https://${'registry.npm'}js.org/x"`],
  ])('%s', (_, text) => expect(forbiddenWords([file('src/x.ts', text)])).toHaveLength(1))

  test('a file that only dead files import', () => {
    const tree = [
      file('src/index.ts', "export { a } from './a.ts'\nconst lazy = () => import('./lazy.ts')"),
      file('src/a.ts'),
      file('src/lazy.ts'),
      file('src/tested.ts'),
      file('src/dead.ts', "import { b } from './dead-too.ts'"),
      file('src/dead-too.ts'),
      file('src/shape.d.ts'),
      file('test/tested.test.ts', "import { tested } from '../src/tested.ts'"),
    ]
    expect(deadFiles(tree, ['src'], ['src/index.ts'])).toEqual([
      expect.stringContaining('src/dead.ts'),
      expect.stringContaining('src/dead-too.ts'),
    ])
  })

  test('a README that shows a folder which is gone, or forgets one', () => {
    const tree = [file('src/http/x.ts'), file('crdt/x.ts'), file('.ci/run'), file('LICENSE')]
    const head = '# Weir\n\n| folder | what it is |\n|---|---|\n'
    const complete = `${head}| \`src/\` \`crdt/\` | the code |\n| \`src/http/\` | a door |\n`
    expect(mapMistakes(complete, tree)).toEqual([])
    expect(mapMistakes(`${complete}| \`sim/\` | x |\n`, tree)).toEqual(['sim/: not there'])
    expect(mapMistakes(`${head}| \`src/\` | in \`crdt/\` too |\n`, tree)).toEqual([
      'crdt/: not in the README',
    ])
    expect(mapMistakes('# Weir\n', tree)).toEqual(['README.md: no table of folders'])
  })
})
