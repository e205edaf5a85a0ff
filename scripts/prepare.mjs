// What `npm start` and `npm test` have in common: installed dependencies and a fresh build, each step
// said in one line with the time it took, and no step repeated that has nothing to do.

import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { constants } from 'node:os'
import { basename, resolve } from 'node:path'

export const root = resolve(import.meta.dirname, '..')

/** A step that did not succeed; its output is already shown. `exitCode` is for the whole program. */
export class StepFailed extends Error {
  constructor(message, exitCode) {
    super(message)
    this.exitCode = exitCode
  }
}

/** Installs the dependencies if they are not those of the lockfile. */
export async function install() {
  if (installed()) return
  await step('installing dependencies (once, about a minute)', () => {
    const [command, args] = npm(['ci', '--no-audit', '--no-fund'])
    return run(command, args)
  })
}

/** Compiles `project` and what it refers to; the compiler itself skips what has not changed. */
export async function build(project = 'tsconfig.json') {
  await step('building', () => tool('typescript/bin/tsc', '-b', project))
}

/** Runs one of our JavaScript tools as a step. */
export function tool(script, ...args) {
  return run(process.execPath, [resolve(root, 'node_modules', script), ...args])
}

/**
 * Says what happens now, does it, and says how long it took. `work` resolves to the exit code and the
 * output of a child process; the output is shown only if the step failed.
 */
export async function step(name, work) {
  const startedMs = performance.now()
  process.stdout.write(`weir: ${name} ... `)
  const { code, output } = await work()
  const tookSeconds = ((performance.now() - startedMs) / 1000).toFixed(1)
  process.stdout.write(code === 0 ? `done in ${tookSeconds} s\n` : 'failed\n')
  if (code === 0) return
  process.stdout.write(`\n${output.trimEnd()}\n\n`)
  throw new StepFailed(`weir: ${name} failed; the lines above say why`, code)
}

/** Runs a program to its end. Signals to this process are passed on, so nothing is left behind. */
function run(command, args) {
  return new Promise((settle) => {
    const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => {
        output += text
      })
    }
    let stoppedBy
    const stop = (signal) => {
      stoppedBy = signal
      child.kill(signal)
    }
    process.on('SIGINT', stop).on('SIGTERM', stop)
    const end = (code) => {
      process.off('SIGINT', stop).off('SIGTERM', stop)
      settle({ code, output })
    }
    child.on('error', (error) => {
      output += `${command}: ${error.message}\n`
      end(127)
    })
    child.on('close', (code, signal) => {
      const endedBy = stoppedBy ?? signal
      if (endedBy !== null) output += `stopped by ${endedBy}\n`
      end(endedBy === null ? code : 128 + constants.signals[endedBy])
    })
  })
}

/** Whether `node_modules` holds what the lockfile says, by the record that npm leaves there. */
function installed() {
  const record = resolve(root, 'node_modules/.package-lock.json')
  if (!existsSync(record)) return false
  const have = packagesOf(record)
  const want = Object.entries(packagesOf(resolve(root, 'package-lock.json')))
  // The first entry is this package itself; optional ones may belong to another platform.
  return want.every(
    ([path, { version, optional }]) =>
      path === '' || (have[path] ? have[path].version === version : optional === true),
  )
}

function packagesOf(lockfile) {
  return JSON.parse(readFileSync(lockfile, 'utf8')).packages
}

/** The npm that runs us, so that the same npm installs; `npm` from the path otherwise. */
function npm(args) {
  const script = process.env.npm_execpath
  const known = script !== undefined && basename(script) === 'npm-cli.js'
  return known ? [process.execPath, [script, ...args]] : ['npm', args]
}
