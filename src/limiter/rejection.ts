import { COUNT_MAX } from '../../crdt/sliced-counter.ts'
import { utf8Bytes } from '../../crdt/utf8.ts'
import { type CheckRequest, KEY_BYTES_MAX, type Rejection, type RejectionCode } from './check.ts'

/** What is wrong with a check of a rule whose checks cost at most `costMax`; undefined if nothing is. */
export function checkMistake(request: CheckRequest, costMax: number): Rejection | undefined {
  return isWhole(request.cost, costMax) ? keyMistake(request) : costMistake(request, costMax)
}

/** The same of a check that a node decides as one of many. */
export function quotaMistake(
  { cost, rule }: CheckRequest,
  quota: number,
  members: number,
): Rejection | undefined {
  if (cost <= quota) return undefined
  return rejected(
    'invalid_cost',
    `cost ${cost} of rule "${rule}" must be a whole number from 0 (ask only) to ${quota}, its smallest burst divided by the ${members} nodes that decide it (decided_by: local): a larger cost could never be allowed`,
  )
}

function costMistake({ cost, rule }: CheckRequest, costMax: number): Rejection {
  return rejected(
    'invalid_cost',
    `cost ${cost} of rule "${rule}" must be a whole number from 0 (ask only) to ${costMax}, its smallest burst: a larger cost could never be allowed`,
  )
}

/** The same of what no limit refuses. */
export function adjustmentMistake(request: CheckRequest): Rejection | undefined {
  const { cost, rule } = request
  if (isWhole(cost, COUNT_MAX)) return keyMistake(request)
  return rejected(
    'invalid_cost',
    `cost ${cost} of rule "${rule}" must be a whole number from 0 to ${COUNT_MAX}`,
  )
}

/** Most keys are too short for their bytes to be worth counting. */
function keyMistake({ key }: CheckRequest): Rejection | undefined {
  const isShort = typeof key === 'string' && key.length > 0 && key.length * 3 <= KEY_BYTES_MAX
  return isShort ? undefined : unusualKeyMistake(key)
}

function unusualKeyMistake(key: unknown): Rejection | undefined {
  if (typeof key !== 'string') {
    return rejected('invalid_key', `the key must be a string, not a ${typeof key}`)
  }
  if (key !== '' && utf8Bytes(key) <= KEY_BYTES_MAX) return undefined
  return rejected(
    'invalid_key',
    `the key must be 1 to ${KEY_BYTES_MAX} bytes of UTF-8, this one has ${utf8Bytes(key)}: hash longer identities first`,
  )
}

function isWhole(cost: number, most: number): boolean {
  return Number.isInteger(cost) && cost >= 0 && cost <= most
}

/** Of whatever names a rule that is none of the known ones. */
export function unknownRule(rule: string, known: readonly string[]): Rejection {
  const named = known.slice(0, RULES_NAMED_MAX).join(', ')
  return rejected('unknown_rule', `rule ${JSON.stringify(rule)} is not defined (known: ${named})`)
}

/** Rules that an error names. */
const RULES_NAMED_MAX = 10

function rejected(code: RejectionCode, detail: string): Rejection {
  return { type: 'rejected', code, detail }
}
