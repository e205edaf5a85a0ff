import { askForAnswer, printAnswer, standing } from './answer.ts'
import type { ExitCode } from './exit-code.ts'
import type { OutputFormat } from './output.ts'
import type { Terminal } from './terminal.ts'

export interface ResetQuestion {
  readonly admin: string
  readonly rule: string
  readonly key: string
  readonly descriptor: ReadonlyMap<string, string>
  readonly output: OutputFormat
}

/** `weir reset`: begins a key anew, and tells how it then stands. */
export async function reset(question: ResetQuestion, terminal: Terminal): Promise<ExitCode> {
  const { admin, rule, key, descriptor, output } = question
  const body = { rule, key, descriptors: Object.fromEntries(descriptor) }
  const answer = await askForAnswer(admin, { method: 'POST', path: '/v1/reset', body })
  printAnswer(answer, standing(answer), output, terminal)
  return 'ok'
}
