import fc from 'fast-check'
import { PROBLEMS } from '../../../src/http/problem.ts'
import { createNode, type WeirNode } from '../../../src/index.ts'
import { mutated, mutations } from './mutation.ts'
import type { Target } from './target.ts'

interface Posted {
  readonly path: string
  readonly body: string
}

const RULES = `version: 1
tiers:
  free: { limits: [{ rate: 10/m, burst: 5 }] }
rules:
  - name: demo
    limits: [{ rate: 100/m, burst: 60 }, { rate: 500/h }]
  - name: matched
    match: { method: [GET, POST], path: /v1/**, host: "*.example.com", descriptor: { plan: f* } }
    key: "{header.x-api-key}:{ip/24,64}:{query.q}:{cookie.sid}"
    on_missing_key: "{ip}"
    tier: "{descriptor.plan}"
    tier_default: free
`

const HOSTILE: readonly unknown[] = [
  -1,
  0.5,
  1e300,
  2 ** 53,
  null,
  true,
  '',
  'demo',
  '__proto__',
  'constructor',
  'matched',
  '/v1/../%',
  '::ffff:10.0.0.1%eth0',
  'x'.repeat(300),
  '\u0000\uD800',
  [],
  {},
  JSON.parse('{"__proto__":{"cost":1}}'),
]

const rule = fc.constantFrom('demo', 'matched', '__proto__')
const key = fc.oneof(fc.string({ unit: 'binary', maxLength: 20 }), fc.constant('__proto__'))
const cost = fc.nat(70)
const values = fc.dictionary(fc.constantFrom('plan', 'x-api-key', '__proto__', 'cookie'), key)
const named = fc.record({ rule, key, cost }, { requiredKeys: ['rule', 'key'] })
const described = fc.record(
  {
    descriptors: values,
    headers: values,
    method: fc.constantFrom('GET', 'post', ''),
    path: fc.constantFrom('/v1/a?q=1', '/', '//', '?', '%'),
    host: fc.constantFrom('a.example.com:80', '[::1]', ''),
    ip: fc.constantFrom('192.0.2.1', '::1', '1.2.3', ''),
    explain: fc.boolean(),
    cost,
  },
  { requiredKeys: ['descriptors'] },
)
const single = fc.oneof(named, described)
const batch = fc.record({ checks: fc.array(single, { maxLength: 5 }) })
const keys = fc.record(
  { rule, keys: fc.array(key, { maxLength: 5 }), cost, descriptors: values },
  { requiredKeys: ['rule', 'keys'] },
)
const settle = fc.record({ reservation: key, cost })

const valid: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  '/v1/check': fc.oneof(single, batch, keys),
  '/v1/refund': named,
  '/v1/penalty': named,
  '/v1/reserve': fc.record({ rule, key, cost, forMs: fc.nat(4_000_000) }),
  '/v1/settle': settle,
}
const posted = fc.oneof(
  ...Object.entries(valid).map(([path, body]) =>
    fc.record({ path: fc.constant(path), value: body }),
  ),
)
/** Changes of the text itself: a piece of it is left out. */
const cut = fc.option(fc.tuple(fc.nat(), fc.nat(3)), { freq: 4 })

let opened: Promise<WeirNode> | undefined

/** Whatever is posted to a data door. */
export const BODIES: Target<Posted> = {
  name: 'bodies',
  inputs: fc.tuple(posted, mutations(HOSTILE), cut).map(([{ path, value }, changes, left]) => {
    const text = JSON.stringify(mutated(value, changes)) ?? ''
    if (left === null) return { path, body: text }
    const at = left[0] % (text.length + 1)
    return { path, body: text.slice(0, at) + text.slice(at + left[1]) }
  }),
  async judge({ path, body }) {
    opened ??= createNode({ rules: RULES, keysMax: 1_000 })
    const { app } = await opened
    const shared = Object.getOwnPropertyNames(Object.prototype).join()
    const headers = { 'content-type': 'application/json' }
    const reply = await app.inject({ method: 'POST', url: path, headers, payload: body })
    const isSame = Object.getOwnPropertyNames(Object.prototype).join() === shared
    return [
      ...(isSame ? [] : ['all objects have been changed']),
      ...mistakesIn(reply.statusCode, reply.json()),
    ]
  },
}

function mistakesIn(status: number, answer: unknown): string[] {
  if (typeof answer !== 'object' || answer === null) return ['the answer is no object']
  if (status === 200) return 'allowed' in answer || 'answers' in answer ? [] : ['no answer']
  if (status < 400 || status > 499) return [`status ${status}: ${JSON.stringify(answer)}`]
  const { code, detail } = answer as { code?: unknown; detail?: unknown }
  const isProblem = typeof code === 'string' && Object.hasOwn(PROBLEMS, code)
  const isTold = typeof detail === 'string' && detail.length > 10 && detail.length < 4_000
  return isProblem && isTold ? [] : [`no problem: ${JSON.stringify(answer).slice(0, 200)}`]
}
