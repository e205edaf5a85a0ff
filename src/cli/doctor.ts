import type { NodeStatus } from '../running-node.ts'
import { type Access, type AdminQuestion, askOrFail } from './client.ts'
import { examine, type Finding } from './doctor-checks.ts'
import { CommandError, type ExitCode } from './exit-code.ts'
import { renderTable } from './output.ts'
import type { Terminal } from './terminal.ts'

/** `weir doctor`: whether a node and its cluster are well, and what to do if not. */
export async function doctor(
  { admin, output, ...access }: AdminQuestion,
  terminal: Terminal,
): Promise<ExitCode> {
  const { findings, exit } = await findingsAt(admin, access)
  const lines = output === 'json' ? [JSON.stringify(findings)] : rendered(findings, terminal)
  for (const line of lines) terminal.print(line)
  return exit
}

async function findingsAt(
  admin: string,
  access: Access,
): Promise<{ readonly findings: readonly Finding[]; readonly exit: ExitCode }> {
  try {
    const findings = [reachable(admin), ...examine(await statusAt(admin, access))]
    const isWell = findings.every(({ result }) => result === 'pass')
    return { findings, exit: isWell ? 'ok' : 'unwell' }
  } catch (error) {
    if (!(error instanceof CommandError) || error.exit !== 'unreachable') throw error
    return { findings: [unreachable(error.message)], exit: error.exit }
  }
}

async function statusAt(admin: string, access: Access): Promise<NodeStatus> {
  const body = await askOrFail(admin, { method: 'GET', path: '/api/v1/status' }, access)
  if (typeof body === 'object' && body !== null && 'partition' in body) return body as NodeStatus
  throw new CommandError(`${admin} did not answer like the admin address of a node`, {
    exit: 'rejected',
  })
}

function reachable(admin: string): Finding {
  return { check: 'reachable', result: 'pass', detail: `a node answers at ${admin}` }
}

function unreachable(detail: string): Finding {
  const mend = 'start the node, or name its admin address with --admin'
  return { check: 'reachable', result: 'fail', detail, mend }
}

function rendered(findings: readonly Finding[], terminal: Pick<Terminal, 'bold'>): string[] {
  const rows = findings.map(({ check, result, detail }) => [result.toUpperCase(), check, detail])
  const mends = findings.flatMap(({ check, mend }) => (mend ? [`${check}: ${mend}`] : []))
  return [
    ...renderTable(['RESULT', 'CHECK', 'DETAIL'], rows, terminal),
    '',
    ...(mends.length > 0 ? mends : ['all is well']),
  ]
}
