import { COUNT_MAX } from '../../crdt/sliced-counter.ts'
import { type Access, askOrFail, notANode, type Question } from './client.ts'
import type { OutputFormat } from './output.ts'
import type { Terminal } from './terminal.ts'

/** What of an answer is shown, in this order. */
const FIELDS = [
  'limit',
  'remaining',
  'retryAfterMs',
  'resetMs',
  'delayMs',
  'reason',
  'decidedBy',
  'consistency',
  'overshootBound',
  'weight',
  'owner',
  'node',
] as const

/** A node's answer, as far as the command relies on it. */
export interface PrintedAnswer extends Readonly<Record<(typeof FIELDS)[number], unknown>> {
  readonly allowed: boolean
}

/** Asks what is answered like a check. Throws `CommandError` for anything else. */
export async function askForAnswer(
  address: string,
  question: Question,
  access: Access,
): Promise<PrintedAnswer> {
  const answer = await askOrFail(address, question, access)
  if (typeof answer === 'object' && answer !== null && 'allowed' in answer) {
    return answer as PrintedAnswer
  }
  throw notANode(address)
}

export function printAnswer(
  answer: PrintedAnswer,
  heading: string,
  output: OutputFormat,
  terminal: Terminal,
): void {
  if (output === 'json') {
    terminal.print(JSON.stringify(answer))
    return
  }
  const width = Math.max(...FIELDS.map((field) => field.length))
  terminal.print(terminal.bold(heading))
  for (const field of FIELDS) {
    const value = answer[field]
    if (value !== undefined) terminal.print(`  ${field.padEnd(width)}  ${value}`)
  }
}

/** How a key stands, in words. */
export function standing({ limit, remaining }: PrintedAnswer): string {
  return limit === COUNT_MAX ? 'not limited' : `${remaining} of ${limit} left`
}
