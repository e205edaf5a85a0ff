import { expect } from 'vitest'
import {
  type Case,
  type CaseRule,
  described,
  type Expected,
  type Got,
  isMatched,
  type Step,
  World,
} from './world.ts'

/** Takes the steps of a case, one after the other, and compares what each got. */
export async function play(one: Case): Promise<void> {
  const world = await World.of(one)
  try {
    const permits = new Map<string, string>()
    for (const [index, step] of one.steps.entries()) {
      if (step.advanceMs !== undefined) world.advance(step.advanceMs)
      if (step.waitSync === true) await world.sync()
      if (step.concurrent !== undefined) await race(world, step)
      else if (step.rate !== undefined) await pour(world, step)
      else
        matches(await take(world, one.rule, step, permits), step.expect ?? {}, `step ${index + 1}`)
    }
  } finally {
    await world.close()
  }
}

/** One step. What could never be allowed is an error to Weir, which is a refusal to a case. */
async function take(
  world: World,
  rule: CaseRule,
  step: Step,
  permits: Map<string, string>,
): Promise<Got> {
  const { hits, key = 'key', op, via } = step
  const asked = step.ask ?? (isMatched(rule) ? described(step) : { rule: 'rule', key })
  switch (op) {
    case undefined:
      break
    case 'reloadRules':
      await world.reload(step.rule ?? rule)
      break
    case 'joinNodeNotReady':
      await world.join(rule)
      break
    case 'penalty':
      return world.post(via, '/v1/penalty', { ...asked, cost: hits })
    case 'reset':
      return world.admin(via, '/v1/reset', asked)
    case 'acquire': {
      const got = await world.post(via, '/v1/reserve', { ...asked, cost: hits })
      if (got.reservation !== undefined) permits.set(key, got.reservation)
      return got
    }
    case 'release':
      return world.post(via, '/v1/settle', { reservation: permits.get(key), cost: 0 })
    default:
      throw new Error(`no case has done ${op} before: say here how it is done`)
  }
  if (hits < 0 && !world.isStrict) return world.post(via, '/v1/refund', { ...asked, cost: -hits })
  const got = await world.post(via, '/v1/check', { ...asked, cost: hits })
  if (got.code !== 'invalid_cost') return got
  const now = await world.post(via, '/v1/check', { ...asked, cost: 0 })
  return { ...now, allowed: false, status: got.status }
}

function matches(got: Got, expected: Expected, what: string): void {
  const { error, ...numbers } = expected
  if (error !== undefined) expect(got.status, what).toBeGreaterThanOrEqual(400)
  else expect(got, what).toMatchObject(numbers)
}

async function race(world: World, { hits, concurrent = 0, allowedCount = 0 }: Step): Promise<void> {
  const body = { rule: 'rule', key: 'key', cost: hits }
  const got = await Promise.all(
    Array.from({ length: concurrent }, () => world.post(undefined, '/v1/check', body)),
  )
  const allowed = got.filter((one) => one.allowed)
  expect(allowed).toHaveLength(allowedCount)
  expect(new Set(allowed.map(({ remaining }) => remaining)).size).toBe(allowedCount)
}

/** A steady load. The one such case allows half to one and a half times the limit; Weir is held to the limit. */
async function pour(world: World, { rate = 0, forMs = 0 }: Step): Promise<void> {
  let allowed = 0
  const checks = Math.floor((rate * forMs) / 1_000)
  for (let index = 0; index < checks; index++) {
    const got = await world.post(undefined, '/v1/check', { rule: 'rule', key: 'key' })
    if (got.allowed) allowed += 1
    world.advance(Math.floor(((index + 1) * 1_000) / rate) - Math.floor((index * 1_000) / rate))
  }
  expect(allowed).toBeLessThanOrEqual(32)
  expect(allowed).toBeGreaterThanOrEqual(30)
}
