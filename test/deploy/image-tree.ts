import { execFileSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join, posix } from 'node:path'
import type { Stage, Step } from './dockerfile.ts'
import { repository } from './repository-files.ts'

/**
 * The files of the image, made without a container engine: every stage is a folder, `COPY` copies, `RUN` runs in
 * it. `npm ci` links the installed packages instead, with `--omit=dev` only those that the lockfile does not
 * mark as for development. The last stage's `RUN` works on the base image's own folders, and is left out.
 */
export class ImageTree {
  readonly #root = mkdtempSync(join(tmpdir(), 'weir-image-'))
  readonly #names: readonly string[]

  constructor(stages: readonly Stage[]) {
    this.#names = stages.map(({ name }, index) => name ?? `stage-${index}`)
    for (const [index, stage] of stages.entries()) {
      const name = this.#names[index] ?? ''
      const isLast = index === stages.length - 1
      let folder = '/'
      for (const step of stage.steps) {
        if (step.instruction === 'WORKDIR') folder = step.text
        if (step.instruction === 'COPY') this.#copy(step, name, folder)
        if (step.instruction === 'RUN' && !isLast) this.#run(step, this.#place(name, folder))
      }
    }
  }

  /** Where a file of the finished image is on this machine. */
  path(inImage: string): string {
    return this.#place(this.#names.at(-1) ?? '', inImage)
  }

  remove(): void {
    rmSync(this.#root, { recursive: true, force: true })
  }

  #place(stage: string, path: string): string {
    return join(this.#root, stage, path)
  }

  #copy({ flags, words }: Step, stage: string, folder: string): void {
    const from = flags.get('from')
    const target = words.at(-1) ?? ''
    for (const source of words.slice(0, -1)) {
      const place = from === undefined ? join(repository.root, source) : this.#place(from, source)
      // A folder's content goes to the target; a file goes into it when the target is a folder.
      const into =
        target.endsWith('/') && !statSync(place).isDirectory()
          ? posix.join(target, basename(source))
          : target
      const to = this.#place(stage, posix.resolve(folder, into))
      mkdirSync(dirname(to), { recursive: true })
      cpSync(place, to, { recursive: true, verbatimSymlinks: true })
    }
  }

  #run({ text }: Step, folder: string): void {
    mkdirSync(folder, { recursive: true })
    if (text.startsWith('npm ci')) linkPackages(folder, text.includes('--omit=dev'))
    else execFileSync('sh', ['-c', text], { cwd: folder, stdio: 'pipe' })
  }
}

interface Lockfile {
  readonly packages: Readonly<Record<string, { readonly dev?: boolean }>>
}

function linkPackages(folder: string, omitDev: boolean): void {
  const lockfile: Lockfile = JSON.parse(readFileSync(join(folder, 'package-lock.json'), 'utf8'))
  const kept = Object.entries(lockfile.packages).filter(([, { dev }]) => !(omitDev && dev === true))
  for (const [path] of kept) {
    const installed = join(repository.root, path)
    if (!/^node_modules\/(@[^/]+\/)?[^/]+$/.test(path) || !existsSync(installed)) continue
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    symlinkSync(installed, join(folder, path), 'dir')
  }
  if (omitDev) return
  symlinkSync(join(repository.root, 'node_modules/.bin'), join(folder, 'node_modules/.bin'), 'dir')
}
