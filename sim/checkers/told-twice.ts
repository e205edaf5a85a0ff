import type { Gossip } from '../../cluster/message.ts'
import type { CountsBlock } from '../../crdt/counts.ts'
import type { NodeId } from '../../crdt/node-id.ts'
import { sliceAt } from '../../crdt/sliced-counter.ts'
import type { Oracle, Watch } from '../oracle.ts'
import { Troubles } from './troubles.ts'
import { actorOf, owedInSlices, Truth, takenInSlices } from './truth.ts'

/** A node that was held up sends later than it writes, for so long; the ledger reads what it sends. */
const HELD_UP_MS = 1_000

/** What a publication of a node has to tell. */
interface Due {
  readonly from: NodeId
  /** By the node's clock: since its publication before the last. */
  readonly sinceMs: number
  /** By the world's clock: slices that began earlier are not judged. */
  readonly promptMs: number
}

/**
 * Invariant 10 on the wire: what a node tells of a key are its admissions by the ledger, all of them since its
 * publication before the last. So whatever was in a frame that is lost is in the next one that tells of the
 * key, too, and gossip may lose any frame. Of a penalty no more is due than honest counts can say, which may be
 * nothing.
 */
export const toldTwice: Oracle = {
  invariant: 10,
  name: 'lost frames are made up for',
  watch(watch) {
    const { world, found } = watch
    const truth = Truth.of(watch)
    const troubles = Troubles.of(watch)
    /** The times of a life's latest publications, by its own clock. */
    const published = new Map<string, number[]>()
    return {
      sent(from, { type, message }) {
        if (message.type !== 'gossip') return
        const { nowMs, lie, inputMs } = world.host(from)
        const life = `${from} ${world.lifeOf(from)}`
        // Frames of one instant are parts of one publication.
        const earlier = (published.get(life) ?? []).filter((atMs) => atMs < nowMs).slice(-2)
        published.set(life, [...earlier, nowMs])
        // What goes on a stream is not lost.
        if (type !== 'broadcast') return
        const [sinceMs] = earlier
        if (sinceMs === undefined || earlier.length < 2 || inputMs > 0 || lie !== undefined) return
        const due = { from, sinceMs, promptMs: troubles.heldUpUntilMs(from) + HELD_UP_MS }
        for (const what of untold(watch, truth, due, message)) found(what)
      },
    }
  },
}

function untold(watch: Watch, truth: Truth, due: Due, { counts }: Gossip): string[] {
  const self = actorOf(watch.world, due.from)
  const own = counts.actors.findIndex(
    ({ node, incarnation, credit }) =>
      node === self.node && incarnation === self.incarnation && credit !== true,
  )
  return counts.blocks
    .filter(({ rule }) => !isCrowded(watch, due.from, rule))
    .flatMap((block) =>
      toldIn(block, own).flatMap((told) => shortfalls(watch, truth, due, block, told)),
    )
}

/** What a block tells of one key of its sender, under one limit. */
interface Told {
  readonly hashHi: number
  readonly hashLo: number
  readonly limit: number
  /** The slice of the first count. */
  readonly first: number
  readonly counts: readonly number[]
}

/** Entries are flat: two words of hash, an actor, then for each limit an offset, a length, and the counts. */
function toldIn({ sliceMs, base, entries }: CountsBlock, own: number): Told[] {
  const all: Told[] = []
  for (let at = 0; at < entries.length; ) {
    const [hashHi, hashLo, actor] = entries.slice(at, at + 3) as [number, number, number]
    at += 3
    for (let limit = 0; limit < sliceMs.length; limit++) {
      const [offset, length] = entries.slice(at, at + 2) as [number, number]
      const counts = entries.slice(at + 2, at + 2 + length)
      at += 2 + length
      const first = (base[limit] as number) + offset
      if (actor === own) all.push({ hashHi, hashLo, limit, first, counts })
    }
  }
  return all
}

function shortfalls(
  { world }: Watch,
  truth: Truth,
  { from, sinceMs, promptMs }: Due,
  { rule, sliceMs, base }: CountsBlock,
  { hashHi, hashLo, limit, first, counts }: Told,
): string[] {
  const key = truth.ofHash({ rule, hashHi, hashLo })
  const actor = key?.actor(actorOf(world, from))
  if (key === undefined || actor === undefined) return []
  const slicing = world.host(from).node.limiter.rule(rule)?.store.limits[limit]
  if (slicing === undefined || slicing.sliceMs !== sliceMs[limit]) return []
  const newest = sliceAt(slicing, world.host(from).nowMs)
  const whole = [sliceAt(slicing, sinceMs), sliceAt(slicing, Math.max(0, promptMs - 1)) + 1]
  const oldest = Math.max(base[limit] as number, ...whole)
  const owed = owedInSlices(actor, slicing, oldest, newest)
  return takenInSlices(actor, slicing, oldest, newest).flatMap((tokens, index) => {
    const slice = oldest + index
    const told = counts[slice - first] ?? 0
    if (told >= tokens - (owed[index] as number)) return []
    return [
      `${from} told of ${told} of ${rule}/${key.name} in slice ${slice} (limit ${limit}), but had admitted ${tokens}`,
    ]
  })
}

/** What a full table forgot for another key begins anew. */
function isCrowded({ world }: Watch, node: NodeId, rule: string): boolean {
  const table = world.host(node).node.limiter.rule(rule)?.store.table
  return table === undefined || table.rowsSeen >= table.rowsMax
}
