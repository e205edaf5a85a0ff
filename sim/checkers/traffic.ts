import {
  ANTI_ENTROPY_MS,
  COUNT_NUMBERS_MAX,
  EARLY_FLUSH_MS,
  FORWARD_ATTEMPTS_MAX,
  FRAME_BYTES_MAX,
  FRAME_DIGESTS_MAX,
  FRAME_MEMBERS_MAX,
  GOSSIP_INTERVAL_MS,
  GOSSIP_JITTER,
  SILENT_INTERVALS,
  TICK_MS,
} from '../../cluster/limits.ts'
import type { MemberRecord, Message } from '../../cluster/message.ts'
import type { Outbound } from '../../cluster/outbox.ts'
import type { Counts } from '../../crdt/counts.ts'
import type { NodeId } from '../../crdt/node-id.ts'
import type { Oracle } from '../oracle.ts'
import { looksOf } from './sample.ts'
import { Troubles } from './troubles.ts'

const WINDOW_MS = 10_000
const WINDOW_LOOKS = looksOf(WINDOW_MS)

/** What a number takes in MessagePack: up to 2^32, and above. Also the head of an array or a text. */
const WORD_BYTES = 5
const NUMBER_BYTES = 9

/** What a node did in the window, and since it began. */
interface Traffic {
  gossips: number
  /** Numbers in the counts of its gossip. */
  numbers: number
  hellos: number
  digests: number
  links: number
  asked: number
  /** Checks that others forwarded to it. */
  received: number
  forwarded: number
  replied: number
}

/**
 * Invariant 19: bytes and messages per node stay within formula.
 *
 *     frame     ≤ 64 + 5·counts + 54·checks + 54·decisions + 1 kB·digest blocks + names and addresses
 *     gossip    ≤ T/(0.9·g) + 2 + T/50 ms for early flushes + 1 per 2,500 numbers, in a window T = 10 s
 *     hello     ≤ peers·⌈N/23⌉·(T/g + 2), and as many again for each new link
 *     digest    ≤ (T/5 s + 2 + peers + 2·new links + silences)·⌈limits/48⌉, where each peer can have been
 *                 silent T/(1.5·g) + 1 times if anything was wrong, or gossip gets lost or comes late
 *     checks    forwarded ≤ 3·(asked at the door + received), answered ≤ received, since the beginning
 *
 * A frame of a tick that takes long in telling of many keys is one of its numbers; a node that leaves says so
 * to each peer, which `send` instead of `broadcast` shows.
 */
export const traffic: Oracle = {
  invariant: 19,
  name: 'traffic within formula',
  watch(watch) {
    const { world, experiment, found } = watch
    const troubles = Troubles.of(watch)
    const { gossipLoss = 0, copyLoss = 0, gossipLate, delay } = experiment.network ?? {}
    const losesGossip =
      gossipLoss + copyLoss > 0 || gossipLate !== undefined || delay?.tail !== undefined
    const nodes = new Map<NodeId, Traffic>()
    const of = (id: NodeId) => {
      let node = nodes.get(id)
      if (node === undefined) {
        node = nothing()
        nodes.set(id, node)
      }
      return node
    }
    const limits = experiment.rules.reduce((sum, rule) => sum + rule.limits.length, 0)
    const intervalMs = experiment.gossipIntervalMs ?? GOSSIP_INTERVAL_MS
    const judge = (id: NodeId, node: Traffic) => {
      const peers = world.ids.length - 1
      const check = (what: string, count: number, most: number) => {
        if (count > most) found(`${id} sent ${count} ${what}, the formula says ${Math.floor(most)}`)
      }
      const ticks = WINDOW_MS / (intervalMs * (1 - GOSSIP_JITTER) - TICK_MS) + 2
      const flushes = WINDOW_MS / EARLY_FLUSH_MS
      check('gossips', node.gossips, ticks + flushes + (2 * node.numbers) / COUNT_NUMBERS_MAX)
      const helloFrames = Math.ceil(world.ids.length / (FRAME_MEMBERS_MAX - 1))
      const greetings = peers * (WINDOW_MS / intervalMs + 2) + 2 * node.links
      check('hellos', node.hellos, helloFrames * greetings)
      const mayBeSilent = losesGossip || world.nowMs - troubles.lastMs <= WINDOW_MS
      const silences = mayBeSilent ? peers * (WINDOW_MS / (SILENT_INTERVALS * intervalMs) + 1) : 0
      const rounds = WINDOW_MS / ANTI_ENTROPY_MS + 2 + peers + 2 * node.links + silences
      check('digests', node.digests, rounds * Math.ceil(limits / FRAME_DIGESTS_MAX))
      check('checks', node.forwarded, FORWARD_ATTEMPTS_MAX * (node.asked + node.received))
      check('decisions', node.replied, node.received)
    }
    let looks = 0
    return {
      asked: ({ node }) => {
        of(node).asked += 1
      },
      event(node, event) {
        if (event.type === 'link') of(node).links += 1
      },
      sent(from, outbound, frameBytes) {
        const { message } = outbound
        const most = bytesOf(message)
        if (frameBytes > most) {
          found(`${from} sent a ${message.type} of ${frameBytes} bytes, the formula says ${most}`)
        }
        count(of(from), outbound, of)
      },
      look() {
        looks += 1
        if (looks % WINDOW_LOOKS !== 0) return
        for (const [id, node] of nodes) {
          judge(id, node)
          node.gossips = 0
          node.numbers = 0
          node.hellos = 0
          node.digests = 0
          node.links = 0
        }
      },
    }
  },
}

