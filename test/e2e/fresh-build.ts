import { execFileSync } from 'node:child_process'
import { resolve } from 'node:path'

const repository = resolve(import.meta.dirname, '../..')

/** The end-to-end tests run `dist/`: whoever starts them, they run what is written now. */
export function setup(): void {
  const tsc = resolve(repository, 'node_modules/typescript/bin/tsc')
  execFileSync(process.execPath, [tsc, '-b', 'tsconfig.edge.json'], {
    cwd: repository,
    stdio: 'inherit',
  })
}
