import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { EXIT_CODES } from '../../src/cli/exit-code.ts'
import type { ServeAnnouncement, WorkersAnnouncement } from '../../src/cli/serving.ts'
import { clusterOf } from '../support/real-cluster.ts'
import { MAIN, startNode, within } from '../support/real-node.ts'

// Workers are real processes behind one port. What their clients see is the evidence.

const BURST = 60
const rulesOf = (burst: number) =>
  `version: 1\nrules:\n  - { name: r, limits: [{ rate: 1/h, burst: ${burst} }] }\n`

interface Line {
  readonly node: string
  readonly event: string
  /** ISO 8601. */
  readonly time: string
  readonly [name: string]: unknown
}

interface Host extends WorkersAnnouncement {
  readonly url: string
  readonly process: ChildProcess
  readonly log: readonly Line[]
}

let folder: string
let host: Host | undefined

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'weir-workers-'))
  writeFileSync(join(folder, 'rules.yaml'), rulesOf(BURST))
})

afterEach(async () => {
  // The parent's death is that of its workers.
  if (host !== undefined && isProcess(host.pid)) host.process.kill('SIGKILL')
  await allEnd()
  host = undefined
  rmSync(folder, { recursive: true, force: true })
})

function spawnServe(flags: readonly string[]): ChildProcess {
  const words = ['serve', '--json', '--name', 'w', '--workers', '2']
  const ports = [
    '--listen',
    '127.0.0.1:0',
    '--admin',
    '127.0.0.1:0',
    '--peer-listen',
    '127.0.0.1:0',
  ]
  const rules = ['--rules', join(folder, 'rules.yaml')]
  return spawn(process.execPath, [MAIN, ...words, ...ports, ...rules, ...flags], {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
}

async function start(...flags: string[]): Promise<Host> {
  const child = spawnServe(flags)
  const log: Line[] = []
  const { stdout, stderr } = child
  if (stdout === null || stderr === null) throw new Error('there are no pipes')
  createInterface({ input: stderr }).on('line', (line) => log.push(JSON.parse(line)))
  const [line] = (await once(createInterface({ input: stdout }), 'line')) as [string]
  const announcement = JSON.parse(line) as WorkersAnnouncement
  host = { ...announcement, url: announcement.http[0] as string, process: child, log }
  return host
}

/** No process of the host is left, not even one that came in another's place. */
async function allEnd(): Promise<void> {
  if (host === undefined) return
  const { pid, workers, log } = host
  const later = log.flatMap((line) => (line.event === 'started' ? [line.pid as number] : []))
  const pids = [pid, ...workers.map((worker) => worker.pid), ...later]
  await within(10_000, async () => !pids.some(isProcess))
}

function isProcess(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

interface Answer {
  readonly allowed: boolean
  readonly node: string
  readonly limit: number
}

/** A client that keeps its connection, and so asks one worker all the time. */
class Client {
  readonly #socket: Socket

  private constructor(socket: Socket) {
    this.#socket = socket
  }

  static async connect(url: string): Promise<Client> {
    const socket = connect(Number(new URL(url).port), '127.0.0.1')
    await once(socket, 'connect')
    return new Client(socket)
  }

  async check(key: string, cost = 1): Promise<Answer> {
    const body = JSON.stringify({ rule: 'r', key, cost })
    const head = `POST /v1/check HTTP/1.1\r\nhost: w\r\ncontent-type: application/json\r\ncontent-length: ${body.length}`
    this.#socket.write(`${head}\r\n\r\n${body}`)
    let text = ''
    while (!/\r\n\r\n\{.*\}$/s.test(text)) {
      const [chunk] = (await once(this.#socket, 'data')) as [Buffer]
      text += chunk.toString()
    }
    return JSON.parse(text.slice(text.indexOf('\r\n\r\n')))
  }

  close(): void {
    this.#socket.destroy()
  }
}

/** Clients that between them are connected to every worker. */
async function clientsOfAll({ url, workers }: Host): Promise<Client[]> {
  const clients: Client[] = []
  const reached = new Set<string>()
  await within(20_000, async () => {
    const client = await Client.connect(url)
    clients.push(client)
    reached.add((await client.check('nobody', 0)).node)
    return reached.size === workers.length
  })
  return clients
}

test('two workers answer at one port, are one cluster, and enforce one limit between them', async () => {
  const running = await start()
  expect(running.workers.map(({ name }) => name)).toEqual(['w-1', 'w-2'])
  expect(running.workers.map(({ http }) => http)).toEqual([running.http, running.http])
  for (const worker of running.workers) {
    const { members } = await clusterOf(worker)
    expect(members.map(({ name, state }) => [name, state]).sort()).toEqual([
      ['w-1', 'active'],
      ['w-2', 'active'],
    ])
  }
  const clients = await clientsOfAll(running)
  // Some keys are each worker's own, all are asked of both at once.
  for (const key of ['ada', 'bob', 'cid', 'dan']) {
    const answers: Answer[] = []
    const allowed = () => answers.filter((answer) => answer.allowed).length
    const askAll = () =>
      Promise.all(clients.map(async (client) => answers.push(await client.check(key))))
    // A machine that is full may shed some, and a forward that comes too late is counted twice.
    await within(30_000, async () => {
      await askAll()
      return allowed() >= 0.9 * BURST
    })
    for (let more = 0; more < BURST / 2; more++) await askAll()
    expect(allowed()).toBeLessThanOrEqual(BURST)
    expect(new Set(answers.map(({ node }) => node))).toEqual(new Set(['w-1', 'w-2']))
  }
  for (const client of clients) client.close()
})

test('metrics are of one worker each, at its own port, and not at the shared one', async () => {
  const running = await start()
  expect((await fetch(`${running.url}/metrics`)).status).toBe(404)
  const [client] = await clientsOfAll(running)
  const { node } = await (client as Client).check('ada')
  const counts = await Promise.all(running.workers.map((worker) => checksCounted(worker)))
  const asked = running.workers.findIndex(({ name }) => name === node)
  expect(counts[asked]).toBeGreaterThan(0)
  expect((await fetch(`${running.url}/readyz`)).status).toBe(200)
})

async function checksCounted({ admin }: ServeAnnouncement): Promise<number> {
  const text = await (await fetch(`${admin}/metrics`)).text()
  const counted = text.matchAll(/^rate_limiter_checks_total\{.*rule="r".*\} (\d+)$/gm)
  return [...counted].reduce((sum, [, count]) => sum + Number(count), 0)
}

test('a worker that is killed comes back to its place, and meanwhile the other answers', async () => {
  const running = await start('--data-dir', join(folder, 'data'))
  const [first, second] = running.workers as [ServeAnnouncement, ServeAnnouncement]
  const idOf = async (worker: ServeAnnouncement) => {
    const { members } = await clusterOf(worker)
    return members.find(({ name }) => name === second.name)?.id
  }
  const before = await idOf(first)
  process.kill(second.pid, 'SIGKILL')
  const answered = async () => {
    const client = await Client.connect(running.url)
    const { node } = await client.check('ada', 0)
    client.close()
    return node
  }
  await within(5_000, async () => running.log.some(({ event }) => event === 'worker_ended'))
  expect(await answered()).toBe('w-1')
  const ended = running.log.find(({ event }) => event === 'worker_ended')
  expect(ended).toMatchObject({ node: 'w', worker: 'w-2', how: 'was ended by SIGKILL' })
  await within(20_000, async () => (await answered()) === 'w-2')
  expect(await idOf(first)).toBe(before)
  const { members } = await clusterOf(first)
  expect(members.map(({ state }) => state)).toEqual(['active', 'active'])
})

test('SIGHUP has both read their rules again', async () => {
  const running = await start()
  const clients = await clientsOfAll(running)
  writeFileSync(join(folder, 'rules.yaml'), rulesOf(7))
  running.process.kill('SIGHUP')
  const limits = () => Promise.all(clients.map((client) => client.check('ada', 0)))
  await within(10_000, async () => (await limits()).every(({ limit }) => limit === 7))
  const changed = running.log.filter(({ event }) => event === 'rules_changed')
  expect(changed.map(({ node }) => node).sort()).toEqual(['w-1', 'w-2'])
  running.process.kill('SIGHUP')
  await within(10_000, async () => {
    return running.log.filter(({ event }) => event === 'rules_unchanged').length >= 2
  })
  for (const client of clients) client.close()
})

test('SIGTERM, even to all processes at once, has them leave in order to who stays', async () => {
  const stays = await startNode('stays', [
    ...['--listen', '127.0.0.1:0', '--admin', '127.0.0.1:0', '--peer-listen', '127.0.0.1:0'],
    ...['--rules', join(folder, 'rules.yaml')],
  ])
  try {
    const socket = join(folder, 'w.sock')
    const running = await start(
      '--seeds',
      stays.peer[0] ?? '',
      '--listen',
      `127.0.0.1:0,unix:${socket}`,
    )
    const keys = Array.from({ length: 12 }, (_, at) => `key-${at}`)
    await Promise.all(keys.map((key) => take(running.url, key, 50)))
    expect(statSync(socket).isSocket()).toBe(true)

    for (const { pid } of [...running.workers, running]) process.kill(pid, 'SIGTERM')
    const [code] = await once(running.process, 'exit')
    expect(code).toBe(0)
    await allEnd()
    expect(existsSync(socket)).toBe(false)
    // One after the other: nobody hands over to one that is leaving, too.
    expect(timeOf(running, 'w-2', 'stopping') >= timeOf(running, 'w-1', 'stopped')).toBe(true)
    const left = await Promise.all(keys.map((key) => allowedOf(stays.url, key, 20)))
    expect(Math.max(...left)).toBeLessThanOrEqual(BURST - 50)
  } finally {
    stays.process.kill('SIGKILL')
  }
})

function timeOf({ log }: Host, node: string, event: string): string {
  const line = log.find((one) => one.node === node && one.event === event)
  if (line === undefined) throw new Error(`${node} never logged ${event}`)
  return line.time
}

/** Asks until so many were allowed: a machine that is full may shed some, or take a member's silence for a split. */
async function take(url: string, key: string, tokens: number): Promise<void> {
  let taken = 0
  await within(30_000, async () => {
    taken += await allowedOf(url, key, tokens - taken)
    return taken === tokens
  })
}

/** How many of so many are allowed. */
async function allowedOf(url: string, key: string, times: number): Promise<number> {
  let allowed = 0
  for (let asked = 0; asked < times; asked++) {
    const { status } = await fetch(`${url}/v1/gate?rule=r&key=${key}`)
    if (status === 204) allowed += 1
  }
  return allowed
}

test('a worker that is stuck is killed in the end, and the one after it leaves in order', async () => {
  const running = await start()
  process.kill((running.workers[0] as ServeAnnouncement).pid, 'SIGSTOP')
  running.process.kill('SIGTERM')
  const [code] = await once(running.process, 'exit')
  expect(code).toBe(EXIT_CODES.failure)
  await allEnd()
  expect(running.log).toContainEqual(
    expect.objectContaining({ event: 'stop_timeout', worker: 'w-1' }),
  )
  expect(timeOf(running, 'w-2', 'stopped')).toBeDefined()
})

test('when the parent is killed no worker is left', async () => {
  const running = await start()
  running.process.kill('SIGKILL')
  await allEnd()
})

test('when one of them cannot start none is left, and the error is told', async () => {
  writeFileSync(join(folder, 'data'), 'in the way')
  const child = spawnServe(['--data-dir', join(folder, 'data')])
  let told = ''
  child.stderr?.on('data', (chunk) => {
    told += chunk
  })
  const [code] = await once(child, 'exit')
  expect(code).toBe(EXIT_CODES.configuration)
  expect(told).toContain('weir: the node cannot start: EEXIST')
  expect(told).toContain('weir: w-1 ended with exit code 3')
})
