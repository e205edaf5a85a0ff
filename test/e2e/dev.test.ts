import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { DevAnnouncement } from '../../src/cli/dev-screen.ts'
import { inspectionOf } from '../support/real-cluster.ts'
import { MAIN } from '../support/real-node.ts'

// `weir dev --json`: what scripts and first-time users start.

let dev: ChildProcess
const lines: string[] = []
let announced: DevAnnouncement

beforeAll(async () => {
  dev = spawn(process.execPath, [MAIN, 'dev', '--nodes', '3', '--json'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const output = createInterface({ input: dev.stdout as NonNullable<typeof dev.stdout> })
  output.on('line', (line) => lines.push(line))
  await once(output, 'line')
  announced = JSON.parse(lines[0] as string) as DevAnnouncement
})
afterAll(() => dev.kill('SIGKILL'))

async function check(url: string, key: string): Promise<{ owner: string; allowed: boolean }> {
  const answer = await fetch(`${url}/v1/check`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ rule: 'demo', key }),
  })
  return (await answer.json()) as { owner: string; allowed: boolean }
}

test('prints one line once all nodes are ready: addresses, processes and rules', () => {
  expect(announced.nodes.map(({ name }) => name)).toEqual(['n1', 'n2', 'n3'])
  for (const { http, admin, pid } of announced.nodes) {
    expect(http).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
    expect(admin).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
    expect(process.kill(pid, 0)).toBe(true)
  }
  expect(announced.rules).toContainEqual({ name: 'demo', rate: 100, burst: 100 })
})

test('is ready when it says so: every node answers, and all name the same owner', async () => {
  const answers = await Promise.all(announced.nodes.map(({ http }) => check(http, 'shared')))
  expect(answers.every(({ allowed }) => allowed)).toBe(true)
  expect(new Set(answers.map(({ owner }) => owner)).size).toBe(1)
  for (const { http } of announced.nodes) {
    expect((await fetch(`${http}/livez`)).status).toBe(200)
    expect((await fetch(`${http}/readyz`)).status).toBe(200)
    expect(await (await fetch(`${http}/metrics`)).text()).toContain('rate_limiter_checks_total')
  }
})

test('goes on answering when the owner of a key is killed, and nobody becomes unready', async () => {
  const { owners } = await inspectionOf(announced.nodes[0] as { admin: string }, 'demo', 'orphan')
  const [owner] = announced.nodes.filter(({ name }) => name === owners[0])
  const survivors = announced.nodes.filter(({ name }) => name !== owners[0])
  process.kill(owner?.pid as number, 'SIGKILL')
  for (const { http } of survivors) {
    expect((await check(http, 'orphan')).allowed).toBe(true)
    expect((await fetch(`${http}/readyz`)).status).toBe(200)
  }
})

test('prints nothing more, and SIGTERM ends it with 0 and every node with it', async () => {
  dev.kill('SIGTERM')
  const [code] = await once(dev, 'exit')
  expect(code).toBe(0)
  expect(lines).toHaveLength(1)
  for (const { pid } of announced.nodes) expect(() => process.kill(pid, 0)).toThrow('ESRCH')
})
