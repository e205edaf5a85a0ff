import { askForAnswer, printAnswer } from './answer.ts'
import type { ExitCode } from './exit-code.ts'
import type { OutputFormat } from './output.ts'
import type { Terminal } from './terminal.ts'

export interface CheckQuestion {
  readonly url: string
  readonly rule: string
  readonly key: string
  /** Absent: what the rule says. */
  readonly cost?: number
  readonly descriptor: ReadonlyMap<string, string>
  readonly output: OutputFormat
}

/** `weir check`: one check over HTTP; the exit code tells whether it was allowed. */
export async function check(question: CheckQuestion, terminal: Terminal): Promise<ExitCode> {
  const { url, rule, key, cost, descriptor, output } = question
  const body = { rule, key, cost, descriptors: Object.fromEntries(descriptor) }
  const answer = await askForAnswer(url, { method: 'POST', path: '/v1/check', body })
  printAnswer(answer, answer.allowed ? 'allowed' : 'denied', output, terminal)
  return answer.allowed ? 'ok' : 'denied'
}
