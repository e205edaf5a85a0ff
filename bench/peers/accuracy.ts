import { setTimeout as delay } from 'node:timers/promises'
import { Stand } from '../stand.ts'
import type { Worker } from '../worker.ts'
import { keyText, type Limit } from '../workload.ts'
import { acceptedShare, failures, largestShare, type Offered, type OfferJob } from './offer.ts'
import type { Deployed, Instance, Peer } from './peer.ts'
import { twice } from './twice.ts'

/**
 * Twelve in a second, which a bucket and a window can both say: a bucket of 12 that fills at 12/s, and a window of one
 * second with 12. It can be shared among three.
 */
export const LIMIT: Limit = { perSecond: 12, burst: 12 }
export const KEYS = 8
/** Requests offered for each that the limit lets through in the long run: each of three instances has more than enough. */
export const TIMES_THE_LIMIT = 10
const OFFERED_PER_SECOND = KEYS * TIMES_THE_LIMIT * LIMIT.perSecond
const INSTANCES = 3
/** Compilers are done by then, and connections are there. */
const WARM_UP_MS = 1_000

export interface Times {
  readonly times: number
  /** Enough above whole seconds for a last window to be used up: windows are not marked down for where the time ends. */
  readonly durationMs: number
}

/** Accepted ÷ limit of one turn, and the key that had most. */
export interface Share {
  readonly all: number
  readonly largest: number
  readonly failed: number
}

/** Each list is of all turns. */
export interface Accuracy {
  /** Asked through one instance. */
  readonly one: readonly Share[]
  /** Through all in turn. */
  readonly three: readonly Share[]
  /** The same while the store is killed in the middle, or where there is none the last instance. */
  readonly killed: readonly Share[]
  readonly killedWhat: 'store' | 'instance'
}

export async function accuracyOf(peer: Peer, { times, durationMs }: Times): Promise<Accuracy> {
  const turns: Turn[] = []
  for (let turn = 0; turn < times; turn++) {
    turns.push(
      await twice(peer.name, () => Stand.with((stand) => oneTurn(peer, stand, durationMs))),
    )
  }
  return {
    one: turns.map(({ one }) => one),
    three: turns.map(({ three }) => three),
    killed: turns.map(({ killed }) => killed),
    killedWhat: turns[0]?.killedWhat ?? 'instance',
  }
}

interface Turn {
  readonly one: Share
  readonly three: Share
  readonly killed: Share
  readonly killedWhat: Accuracy['killedWhat']
}

async function oneTurn(peer: Peer, stand: Stand, durationMs: number): Promise<Turn> {
  const places = Array.from({ length: INSTANCES }, () => 'server' as const)
  const deployed = await peer.start(stand, { limit: LIMIT, places })
  const worker: Worker<OfferJob, Offered> = stand.worker('offer', 'load')
  let keysUsed = 0
  const offer = (instances: readonly Instance[], forMs: number) => {
    const keys = Array.from({ length: KEYS }, () => keyText(keysUsed++))
    const to = instances.map((instance) => instance.to)
    const perSecond = OFFERED_PER_SECOND
    return worker.ask({ to, route: 'gate', keys, perSecond, durationMs: forMs })
  }
  const share = (offered: Offered): Share => ({
    all: acceptedShare(offered, LIMIT, durationMs),
    largest: largestShare(offered, LIMIT, durationMs),
    failed: failures(offered),
  })
  const { instances } = deployed
  await offer(instances, WARM_UP_MS)
  const one = share(await offer(instances.slice(0, 1), durationMs))
  const three = share(await offer(instances, durationMs))
  const [killedWhat, pid] = victim(deployed)
  const [offered] = await Promise.all([
    offer(instances, durationMs),
    delay(durationMs / 2).then(() => process.kill(pid, 'SIGKILL')),
  ])
  return { one, three, killed: share(offered), killedWhat }
}

function victim({ storePid, instances }: Deployed): readonly [Accuracy['killedWhat'], number] {
  if (storePid !== undefined) return ['store', storePid]
  return ['instance', (instances.at(-1) as Instance).pid]
}
