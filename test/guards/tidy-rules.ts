import { posix } from 'node:path'

// What no compiler and no linter looks at, as pure functions over the files of a tree: each returns the
// complaints it has, so each can be shown a planted violation.

/** A file of the tree; `path` is relative to its root, with forward slashes. */
export interface TreeFile {
  readonly path: string
  readonly text: string
}

const LINES_MAX = 400
const CODE = /\.(ts|mjs|js|sh|lua)$/
const VAGUE_NAMES = /^(utils?|helpers?|common|types|services?|managers?)$/
const TEST_FILE = /\.(test|bench)\.ts$/

/** Files are small: a file that grows past the limit holds two concepts. */
export function longFiles(files: readonly TreeFile[]): string[] {
  return files
    .filter(({ path }) => CODE.test(path))
    .map(({ path, text }) => ({ path, lines: text.split('\n').length - 1 }))
    .filter(({ lines }) => lines > LINES_MAX)
    .map(({ path, lines }) => `${path}: ${lines} lines, at most ${LINES_MAX}: split it by concept`)
}

/** A folder or file is named after a concept, never after the fact that it holds things. */
export function vagueNames(files: readonly TreeFile[]): string[] {
  return files
    .filter(({ path }) => path.split('/').some((part) => VAGUE_NAMES.test(stemOf(part))))
    .map(({ path }) => `${path}: name it after the concept it holds`)
}

/** Marks of unfinished work, and traces of the machine it was written on. */
export function forbiddenWords(files: readonly TreeFile[]): string[] {
  const words: readonly (readonly [RegExp, string])[] = [
    [/\b(TO[D]O|FIX[M]E|X{3}|HA[C]K)\b/, 'finish it, or write down the limit it has'],
    [/(?<![\w.])\/(work|root|home|Users)\/\w/, 'a path of one machine'],
    [/\bregistry\.npm(js|mirror)|\bregistry\.yarn|"resolved":\s*"http/, 'a registry host'],
  ]
  return files.flatMap(({ path, text }) =>
    text
      .split('\n')
      .flatMap((line, index) =>
        words
          .filter(([word]) => word.test(line))
          .map(([, reason]) => `${path}:${index + 1} ${line.trim().slice(0, 80)}: ${reason}`),
      ),
  )
}

/** Source files in `folders` that no entry point and no test reaches by its imports. */
export function deadFiles(
  files: readonly TreeFile[],
  folders: readonly string[],
  entries: readonly string[],
): string[] {
  const texts = new Map(files.map(({ path, text }) => [path, text]))
  const waiting = files
    .map(({ path }) => path)
    .filter((path) => entries.includes(path) || TEST_FILE.test(path))
  const reached = new Set(waiting)
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    for (const target of importsOf(path, texts.get(path) ?? '')) {
      if (!texts.has(target) || reached.has(target)) continue
      reached.add(target)
      waiting.push(target)
    }
  }
  return files
    .map(({ path }) => path)
    .filter((path) => folders.some((folder) => path.startsWith(`${folder}/`)))
    .filter((path) => path.endsWith('.ts') && !path.endsWith('.d.ts') && !reached.has(path))
    .map((path) => `${path}: nothing imports it`)
}

/** Where the README's table of folders, their names in its first column, and the tree disagree. */
export function mapMistakes(readme: string, files: readonly TreeFile[]): string[] {
  const firstCells = Array.from(readme.matchAll(/^\|([^|]*)\|/gm), ([, cell = '']) => cell)
  const names = firstCells.flatMap((cell) => Array.from(cell.matchAll(/`([\w./-]+)\/`/g)))
  const named = new Set(names.map(([, name = '']) => name))
  if (named.size === 0) return ['README.md: no table of folders']
  const folders = files.map(({ path }) => path.split('/')).filter(({ length }) => length > 1)
  const top = new Set(folders.map(([first = '']) => first).filter((it) => !it.startsWith('.')))
  const exists = (folder: string) => files.some(({ path }) => path.startsWith(`${folder}/`))
  return [
    ...[...named].filter((folder) => !exists(folder)).map((it) => `${it}/: not there`),
    ...[...top].filter((folder) => !named.has(folder)).map((it) => `${it}/: not in the README`),
  ]
}

function stemOf(part: string): string {
  return part.split('.', 1)[0] ?? part
}

/** The relative imports of a module: static, re-exported and dynamic ones. */
function importsOf(path: string, text: string): string[] {
  const specifiers = text.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*'(\.[^']+)'/g)
  return Array.from(specifiers, ([, specifier = '']) => posix.join(posix.dirname(path), specifier))
}
