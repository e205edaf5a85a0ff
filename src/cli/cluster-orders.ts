import { type AdminQuestion, askOrFail } from './client.ts'
import type { ExitCode } from './exit-code.ts'
import type { Terminal } from './terminal.ts'

/** `weir cluster forget`: a member is gone for good. */
export async function forget(
  node: string,
  asked: AdminQuestion,
  terminal: Terminal,
): Promise<ExitCode> {
  const body = await order('forget', { node }, asked)
  const { id } = body as { readonly id?: string }
  tell(`${node} (${id}) is forgotten; the others hear of it within a second`, body, asked, terminal)
  return 'ok'
}

/** `weir cluster join`: members may be found here, too. */
export async function join(
  address: string,
  asked: AdminQuestion,
  terminal: Terminal,
): Promise<ExitCode> {
  const body = await order('join', { address }, asked)
  const next = 'until the node restarts; "weir cluster status" shows who was found'
  tell(`members are looked for at ${address} from now on, ${next}`, body, asked, terminal)
  return 'ok'
}

function order(name: 'forget' | 'join', body: object, asked: AdminQuestion): Promise<unknown> {
  const path = `/api/v1/cluster/${name}`
  return askOrFail(asked.admin, { method: 'POST', path, body }, asked)
}

function tell(words: string, body: unknown, { output }: AdminQuestion, terminal: Terminal): void {
  terminal.print(output === 'json' ? JSON.stringify(body) : words)
}
