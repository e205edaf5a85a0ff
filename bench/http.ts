import type { AddressInfo } from 'node:net'
import { KEEP_ALIVE_MS } from '../src/http/limits.ts'
import { interleave, ratios } from './interleave.ts'
import { checksPerCpuSecond, described, type Loaded, LoadGenerator, type Target } from './load.ts'
import type { CannedAnswer } from './processes/bare-http.ts'
import { figure, type Reading, type Row, type Scale, type Subject } from './row.ts'
import { type ServedNode, Stand } from './stand.ts'
import type { Worker } from './worker.ts'
import { CONNECTIONS, KEYS, keyText, keyTexts, RULE } from './workload.ts'

const GATE: Row = {
  name: 'http-gate',
  measures: 'GET /v1/gate, own key / bare node:http GET that answers the same bytes',
  unit: '×',
  target: { atLeast: 0.8 },
}
const CHECK: Row = {
  name: 'http-check',
  measures: 'POST /v1/check, own key / bare node:http POST that parses JSON, same bytes',
  unit: '×',
  target: { atLeast: 0.75 },
}
const UNIX: Row = {
  name: 'http-unix',
  measures: 'POST /v1/check over a Unix socket / over TCP',
  unit: '×',
  target: { atLeast: 1.2 },
}

/** What the HTTP door costs above Node's own HTTP server. */
export const http: Subject = {
  name: 'http',
  rows: [GATE, CHECK, UNIX],
  measure: (scale) => Stand.with((stand) => measure(stand, scale)),
}

async function measure(stand: Stand, scale: Scale): Promise<Map<string, Reading>> {
  const socket = `${stand.folder}/http.sock`
  const listen = `127.0.0.1:0,unix:${socket}`
  const node = await stand.node('bench', 'server', ['--listen', listen, '--peer-listen', 'none'])
  const bareGet = await bareServer(stand, await answerOf(gateRequest(node)))
  const barePost = await bareServer(stand, await answerOf(checkRequest(node)))
  const generator = new LoadGenerator(stand)
  const keys = keyTexts(KEYS)
  const turn = (to: Target, route: 'gate' | 'check', pid: number) => (durationMs: number) =>
    generator.run(to, route, { keys, connections: CONNECTIONS, durationMs, pids: [pid] })
  const tcp = addressOf(node.url)
  const turns = await interleave(scale, {
    bareGet: turn(bareGet.address, 'gate', bareGet.pid),
    gate: turn(tcp, 'gate', node.pid),
    barePost: turn(barePost.address, 'check', barePost.pid),
    check: turn(tcp, 'check', node.pid),
    unix: turn({ path: socket }, 'check', node.pid),
  })
  assertSameBytes(turns.gate, turns.bareGet)
  assertSameBytes(turns.check, turns.barePost)
  return new Map([
    [GATE.name, compared(turns.gate, turns.bareGet, 'gate', 'bare')],
    [CHECK.name, compared(turns.check, turns.barePost, 'check', 'bare')],
    [UNIX.name, compared(turns.unix, turns.check, 'Unix socket', 'TCP')],
  ])
}

function compared(of: readonly Loaded[], to: readonly Loaded[], ...names: [string, string]) {
  const values = ratios(checksPerCpuSecond(of), checksPerCpuSecond(to))
  return figure(values, `${described(names[0], of)}; ${described(names[1], to)}`)
}

export function addressOf(url: string): Target {
  const { hostname, port } = new URL(url)
  return { host: hostname, port: Number(port) }
}

interface BareServer {
  readonly address: Target
  readonly pid: number
}

async function bareServer(stand: Stand, answer: CannedAnswer): Promise<BareServer> {
  const worker: Worker<CannedAnswer, AddressInfo> = stand.worker('bare-http', 'server')
  const { address, port } = await worker.ask(answer)
  return { address: { host: address, port }, pid: worker.pid }
}

function gateRequest({ url }: ServedNode): Request {
  return new Request(`${url}/v1/gate?rule=${RULE}&key=${keyText(0)}`)
}

function checkRequest({ url }: ServedNode): Request {
  return new Request(`${url}/v1/check`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ rule: RULE, key: keyText(0) }),
  })
}

/** Headers that every Node server makes by itself. */
const OWN_HEADERS = ['connection', 'date', 'keep-alive']

async function answerOf(request: Request): Promise<CannedAnswer> {
  const response = await fetch(request)
  const headers = [...response.headers].filter(([name]) => !OWN_HEADERS.includes(name))
  return {
    status: response.status,
    headers: Object.fromEntries(headers),
    body: await response.text(),
    keepAliveMs: KEEP_ALIVE_MS,
  }
}

/** Numbers in an answer may have a digit more or less. */
const DIGITS = 8

/** @throws Error when contenders do not say the same. */
export function assertSameBytes(of: readonly Loaded[], to: readonly Loaded[]): void {
  const [one, other] = [of[0]?.answerBytes ?? 0, to[0]?.answerBytes ?? 0]
  if (Math.abs(one - other) <= DIGITS) return
  throw new Error(`answers of ${one} and ${other} bytes are compared: they are to be the same`)
}
