import { fieldsOfLimit, isObject } from '../client/answer.ts'
import { ask, notANode, type Reply, rejectedBy } from './client.ts'
import type { ExitCode } from './exit-code.ts'
import { columns, type OutputFormat } from './output.ts'
import type { Terminal } from './terminal.ts'

export interface GateQuestion {
  readonly url: string
  readonly rule: string
  readonly key: string
  /** Absent: what the rule says. */
  readonly cost?: number
  readonly output: OutputFormat
}

const ALLOWED = 204
const DENIED = 429

/** `weir gate`: one check, answered by a status and header fields; the exit code tells whether it was allowed. */
export async function gate(question: GateQuestion, terminal: Terminal): Promise<ExitCode> {
  const { url, output } = question
  const reply = await ask(url, { method: 'GET', path: `/v1/gate?${queryOf(question)}` })
  const allowed = isAllowed(url, reply)
  const headers = fieldsOfLimit(reply.headers)
  if (output === 'json') {
    const { status, body: problem } = reply
    terminal.print(JSON.stringify({ allowed, status, headers, ...(!allowed && { problem }) }))
  } else {
    terminal.print(terminal.bold(allowed ? 'allowed' : 'denied'))
    for (const line of columns(Object.entries(headers))) terminal.print(`  ${line}`)
  }
  return allowed ? 'ok' : 'denied'
}

function queryOf({ rule, key, cost }: GateQuestion): URLSearchParams {
  const query = new URLSearchParams({ rule, key })
  if (cost !== undefined) query.set('cost', `${cost}`)
  return query
}

/** Throws `CommandError` for what is no decision. A 429 of something in between is none. */
function isAllowed(url: string, reply: Reply): boolean {
  const { status, body } = reply
  if (status === ALLOWED) return true
  if (status === DENIED && isObject(body) && body.code === 'quota_exceeded') return false
  throw status < 400 ? notANode(url) : rejectedBy(url, reply)
}
