import { existsSync, readFileSync } from 'node:fs'
import { join, posix, resolve } from 'node:path'
import { isIgnored } from './ignored.ts'

const root = resolve(import.meta.dirname, '../..')

/** The files of the repository, by paths relative to its top, with or without `./`. */
export const repository = {
  root,
  has: (path: string) => existsSync(join(root, path)),
  read: (path: string) => readFileSync(join(root, path), 'utf8'),
  /** Whether the build never sees the path. */
  isKeptFromBuild: (path: string) =>
    isIgnored(repository.read('.dockerignore'), posix.normalize(path)),
  /** Whether the ignore file beside it keeps the path out of the history. */
  isKeptFromHistory: (path: string) => {
    const ignoreFile = posix.join(posix.dirname(path), '.gitignore')
    const text = repository.has(ignoreFile) ? repository.read(ignoreFile) : ''
    return isIgnored(text, posix.basename(path))
  },
}

export interface Manifest {
  readonly bin: { readonly weir: string }
  readonly exports: Readonly<Record<string, string | Readonly<Record<string, string>>>>
}

export const manifest: Manifest = JSON.parse(repository.read('package.json'))
