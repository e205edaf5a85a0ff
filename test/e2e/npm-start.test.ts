import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { afterEach, expect, test } from 'vitest'

const repository = resolve(import.meta.dirname, '../..')

let npm: ChildProcess | undefined
afterEach(() => {
  // npm and what it runs; the nodes notice by themselves that their parent is gone.
  if (npm?.pid !== undefined && npm.exitCode === null) process.kill(-npm.pid, 'SIGKILL')
})

/** What `weir dev --json` says once the cluster is up. */
interface Announcement {
  readonly nodes: readonly { readonly pid: number }[]
}

async function announcement(process: ChildProcess): Promise<Announcement> {
  if (process.stdout === null) throw new Error('npm start has no output to read')
  const lines: string[] = []
  for await (const line of createInterface({ input: process.stdout })) {
    if (line.startsWith('{')) return JSON.parse(line)
    lines.push(line)
  }
  throw new Error(`npm start ended without a cluster:\n${lines.join('\n')}`)
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

test('npm start passes arguments on, and SIGTERM stops the whole cluster with exit code 0', async () => {
  npm = spawn('npm', ['start', '--', '--nodes', '2', '--json'], {
    cwd: repository,
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  })
  const { nodes } = await announcement(npm)
  expect(nodes.map(({ pid }) => isAlive(pid))).toEqual([true, true])
  npm.kill('SIGTERM')
  const [code] = await once(npm, 'exit')
  expect(code).toBe(0)
  expect(nodes.map(({ pid }) => isAlive(pid))).toEqual([false, false])
})
