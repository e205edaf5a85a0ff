import type { LimitPolicy, Rule } from '../limiter/policy.ts'
import { renderRate } from '../rules/rate.ts'
import { columns, renderTable } from './output.ts'
import type { ServeAnnouncement } from './serving.ts'
import type { Terminal } from './terminal.ts'

/** What `weir dev --json` prints. */
export interface DevAnnouncement {
  readonly nodes: readonly {
    readonly name: string
    /** Base URLs. */
    readonly http: string
    readonly admin: string
    readonly pid: number
  }[]
  /** One for each limit of each rule; `rate` in tokens per second. */
  readonly rules: readonly {
    readonly name: string
    readonly rate: number
    readonly burst: number
  }[]
}

export function devAnnouncement(
  nodes: readonly ServeAnnouncement[],
  rules: readonly Rule[],
): DevAnnouncement {
  return {
    nodes: nodes.map(({ name, http, admin, pid }) => ({ name, http: http[0] ?? '', admin, pid })),
    rules: rules.flatMap(({ name, limits }) =>
      limits.map((limit) => ({ name, rate: tokensPerSecond(limit), burst: limit.burst })),
    ),
  }
}

/** The first minute with a cluster: what runs where, what to ask it, and how to hurt it. */
export function devScreen(
  { nodes }: DevAnnouncement,
  rules: readonly Rule[],
  terminal: Pick<Terminal, 'bold'>,
): string[] {
  const rows = nodes.map(({ name, http, admin, pid }) => [name, http, admin, `${pid}`])
  const [first] = nodes
  const last = nodes.at(-1)
  if (first === undefined || last === undefined) return []
  return [
    `Weir is running: ${nodes.length} ${nodes.length === 1 ? 'node' : 'nodes'} on this machine.`,
    '',
    ...renderTable(['NODE', 'CHECKS', 'ADMIN', 'PID'], rows, terminal),
    '',
    ...experiment(nodes, slowestRule(rules), terminal),
    terminal.bold('Try next'),
    ...columns([
      [`  kill -9 ${last.pid}`, 'a node dies: the others answer for its keys'],
      [`  curl -s ${first.admin}/api/v1/cluster`, 'what a node knows about the others'],
      [`  curl -s ${first.http}/metrics`, 'counters for Prometheus'],
    ]),
    '',
    'Ctrl-C stops everything.',
  ]
}

/** Three checks of one key at up to three nodes, whose answers do not depend on how fast one types. */
function experiment(
  nodes: DevAnnouncement['nodes'],
  rule: Rule | undefined,
  terminal: Pick<Terminal, 'bold'>,
): string[] {
  if (rule === undefined) return []
  const limit = tightest(rule)
  const at = (index: number) => nodes[index % nodes.length]?.http ?? ''
  const gate = (index: number, cost: number) =>
    `  curl -s -o /dev/null -w '%{http_code}\\n' '${at(index)}/v1/gate?rule=${rule.name}&key=alice&cost=${cost}'`
  const body = JSON.stringify({ rule: rule.name, key: 'alice', cost: 1 })
  const rest = limit.burst - 1
  return [
    terminal.bold(`One limit, whichever node is asked: "${rule.name}" is ${limitText(limit)}`),
    `  curl -s ${at(0)}/v1/check -H 'content-type: application/json' -d '${body}'`,
    `      {"allowed":true, ... "remaining":${rest} ...`,
    ...(rest === 0 ? [] : [gate(1, rest), `      204 (allowed: it took the other ${rest})`]),
    gate(2, 1),
    '      429 (denied: nothing is left, for a while, at any node)',
    '',
  ]
}

/** The rule whose bucket takes longest to refill. */
function slowestRule(rules: readonly Rule[]): Rule | undefined {
  return [...rules].sort((a, b) => refillSeconds(tightest(b)) - refillSeconds(tightest(a)))[0]
}

/** The limit that is reached first. */
function tightest(rule: Rule): LimitPolicy {
  const [first, ...others] = rule.limits
  if (first === undefined) throw new Error(`rule ${rule.name} has no limits`)
  return others.reduce((least, limit) => (limit.burst < least.burst ? limit : least), first)
}

function limitText({ rate, burst }: LimitPolicy): string {
  return `${renderRate(rate)}, at most ${burst} at once`
}

function tokensPerSecond({ rate }: LimitPolicy): number {
  return (rate.count * 1_000) / rate.periodMs
}

function refillSeconds(limit: LimitPolicy): number {
  return limit.burst / tokensPerSecond(limit)
}
