import { askForAnswer, printAnswer, standing } from './answer.ts'
import type { CheckQuestion } from './check.ts'
import type { ExitCode } from './exit-code.ts'
import type { Terminal } from './terminal.ts'

export type PeekQuestion = Omit<CheckQuestion, 'cost'>

/** `weir peek`: a check of cost 0, which takes nothing; the exit code tells whether anything is left. */
export async function peek(question: PeekQuestion, terminal: Terminal): Promise<ExitCode> {
  const { url, rule, key, descriptor, output } = question
  const body = { rule, key, cost: 0, descriptors: Object.fromEntries(descriptor) }
  const answer = await askForAnswer(url, { method: 'POST', path: '/v1/check', body })
  printAnswer(answer, standing(answer), output, terminal)
  return answer.allowed && answer.remaining !== 0 ? 'ok' : 'denied'
}
