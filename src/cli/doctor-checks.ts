import type { MemberReport, NodeStatus } from '../running-node.ts'

/** Judgements of a node and its cluster, each a function of what the node says of itself and of its peers. */

export interface Finding {
  /** Stable; see docs/reference/cli.md. */
  readonly check: string
  readonly result: 'pass' | 'warn' | 'fail'
  readonly detail: string
  /** What to do about it; absent when there is nothing to do. */
  readonly mend?: string
}

type Check = (status: NodeStatus) => Omit<Finding, 'check'>

/** Who has missed three frames is suspected; a frame comes twice a second, where nothing else is said. */
const FRAMES_MISSED_MAX = 3
const HEARD_MS_MAX = 1_500
/** Half of it is what a change of the deciding node may cost, 2 · offset · rate; see docs/guarantees.md. */
const CLOCK_OFFSET_MS_WARN = 250
/** Counts that come from further in the future are refused. */
const CLOCK_OFFSET_MS_FAIL = 1_000
/** Share of a table from which on it will soon have to forget keys. */
const KEYS_SHARE_WARN = 0.8
/** Forward timeouts are of this size: peers begin to go round a node that is held up for longer. */
const LAG_MS_WARN = 150
/** A gossip interval: the node itself then no longer trusts the silence of others. */
const LAG_MS_FAIL = 500

export const DOCTOR_CHECKS: ReadonlyMap<string, Check> = new Map([
  ['ready', ready],
  ['reload', reload],
  ['rules', rules],
  ['members', members],
  ['heard', heard],
  ['views', views],
  ['clocks', clocks],
  ['keys', keys],
  ['event-loop', eventLoop],
  ['partition', partition],
  ['gossip', gossip],
])

export function examine(status: NodeStatus): Finding[] {
  return [...DOCTOR_CHECKS].map(([check, judge]) => ({ check, ...judge(status) }))
}

function ready({ ready, state, node }: NodeStatus): ReturnType<Check> {
  if (ready) return pass(`${node} is ${state}`)
  const mend =
    state === 'joining'
      ? 'wait for some seconds; if it stays so, look at its log for link_up and at its seeds'
      : 'it was told to stop: ask another node'
  return { result: state === 'joining' ? 'warn' : 'fail', detail: `${node} is ${state}`, mend }
}

function reload({ rules }: NodeStatus): ReturnType<Check> {
  if (rules.refused === null) return pass('the rules could be used when they were last read')
  const mend =
    'mend the file, "weir rules check" tells what is wrong; until then the former rules hold'
  return fail(`the rules that were read last were refused: ${rules.refused}`, mend)
}

function rules({ rules, members }: NodeStatus): ReturnType<Check> {
  const told = othersIn(members).filter(isInRing)
  const others = told.filter(
    ({ settings }) => settings !== null && settings.rules !== rules.version,
  )
  if (others.length > 0) {
    const versions = others.map(({ name, settings }) => `${name} ${settings?.rules}`).join(', ')
    const mend = 'give all nodes the same rules file; "weir rules diff" tells what is different'
    return fail(`other rules than here (${rules.version}): ${versions}`, mend)
  }
  const silent = told.filter(({ settings }) => settings === null)
  if (silent.length === 0) return pass(`all nodes enforce version ${rules.version}`)
  const mend = 'ask again when they are linked; older versions of Weir never tell'
  return warn(`not told which rules they enforce: ${namesOf(silent)}`, mend)
}

function members({ members }: NodeStatus): ReturnType<Check> {
  const others = othersIn(members).filter(({ state }) => state !== 'left')
  const gone = others.filter(({ state }) => state === 'dead' || state === 'suspect')
  if (gone.length > 0) {
    const states = gone.map(({ name, state }) => `${name} is ${state}`).join(', ')
    const mend = 'start it again or mend its network; if it is gone for good: "weir cluster forget"'
    return fail(states, mend)
  }
  const unlinked = others.filter(({ linked }) => !linked)
  if (unlinked.length > 0) {
    const mend =
      'see that its port of peers can be reached from here, and that it advertises the right address'
    return fail(`not linked: ${namesOf(unlinked)}`, mend)
  }
  const joining = others.filter(({ state }) => state === 'joining')
  if (joining.length > 0) return warn(`joining: ${namesOf(joining)}`, 'ask again in some seconds')
  return pass(
    others.length === 0 ? 'there are no others' : `all ${others.length} others are linked`,
  )
}

