import { execFileSync } from 'node:child_process'
import { resolve } from 'node:path'

const repository = resolve(import.meta.dirname, '../..')

/**
 * The end-to-end tests run `dist/`: whoever starts them, they run what is written now. What hurts real nodes refers
 * to all that they are made of.
 */
export function setup(): void {
  const tsc = resolve(repository, 'node_modules/typescript/bin/tsc')
  execFileSync(process.execPath, [tsc, '-b', 'tsconfig.chaos.json'], {
    cwd: repository,
    stdio: 'inherit',
  })
}
