import type { Explanation, LimitExplanation, RuleExplanation } from '../explanation.ts'
import type { PartitionInspection } from '../running-node.ts'
import { type Access, askOrFail, notANode } from './client.ts'
import { CommandError, type ExitCode } from './exit-code.ts'
import type { OutputFormat } from './output.ts'
import type { Terminal } from './terminal.ts'

/** A rule and a key, or a request by what is known of it. */
export interface ExplainQuestion extends Access {
  readonly url: string
  readonly rule?: string | undefined
  readonly key?: string | undefined
  readonly descriptor: ReadonlyMap<string, string>
  readonly header: ReadonlyMap<string, string>
  readonly method?: string | undefined
  readonly path?: string | undefined
  readonly host?: string | undefined
  readonly ip?: string | undefined
  readonly output: OutputFormat
}

const MS_PER_SECOND = 1_000

/** `weir explain`: what the rules say about a request, and on what counts. Asks only: nothing is taken. */
export async function explain(question: ExplainQuestion, terminal: Terminal): Promise<ExitCode> {
  const { url, output } = question
  const body = bodyOf(question)
  const answer = await askOrFail(url, { method: 'POST', path: '/v1/check', body }, question)
  if (!isExplained(answer)) {
    throw notANode(url)
  }
  if (output === 'json') {
    terminal.print(JSON.stringify(answer))
    return 'ok'
  }
  const { rules, unmatched } = answer.explain
  for (const rule of rules) {
    for (const line of ruleLines(rule, terminal)) terminal.print(line)
  }
  for (const { rule, detail } of unmatched) {
    terminal.print(`rule ${rule}   no match: ${printable(detail)}`)
  }
  for (const line of verdictLines(answer)) terminal.print(line)
  return 'ok'
}

function bodyOf(question: ExplainQuestion): object {
  const { rule, key, descriptor, header, method, path, host, ip } = question
  const asked = { cost: 0, explain: true, descriptors: Object.fromEntries(descriptor) }
  if (rule !== undefined || key !== undefined) {
    if (rule !== undefined && key !== undefined) return { ...asked, rule, key }
    throw new CommandError('--rule and --key go together: give both or none', { exit: 'usage' })
  }
  return { ...asked, method, path, host, ip, headers: Object.fromEntries(header) }
}

function ruleLines(rule: RuleExplanation, terminal: Terminal): string[] {
  const { tier, override, owners, partition, limits } = rule
  const owner = owners.length === 0 ? 'not counted' : `owner ${owners[0]}`
  const who = rule.missing === undefined ? `key ${printable(rule.key ?? '')}` : `no ${rule.missing}`
  const variant = [
    ...(tier === undefined ? [] : [`tier ${tier}`]),
    ...(override === undefined ? [] : [overrideText(override)]),
    ...(rule.mode === 'shadow' ? ['in shadow mode'] : []),
  ]
  return [
    terminal.bold(`rule ${rule.rule}   MATCH   ${who}   ${owner}`),
    ...(variant.length === 0 ? [] : [`  ${variant.join(', ')}`]),
    ...limits.map((limit) => `  ${limitText(limit)}`),
    ...(partition === undefined || partition.weight === 1 ? [] : [`  ${shareText(partition)}`]),
    `  says ${rule.reason}`,
  ]
}

function overrideText({ key, expires, reason }: NonNullable<RuleExplanation['override']>): string {
  const more = [
    ...(expires === undefined ? [] : [`expires ${expires}`]),
    ...(reason === undefined ? [] : [reason]),
  ]
  return `override ${key}${more.length === 0 ? '' : ` (${more.join('; ')})`}`
}

function limitText({ limit, inUse, nodes }: LimitExplanation): string {
  const shares = nodes.map(({ node, tokens, heardMsAgo }) => {
    if (heardMsAgo === 0) return `${node} ${tokens}`
    const heard = heardMsAgo === null ? 'never heard' : `heard ${heardMsAgo} ms ago`
    return `${node} ${tokens} (${heard})`
  })
  const admitted = shares.length === 0 ? '' : `   admitted lately: ${shares.join(' + ')}`
  return `limit ${limit}   in use ${inUse}${admitted}`
}

function verdictLines(answer: Explained): string[] {
  const { allowed, reason, rule, remaining, limit, resetMs, consistency, overshootBound } = answer
  if (!allowed) return [`=> DENY ${reason} by ${rule}`]
  if (rule === '') return ['=> ALLOW no_rule']
  const inShadow = answer.explain.rules.some((one) => one.rule === rule && one.mode === 'shadow')
  const room = remaining > 0 || inShadow ? 'ALLOW' : 'DENY'
  const whole = `${(resetMs / MS_PER_SECOND).toFixed(1)} s`
  return [
    `=> ${room} ${remaining} of ${limit} left of ${rule}, whole again in ${whole}; ${consistency}, overshoot bound ${overshootBound}`,
  ]
}

function shareText({ policy, weights, weight }: PartitionInspection): string {
  const percent = Math.round(100 * weight)
  return `network split: this side gives out ${percent} % (${policy}, by ${weights})`
}

/** Keys come from clients: none of their control characters reaches the terminal. */
function printable(text: string): string {
  return JSON.stringify(text)
}

interface Explained {
  readonly allowed: boolean
  readonly rule: string
  readonly reason: string
  readonly limit: number
  readonly remaining: number
  readonly resetMs: number
  readonly consistency: string
  readonly overshootBound: number
  readonly explain: Explanation
}

function isExplained(body: unknown): body is Explained {
  return typeof body === 'object' && body !== null && 'allowed' in body && 'explain' in body
}
