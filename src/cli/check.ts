import { type Access, askOrFail } from './client.ts'
import { CommandError, type ExitCode } from './exit-code.ts'
import type { OutputFormat } from './output.ts'
import type { Terminal } from './terminal.ts'

export interface CheckQuestion extends Access {
  readonly url: string
  readonly rule: string
  readonly key: string
  readonly cost: number
  readonly output: OutputFormat
}

/** What of the answer is shown, in this order. */
const FIELDS = [
  'limit',
  'remaining',
  'retryAfterMs',
  'resetMs',
  'reason',
  'decidedBy',
  'consistency',
  'overshootBound',
  'owner',
  'node',
] as const

/** `weir check`: one check over HTTP; the exit code tells whether it was allowed. */
export async function check(question: CheckQuestion, terminal: Terminal): Promise<ExitCode> {
  const { url, rule, key, cost, output } = question
  const body = { rule, key, cost }
  const answer = await askOrFail(url, { method: 'POST', path: '/v1/check', body }, question)
  if (!isAnswer(answer)) {
    throw new CommandError(`${url} did not answer like a node of Weir`, { exit: 'rejected' })
  }
  if (output === 'json') {
    terminal.print(JSON.stringify(answer))
  } else {
    const width = Math.max(...FIELDS.map((field) => field.length))
    terminal.print(terminal.bold(answer.allowed ? 'allowed' : 'denied'))
    for (const field of FIELDS) terminal.print(`  ${field.padEnd(width)}  ${answer[field]}`)
  }
  return answer.allowed ? 'ok' : 'denied'
}

interface PrintedAnswer extends Readonly<Record<(typeof FIELDS)[number], unknown>> {
  readonly allowed: boolean
}

function isAnswer(body: unknown): body is PrintedAnswer {
  return typeof body === 'object' && body !== null && 'allowed' in body
}
