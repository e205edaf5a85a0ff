/**
 * Formulas for how fast news spreads. Times in milliseconds; `fanout` is to how many others a node hands
 * on what it hears.
 */

/** Publish on the tick, relay at once: the author waits for its tick, and then it is a matter of hops. */
export interface AtOnce {
  readonly nodes: number
  readonly fanout: number
  readonly intervalMs: number
  /** Of one hop, on average. */
  readonly hopMs: number
}

/**
 * Hops to the last node of a random mesh of this degree: every node but the first has `fanout - 1` others to
 * tell, so `log_{fanout-1} N`. In a ring, of degree 2, the last one is half way round. Where everybody is
 * linked to everybody it is one.
 */
export function hops(nodes: number, fanout: number): number {
  if (nodes <= fanout + 2) return nodes > 1 ? 1 : 0
  return fanout <= 2 ? nodes / 2 : Math.log(nodes) / Math.log(fanout - 1)
}

/** Mean time until all know: admissions come half an interval before the tick, on average. */
export function atOnceMeanMs({ nodes, fanout, intervalMs, hopMs }: AtOnce): number {
  return intervalMs / 2 + hops(nodes, fanout) * hopMs
}

/** The same at worst: right after the tick. */
export function atOnceWorstMs({ nodes, fanout, intervalMs, hopMs }: AtOnce): number {
  return intervalMs + hops(nodes, fanout) * hopMs
}

/** Share of nodes that know after `afterMs`, over all phases of the interval. */
export function atOnceShare({ nodes, fanout, intervalMs, hopMs }: AtOnce, afterMs: number): number {
  const ticked = (afterMs - (hops(nodes, fanout) * hopMs) / 2) / intervalMs
  return (1 + (nodes - 1) * Math.min(1, Math.max(0, ticked))) / nodes
}

/**
 * Rounds of push gossip until all know, when everybody who knows tells `fanout` others in each round:
 * `log_{k+1} N + ln N / k`. Frieze and Grimmett (1985), Pittel (1987), for k = 1; for larger k by the same
 * argument: growth by k + 1, then a rest that shrinks by e^k a round.
 */
export function pushRounds(nodes: number, fanout: number): number {
  return Math.log(nodes) / Math.log(fanout + 1) + Math.log(nodes) / fanout
}

/**
 * Share of nodes that know after so many rounds by the model of Serf's convergence simulator:
 * `1 / (1 + (n + 1)·e^(-k(1 - loss)(1 - fail)r / 2))`.
 *
 * Source: hashicorp/serf, website, "Convergence Simulator".
 */
export function serfShare(
  {
    nodes,
    fanout,
    loss = 0,
  }: { readonly nodes: number; readonly fanout: number; readonly loss?: number },
  rounds: number,
): number {
  return 1 / (1 + (nodes + 1) * Math.exp(-0.5 * fanout * (1 - loss) * rounds))
}

/** Rounds until all but one in ten thousand know, by the same model. */
export function serfRounds(nodes: number, fanout: number): number {
  return Math.log((nodes + 1) * 9_999) / (0.5 * fanout)
}