function heard({ members, settings }: NodeStatus): ReturnType<Check> {
  const withinMs = Math.max(HEARD_MS_MAX, FRAMES_MISSED_MAX * (settings?.gossipIntervalMs ?? 0))
  const silent = othersIn(members).filter(
    ({ linked, heardMsAgo }) => linked && (heardMsAgo === null || heardMsAgo > withinMs),
  )
  if (silent.length === 0) return pass(`every linked member was heard within ${withinMs} ms`)
  const when = silent.map(({ name, heardMsAgo }) => `${name} ${agoText(heardMsAgo)}`).join(', ')
  return warn(
    `last heard: ${when}`,
    'look whether its process is held up, or the network loses packets',
  )
}

function views({ view, members }: NodeStatus): ReturnType<Check> {
  const others = othersIn(members).filter((member) => isInRing(member) && member.view !== null)
  const differing = others.filter((member) => member.view !== view)
  if (differing.length === 0) return pass(`all see the ring ${view.toString(16)}`)
  const mend = 'ask again in some seconds; if it stays so, not all members can reach each other'
  return warn(`another ring than here is seen by ${namesOf(differing)}`, mend)
}

function clocks({ members }: NodeStatus): ReturnType<Check> {
  const off = othersIn(members).filter(
    ({ linked, clockOffsetMs }) => linked && Math.abs(clockOffsetMs ?? 0) > CLOCK_OFFSET_MS_WARN,
  )
  if (off.length === 0) return pass(`the clocks of peers are within ${CLOCK_OFFSET_MS_WARN} ms`)
  const by = off.map(({ name, clockOffsetMs }) => `${name} ${signed(clockOffsetMs ?? 0)} ms`)
  const worst = Math.max(...off.map(({ clockOffsetMs }) => Math.abs(clockOffsetMs ?? 0)))
  const mend = 'synchronise the clocks (NTP), then restart the nodes whose clock was wrong'
  const result = worst > CLOCK_OFFSET_MS_FAIL ? 'fail' : 'warn'
  return { result, detail: `against the clock here: ${by.join(', ')}`, mend }
}

function keys({ keys }: NodeStatus): ReturnType<Check> {
  if (keys === null) return pass('no rule counts anything')
  const share = keys.rows / keys.rowsMax
  const detail = `${Math.round(share * 100)} % of the table of ${keys.rule} is in use, ${keys.rows} of ${keys.rowsMax} rows`
  if (share < KEYS_SHARE_WARN) return pass(detail)
  return warn(
    detail,
    'raise --keys-max: a full table forgets keys, which begin anew with a full burst',
  )
}

function eventLoop({ lagMs }: NodeStatus): ReturnType<Check> {
  const detail = `a tick was ${Math.round(lagMs)} ms late at worst, lately`
  if (lagMs <= LAG_MS_WARN) return pass(detail)
  const mend = 'give the node more processor time: peers go round it, and then suspect it'
  return { result: lagMs > LAG_MS_FAIL ? 'fail' : 'warn', detail, mend }
}

function partition({ partition: { reached, members } }: NodeStatus): ReturnType<Check> {
  if (reached >= members) return pass('everybody who may be alive is reached: full limits')
  const detail = `${reached} of ${members} members that may be alive are reached: limits are shared out`
  return fail(detail, 'mend the network; members that are gone for good: "weir cluster forget"')
}

function gossip({ settings, members }: NodeStatus): ReturnType<Check> {
  if (settings === null) return pass('a node alone does not gossip')
  const { gossipIntervalMs, fanout } = settings
  const own = `interval ${gossipIntervalMs} ms, fanout ${fanout}`
  const others = othersIn(members).flatMap(({ name, settings: theirs }) =>
    theirs === null || (theirs.gossipIntervalMs === gossipIntervalMs && theirs.fanout === fanout)
      ? []
      : [`${name} ${theirs.gossipIntervalMs} ms, ${theirs.fanout}`],
  )
  if (others.length === 0) return pass(`${own} everywhere`)
  const mend = 'give all nodes the same --gossip-interval-ms and --fanout'
  return fail(`${own} here, otherwise at ${others.join('; ')}`, mend)
}

function othersIn(members: readonly MemberReport[]): MemberReport[] {
  return members.filter(({ self }) => !self)
}

function isInRing({ state }: MemberReport): boolean {
  return state === 'active' || state === 'suspect'
}

function namesOf(members: readonly MemberReport[]): string {
  return members.map(({ name }) => name).join(', ')
}

function agoText(ms: number | null): string {
  return ms === null ? 'never' : `${(ms / 1_000).toFixed(1)} s ago`
}

function signed(ms: number): string {
  return ms > 0 ? `+${ms}` : `${ms}`
}

function pass(detail: string): ReturnType<Check> {
  return { result: 'pass', detail }
}

function warn(detail: string, mend: string): ReturnType<Check> {
  return { result: 'warn', detail, mend }
}

function fail(detail: string, mend: string): ReturnType<Check> {
  return { result: 'fail', detail, mend }
}
