import type { ClusterStatus, MemberStatus } from '../running-node.ts'
import { type Access, type AdminQuestion, askOrFail } from './client.ts'
import { CommandError, type ExitCode } from './exit-code.ts'
import { renderTable } from './output.ts'
import type { Terminal } from './terminal.ts'

/** The cluster as the node at this admin address sees it. */
export async function fetchClusterStatus(
  admin: string,
  access: Access = {},
): Promise<ClusterStatus> {
  const body = await askOrFail(admin, { method: 'GET', path: '/api/v1/cluster' }, access)
  if (typeof body === 'object' && body !== null && 'members' in body) return body as ClusterStatus
  throw new CommandError(`${admin} did not answer like the admin address of a node`, {
    exit: 'rejected',
  })
}

/** `weir cluster status` */
export async function clusterStatus(
  { admin, output, ...access }: AdminQuestion,
  terminal: Terminal,
): Promise<ExitCode> {
  const status = await fetchClusterStatus(admin, access)
  const lines = output === 'json' ? [JSON.stringify(status)] : renderCluster(status, terminal)
  for (const line of lines) terminal.print(line)
  return 'ok'
}

function renderCluster(status: ClusterStatus, terminal: Pick<Terminal, 'bold'>): string[] {
  const rows = status.members.map((member) => [
    member.self ? `${member.name} *` : member.name,
    member.state,
    member.self ? '-' : member.linked ? 'yes' : 'no',
    heardText(member),
    member.id,
    member.addresses.join(' '),
  ])
  const heading = ['NAME', 'STATE', 'LINKED', 'HEARD', 'ID', 'ADDRESSES']
  const active = status.members.filter((member) => member.state === 'active').length
  return [
    ...renderTable(heading, rows, terminal),
    '',
    `${active} of ${status.members.length} active; view ${status.view.toString(16)}; as seen by ${status.node} (*)`,
  ]
}

function heardText({ self, heardMsAgo }: MemberStatus): string {
  if (self) return '-'
  return heardMsAgo === null ? 'never' : `${(heardMsAgo / 1_000).toFixed(1)} s ago`
}