function nothing(): Traffic {
  return {
    gossips: 0,
    numbers: 0,
    hellos: 0,
    digests: 0,
    links: 0,
    asked: 0,
    received: 0,
    forwarded: 0,
    replied: 0,
  }
}

function count(node: Traffic, outbound: Outbound, of: (id: NodeId) => Traffic): void {
  const { message } = outbound
  switch (message.type) {
    case 'gossip':
      if (outbound.type === 'broadcast') node.gossips += 1
      node.numbers += numbersOf(message.counts)
      break
    case 'hello':
      node.hellos += 1
      break
    case 'digest':
      node.digests += 1
      break
    case 'forward':
      node.forwarded += message.checks.length
      if (outbound.type === 'send') of(outbound.to).received += message.checks.length
      break
    case 'reply':
      node.replied += message.decisions.length
      break
    default:
  }
}

/** The most that a message takes on the wire. */
function bytesOf(message: Message): number {
  const head = 64
  switch (message.type) {
    case 'gossip':
      return (
        head +
        membersBytes(message.members) +
        countsBytes(message.counts) +
        (message.weighing === undefined ? 0 : (2 + 2 * message.weighing.held.length) * WORD_BYTES)
      )
    case 'hello':
      return head + membersBytes(message.members)
    case 'forward': {
      const names = message.checks.length > 0 ? rulesBytes(message.checks) : 0
      return head + names + message.checks.length * 6 * NUMBER_BYTES + countsBytes(message.counts)
    }
    case 'reply':
      return head + message.decisions.length * 6 * NUMBER_BYTES + countsBytes(message.counts)
    case 'digest':
      return message.blocks.reduce((sum, { rule, buckets }) => {
        return sum + textBytes(rule) + 6 * NUMBER_BYTES + 4 * buckets.length
      }, head)
    case 'repair':
      return message.want.reduce((sum, { rule, bits }) => {
        return sum + textBytes(rule) + 2 * WORD_BYTES + bits.length
      }, head + countsBytes(message.counts))
    case 'hand-over':
      return message.levels.reduce(
        (sum, { rule, meters, entries }) => {
          return sum + textBytes(rule) + (2 + meters.length + entries.length) * NUMBER_BYTES
        },
        head + countsBytes(message.counts) + membersBytes(message.members),
      )
    default:
      return FRAME_BYTES_MAX
  }
}

/** Each rule is named once; checks of one rule mostly come in a row. */
function rulesBytes(checks: readonly { readonly rule: string }[]): number {
  let bytes = 0
  let last: string | undefined
  for (const { rule } of checks) {
    if (rule !== last) bytes += textBytes(rule)
    last = rule
  }
  return bytes
}

function membersBytes(members: readonly MemberRecord[]): number {
  return members.reduce((sum, { id, name, addresses }) => {
    const texts = addresses.reduce((total, address) => total + textBytes(address), 0)
    return sum + textBytes(id) + textBytes(name) + texts + 5 * NUMBER_BYTES
  }, 0)
}

function numbersOf(counts: Counts): number {
  let numbers = 0
  for (const { entries } of counts.blocks) numbers += entries.length
  return numbers
}

function countsBytes({ actors, blocks }: Counts): number {
  let bytes = 2 * WORD_BYTES
  for (const { node } of actors) bytes += textBytes(node) + NUMBER_BYTES
  for (const { rule, base, entries } of blocks) {
    bytes += textBytes(rule) + 4 * WORD_BYTES + base.length * 2 * NUMBER_BYTES
    bytes += entries.length * WORD_BYTES
  }
  return bytes
}

/** Up to 4 bytes for a character of any alphabet. */
function textBytes(text: string): number {
  return WORD_BYTES + 4 * text.length
}
