import { execFile } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { type Defect, plant } from './defect.ts'
import type { Hunt, Hunted } from './hunt.ts'

const SOURCES = ['crdt', 'cluster', 'src', 'sim', 'test/defects'] as const
const CONFIGURATION = ['package.json', 'tsconfig.base.json'] as const
const ENTRY = 'test/defects/hunt'

const run = promisify(execFile)

/** A copy of the core and the simulator, compiled, in a folder of its own. */
export class Build {
  readonly #root: string

  private constructor(root: string) {
    this.#root = root
  }

  /**
   * Copies the sources of the repository at `root`, plants a defect, and compiles without looking at types: a
   * defect need not be well typed.
   *
   * @throws Error if the defect does not apply, or what comes of it is no program.
   */
  static async of(root: string, defect?: Defect): Promise<Build> {
    const build = new Build(mkdtempSync(join(tmpdir(), 'weir-defect-')))
    try {
      for (const path of [...SOURCES, ...CONFIGURATION]) {
        cpSync(join(root, path), join(build.#root, path), { recursive: true })
      }
      symlinkSync(join(root, 'node_modules'), join(build.#root, 'node_modules'), 'dir')
      if (defect !== undefined) plant(defect, build.#root)
      writeFileSync(join(build.#root, 'tsconfig.json'), JSON.stringify(COMPILATION))
      await compile(root, build.#root)
      return build
    } catch (error) {
      build.remove()
      throw error
    }
  }

  /** Where another build finds this one's way to examine a trial. */
  get examineUrl(): string {
    return pathToFileURL(join(this.#root, 'built/test/defects/examine.js')).href
  }

  async hunt(wish: Hunt): Promise<Hunted> {
    const program = join(this.#root, 'built', `${ENTRY}.js`)
    const { stdout } = await run(process.execPath, [program, JSON.stringify(wish)], {
      maxBuffer: OUTPUT_BYTES_MAX,
    })
    const hunted: unknown = JSON.parse(stdout)
    return hunted as Hunted
  }

  remove(): void {
    rmSync(this.#root, { recursive: true, force: true })
  }
}

/** @throws Error with what the compiler says. */
async function compile(root: string, copy: string): Promise<void> {
  const compiler = join(root, 'node_modules/typescript/bin/tsc')
  try {
    await run(process.execPath, [compiler, '-p', copy])
  } catch (error) {
    const { stdout } = error as { readonly stdout?: string }
    throw new Error(`what the defect made of the sources is no program: ${stdout}`, {
      cause: error,
    })
  }
}

const OUTPUT_BYTES_MAX = 64 * 1024 * 1024

const COMPILATION = {
  extends: './tsconfig.base.json',
  compilerOptions: {
    lib: ['ES2023'],
    types: [],
    composite: false,
    declaration: false,
    noCheck: true,
    outDir: 'built',
  },
  files: [`${ENTRY}.ts`],
}
