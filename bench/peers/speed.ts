import { interleave, type Rounds, ratios } from '../interleave.ts'
import { checksPerCpuSecond, isCpuKnown, type Loaded, LoadGenerator } from '../load.ts'
import { Stand } from '../stand.ts'
import { CONNECTIONS, NEVER_REFUSED } from '../workload.ts'
import type { Peer, Way } from './peer.ts'
import { twice } from './twice.ts'

/** Checks per second at which latencies are compared: what the slowest here can take with ease. */
export const EQUAL_RATE = 1_000
/** An equal rate's percentiles need more requests than a full one's. */
const EQUAL_RATE_TURNS = 2

/** One way to ask one peer. Each list is of all rounds. */
export interface Speed {
  readonly peer: string
  readonly title: string
  /** Checks per second of a core: of the asked instance, and of all that it needs: its store, or the other instances. */
  readonly own: readonly number[]
  readonly all: readonly number[]
  readonly isCpuKnown: boolean
  readonly p50Us: readonly number[]
  readonly p99Us: readonly number[]
}

/** What could not be measured, and why. */
export type Failures = Map<string, unknown>

interface Contender extends Way {
  readonly peer: string
  /** A turn of load. */
  readonly load: (durationMs: number, perSecond?: number) => Promise<Loaded>
}

/** All peers at once, so that they can take turns. One that fails is left out; its reason goes to `failures`. */
export function speeds(
  peers: readonly Peer[],
  rounds: Rounds,
  failures: Failures,
): Promise<readonly Speed[]> {
  return Stand.with(async (stand) => {
    const contenders: Contender[] = []
    for (const peer of peers) {
      const own = await tolerant(peer.name, failures, () => contendersOf(peer, stand))
      contenders.push(...(own ?? []))
    }
    const turns = (perSecond?: number) =>
      Object.fromEntries(
        contenders.map(({ peer, title, load }) => [
          title,
          (durationMs: number) => tolerant(peer, failures, () => load(durationMs, perSecond)),
        ]),
      )
    const full = await interleave(rounds, turns())
    const equalRounds = { ...rounds, roundMs: EQUAL_RATE_TURNS * rounds.roundMs }
    const equal = await interleave(equalRounds, turns(EQUAL_RATE))
    return contenders
      .filter(({ peer }) => !failures.has(peer))
      .map((one) => speedOf(one, full[one.title] as Loaded[], equal[one.title] as Loaded[]))
  })
}

/** Undefined for who has failed, now or before. */
async function tolerant<Result>(
  peer: string,
  failures: Failures,
  attempt: () => Promise<Result>,
): Promise<Result | undefined> {
  if (failures.has(peer)) return undefined
  try {
    return await twice(peer, attempt)
  } catch (error) {
    failures.set(peer, error)
    return undefined
  }
}

async function contendersOf(peer: Peer, stand: Stand): Promise<Contender[]> {
  const places = peer.isLinked ? (['server', 'load', 'load'] as const) : (['server'] as const)
  const { instances, storePid, ways } = await peer.start(stand, { limit: NEVER_REFUSED, places })
  // The asked instance first.
  const pids = [...instances.map(({ pid }) => pid), ...(storePid === undefined ? [] : [storePid])]
  return (await ways()).map((way) => ({ ...way, peer: peer.name, load: loadOf(stand, way, pids) }))
}

function loadOf(stand: Stand, { to, route, keys }: Way, pids: readonly number[]) {
  let generator: LoadGenerator | undefined
  return async (durationMs: number, perSecond?: number): Promise<Loaded> => {
    generator ??= new LoadGenerator(stand)
    try {
      return await generator.run(to, route, {
        ...{ keys, connections: CONNECTIONS, durationMs, pids },
        ...(perSecond !== undefined && { perSecond }),
      })
    } catch (error) {
      // It may have ended with the first answer that is none.
      generator = undefined
      throw error
    }
  }
}

function speedOf({ peer, title }: Contender, full: Loaded[], equal: Loaded[]): Speed {
  return {
    ...{ peer, title },
    own: full.map(({ requests, cpuSeconds: [own], seconds }) => requests / (own ?? seconds)),
    all: checksPerCpuSecond(full),
    isCpuKnown: isCpuKnown(full),
    p50Us: equal.map(({ p50Us }) => p50Us),
    p99Us: equal.map(({ p99Us }) => p99Us),
  }
}

/** Round by round, against the same figure of another. */
export function against(of: Speed, to: Speed | undefined, figure: 'own' | 'all'): number[] {
  return to === undefined ? [] : ratios(of[figure], to[figure])
}
