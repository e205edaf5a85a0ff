import fc from 'fast-check'
import { Packr, Unpackr } from 'msgpackr'
import { MEMBERS_MAX } from '../../../cluster/limits.ts'
import { seededRandom } from '../../../cluster/random.ts'
import { decode, encode } from '../../../cluster/wire.ts'
import type { NodeId } from '../../../crdt/node-id.ts'
import { Node } from '../../../src/node.ts'
import { outsideLimits } from '../../support/message-limits.ts'
import { anyMessage } from '../../support/messages.ts'
import { mutated, mutations } from './mutation.ts'
import type { Target } from './target.ts'

/** A frame and who sent it; bytes in hexadecimal. */
interface Sent {
  readonly from: 'n2' | 'n3'
  readonly hex: string
}

const HOSTILE: readonly unknown[] = [
  -1,
  0.5,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  2 ** 32,
  2 ** 53,
  2n ** 63n,
  null,
  true,
  '',
  'demo',
  'n1',
  '__proto__',
  'x'.repeat(300),
  [],
  {},
  new Uint8Array(32),
  new Uint8Array(1_024),
  new Map([['__proto__', 1]]),
]

const packr = new Packr({ useRecords: false, moreTypes: true })
const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: false })

const structure = fc
  .tuple(anyMessage, mutations(HOSTILE))
  .map(([message, changes]) => packr.pack(mutated(unpackr.unpack(encode(message)), changes)))
const flips = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 3 })
const frame = fc.tuple(structure, flips, fc.option(fc.nat())).map(([bytes, changes, cut]) => {
  const copy = Uint8Array.from(bytes)
  for (const [at, value] of changes) copy[at % copy.length] = value
  return Buffer.from(cut === null ? copy : copy.subarray(0, cut % copy.length)).toString('hex')
})

const KEYS_MAX = 64
const START_MS = 1_700_000_000_000
const DEMO = { name: 'demo', limits: [{ rate: { count: 100, periodMs: 1_000 }, burst: 100 }] }

/** The decoder, and a whole node behind it that is linked with two peers. */
export const FRAMES: Target<readonly Sent[]> = {
  name: 'frames',
  inputs: fc.array(fc.record({ from: fc.constantFrom('n2', 'n3'), hex: frame }), {
    minLength: 1,
    maxLength: 6,
  }),
  async judge(frames) {
    const node = newNode()
    const complaints: string[] = []
    let nowMs = START_MS
    for (const { from, hex } of frames) {
      nowMs += 10
      const decoded = decode(Buffer.from(hex, 'hex'))
      if (decoded.type === 'message') {
        complaints.push(...outsideLimits(decoded.message))
        node.receive(from as NodeId, decoded.message, nowMs)
      }
      node.tick(nowMs)
      for (const { message } of node.drain(nowMs).outbound) encode(message)
    }
    return [...complaints, ...mistakesIn(node, nowMs)]
  },
}

function newNode(): Node {
  const self = {
    id: 'n1' as NodeId,
    name: 'n1',
    incarnation: 1,
    refutation: 0,
    state: 'joining' as const,
    addresses: [],
  }
  const options = { gossipIntervalMs: 500, forwardTimeoutMs: 150, joins: false, keysMax: KEYS_MAX }
  const node = new Node(
    { self, rules: [DEMO], hashKey: { hi: 1, lo: 2 }, ...options },
    seededRandom(1),
    START_MS,
  )
  for (const peer of ['n2', 'n3']) node.receive(peer as NodeId, { type: 'linked' }, START_MS)
  return node
}

function mistakesIn(node: Node, nowMs: number): string[] {
  const { membership } = node.replica
  const keys = node.limiter.rule('demo')?.store.table.keys ?? 0
  const { type } = node.check({ rule: 'demo', key: 'after', cost: 0 }, nowMs)
  return [
    ...(type === 'rejected' ? ['it no longer answers'] : []),
    ...(keys > KEYS_MAX ? [`it holds ${keys} keys`] : []),
    ...(membership.records.length > MEMBERS_MAX ? ['it has too many members'] : []),
    ...(membership.self.id === 'n1' ? [] : ['it is somebody else']),
  ]
}
