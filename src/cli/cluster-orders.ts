import { askOrFail } from './client.ts'
import type { ExitCode } from './exit-code.ts'
import type { OutputFormat } from './output.ts'
import type { Terminal } from './terminal.ts'

interface Asked {
  readonly admin: string
  readonly output: OutputFormat
}

/** `weir cluster forget`: a member is gone for good. */
export async function forget(node: string, asked: Asked, terminal: Terminal): Promise<ExitCode> {
  const body = await askOrFail(asked.admin, {
    method: 'POST',
    path: '/api/v1/cluster/forget',
    body: { node },
  })
  const { id } = body as { readonly id?: string }
  tell(`${node} (${id}) is forgotten; the others hear of it within a second`, body, asked, terminal)
  return 'ok'
}

/** `weir cluster join`: members may be found here, too. */
export async function join(address: string, asked: Asked, terminal: Terminal): Promise<ExitCode> {
  const body = await askOrFail(asked.admin, {
    method: 'POST',
    path: '/api/v1/cluster/join',
    body: { address },
  })
  const next = 'until the node restarts; "weir cluster status" shows who was found'
  tell(`members are looked for at ${address} from now on, ${next}`, body, asked, terminal)
  return 'ok'
}

function tell(words: string, body: unknown, { output }: Asked, terminal: Terminal): void {
  terminal.print(output === 'json' ? JSON.stringify(body) : words)
}
