// `npm start`: everything a fresh clone needs, then a small cluster on this machine until it is stopped.
// Arguments after `--` go to `weir dev`.

import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build, install, root, StepFailed } from './prepare.mjs'

const NODES = 3

try {
  await install()
  await build('tsconfig.edge.json')
} catch (error) {
  if (!(error instanceof StepFailed)) throw error
  console.error(error.message)
  process.exit(error.exitCode)
}

// From here this process is `weir dev`: signals and the exit code are its own, nothing stands between.
const main = resolve(root, 'dist/src/cli/main.js')
const asked = process.argv.slice(2)
const nodes = asked.some((it) => /^--nodes(=|$)/.test(it)) ? [] : ['--nodes', String(NODES)]
process.argv = [process.execPath, main, 'dev', ...nodes, ...asked]
await import(pathToFileURL(main).href)
