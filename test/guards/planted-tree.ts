import { spawnSync } from 'node:child_process'
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'

/** The repository under test: guards read its real configuration, never a copy kept for the tests. */
export const repository = resolve(import.meta.dirname, '../..')

/** Source text by path, relative to the root of a tree. */
export type Sources = Readonly<Record<string, string>>

/** One complaint of a tool. `rule` is Biome's category or the compiler's code. */
export interface Diagnostic {
  readonly path: string
  /** Counted from 1. */
  readonly line: number
  readonly rule: string
  readonly message: string
}

/**
 * A throw-away tree with this repository's guards and other sources: what the guards say about the
 * planted files is what they would say about ours.
 */
export class PlantedTree {
  readonly root: string

  constructor(sources: Sources) {
    this.root = mkdtempSync(join(tmpdir(), 'weir-guards-'))
    for (const file of readdirSync(repository)) {
      if (/^(package|package-lock|biome|tsconfig.*)\.json$|\.grit$/.test(file)) {
        cpSync(join(repository, file), join(this.root, file))
      }
    }
    symlinkSync(join(repository, 'node_modules'), join(this.root, 'node_modules'), 'dir')
    for (const [path, text] of Object.entries(sources)) {
      mkdirSync(dirname(join(this.root, path)), { recursive: true })
      writeFileSync(join(this.root, path), `${text}\n`)
    }
  }

  /** Everything Biome's linter says about the tree. */
  lint(): Diagnostic[] {
    const output = this.#run('@biomejs/biome/bin/biome', [
      'lint',
      '--reporter=json',
      '--max-diagnostics=none',
    ])
    const report = JSON.parse(output) as {
      diagnostics: {
        category: string
        message: string
        location: { path: string; start: { line: number } }
      }[]
    }
    return report.diagnostics.map(({ category, message, location }) => ({
      path: location.path,
      line: location.start.line,
      rule: category,
      message,
    }))
  }

  /** Everything the compiler says about the tree, all projects. */
  compile(): Diagnostic[] {
    const output = this.#run('typescript/bin/tsc', ['-b', '--pretty', 'false'])
    return output
      .split('\n')
      .filter((text) => /\berror TS\d+: /.test(text))
      .map((text) => {
        const [, path = '', line = '0', rule = '', message = ''] =
          /^(?:(\S+?)\((\d+),\d+\): )?error (TS\d+): (.*)$/.exec(text) ?? []
        return { path, line: Number(line), rule, message }
      })
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true })
  }

  #run(tool: string, args: readonly string[]): string {
    const script = join(repository, 'node_modules', tool)
    const run = spawnSync(process.execPath, [script, ...args], {
      cwd: this.root,
      encoding: 'utf8',
      maxBuffer: 64 << 20,
    })
    if (run.error) throw run.error
    // A tool that fell over has nothing to say; that must not read as nothing to complain about.
    if (run.status !== 0 && run.stdout === '') throw new Error(`${tool} failed: ${run.stderr}`)
    return run.stdout
  }
}
