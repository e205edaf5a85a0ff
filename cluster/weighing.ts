import type { NodeId } from '../crdt/node-id.ts'
import { DEMAND_MEMORY_TICKS, WEIGHT_PROPOSAL_MS, WEIGHT_TABLES_MAX } from './limits.ts'
import type { Membership } from './membership.ts'
import { isGone, type WeightReport } from './message.ts'
import type { Outbox } from './outbox.ts'
import type { Share } from './partition-policy.ts'
import {
  compareTables,
  EQUAL_WEIGHTS,
  HeldTable,
  type TableId,
  type WeightTable,
  weightsByDemand,
} from './weight-table.ts'

/** What a member has said in one of its lives. */
interface Said extends WeightReport {
  readonly incarnation: number
}

/**
 * Agrees on how much each member weighs in a split, before there is one: the weights of all sides must sum to at
 * most 1 whatever gossip was lost (invariant 14). A node may hold several tables at once, and weighs a side by
 * the one that gives it least. Two rules are all:
 *
 * - it takes up a table that is later than its earliest;
 * - it lets go of the tables before one only when every member that may be alive has said that it holds that one.
 *
 * Then there is always a table that everybody holds. Of the earliest tables that nodes hold let K be the latest:
 * whoever has it as its earliest let go of those before, so everybody held K once; and who had let go of it
 * would have a later one as its earliest. No side takes more than K gives it, and K's parts sum to the whole. In
 * a split the far side says nothing, so what is held then stays.
 *
 * The first member of the ring proposes, and sees that everybody gets what it proposed. That is for progress
 * only: several that propose at once, or none, do no harm.
 */
export class Weighing {
  readonly #membership: Membership
  readonly #outbox: Outbox
  /** From the earliest on; never empty. */
  #held: HeldTable[] = [new HeldTable(EQUAL_WEIGHTS)]
  readonly #said = new Map<NodeId, Said>()
  /** Checks allowed to clients of this node, of which each tick forgets a part. */
  #demand = 0
  #proposedMs = Number.NEGATIVE_INFINITY

  constructor(membership: Membership, outbox: Outbox) {
    this.#membership = membership
    this.#outbox = outbox
  }

  /** A client of this node was allowed a check of a rule that weighs by demand. */
  demanded(): void {
    this.#demand += 1
  }

  /** What this node has to say of itself; nothing while nobody asks for weights by demand. */
  get report(): WeightReport | undefined {
    const demand = Math.min(Math.round(this.#demand), DEMAND_MAX)
    if (demand === 0 && this.#latest.version === 0) return undefined
    return { demand, held: this.held }
  }

  /** The tables in use, from the earliest on. */
  get held(): readonly TableId[] {
    return this.#held.map(({ version, digest }) => ({ version, digest }))
  }

  /** What some of the members weigh among all of them, by the table that gives them least. */
  share(reached: Iterable<NodeId>, members: Iterable<NodeId>): Share {
    const shares = this.#held.map((table) => {
      return { reached: table.weigh(reached), members: table.weigh(members) }
    })
    return shares.reduce((least, share) => {
      return share.reached * least.members < least.reached * share.members ? share : least
    })
  }

  heard(from: NodeId, incarnation: number, report: WeightReport): void {
    this.#said.set(from, { incarnation, ...report })
  }

  /** Tables that a peer holds. */
  told(tables: readonly WeightTable[]): void {
    for (const table of tables) this.#takeUp(new HeldTable(table))
  }

  /** A new link: its peer may hold less than this node relies on. */
  linked(peer: NodeId): void {
    if (this.#latest.version > 0) this.#tell(peer)
  }

  /** Once in a gossip interval. */
  tick(nowMs: number): void {
    this.#demand -= this.#demand / DEMAND_MEMORY_TICKS
    for (const id of this.#said.keys()) {
      if (this.#membership.record(id) === undefined) this.#said.delete(id)
    }
    if (this.report === undefined && this.#said.size === 0) return
    const others = this.#others()
    this.#letGo(others)
    const [first] = this.#membership.placement.members
    const isFirst = first === this.#membership.self.id
    if (isFirst) this.#propose(others, nowMs)
    for (const peer of this.#membership.linkedPeers()) {
      const lacking = this.#held.filter((table) => !this.#holds(peer, table))
      // What this node relies on is for it to tell; the rest concerns whoever proposes.
      const isMine = isFirst || peer === first || lacking[0] === this.#held[0]
      if (lacking.length > 0 && isMine) this.#tell(peer)
    }
  }

  get #latest(): HeldTable {
    return this.#held.at(-1) as HeldTable
  }

  /** Everybody else who decides, or may before long. */
  #others(): NodeId[] {
    const { records, self } = this.#membership
    const mayBeAlive = this.#membership.mayBeAlive()
    return records
      .filter(({ id, state }) => id !== self.id && (mayBeAlive.has(id) || !isGone(state)))
      .map(({ id }) => id)
  }

  /** What the member says of its present life; a life begins with equal weights. */
  #saidBy(id: NodeId): WeightReport {
    const said = this.#said.get(id)
    const isPresent = said?.incarnation === this.#membership.record(id)?.incarnation
    return said !== undefined && isPresent ? said : NOTHING_SAID
  }

  #holds(id: NodeId, table: TableId): boolean {
    return this.#saidBy(id).held.some((held) => compareTables(held, table) === 0)
  }

  #takeUp(table: HeldTable): void {
    const [earliest] = this.#held as [HeldTable]
    if (compareTables(table, earliest) <= 0 || this.#held.length >= WEIGHT_TABLES_MAX) return
    if (this.#held.some((held) => compareTables(held, table) === 0)) return
    this.#held = [...this.#held, table].sort(compareTables)
  }

  #letGo(others: readonly NodeId[]): void {
    const agreed = this.#held.findLastIndex((table) => others.every((id) => this.#holds(id, table)))
    if (agreed > 0) this.#held = this.#held.slice(agreed)
  }

  /** Other weights, if demand has changed much and everybody is there and of one mind. */
  #propose(others: readonly NodeId[], nowMs: number): void {
    const { self } = this.#membership
    const isSettled =
      self.state === 'active' &&
      nowMs - this.#proposedMs >= WEIGHT_PROPOSAL_MS &&
      this.#membership.outOfReach(nowMs).size === 0 &&
      this.#held.length === 1 &&
      this.#latest.version < VERSION_MAX &&
      others.every((id) => this.#saidBy(id).held.length === 1 && this.#holds(id, this.#latest))
    if (!isSettled) return
    const demands = new Map([[self.id, this.report?.demand ?? 0]])
    for (const id of others) demands.set(id, this.#saidBy(id).demand)
    const proposal = new HeldTable(weightsByDemand(this.#latest.version + 1, demands))
    if (!proposal.differs(this.#latest, demands.keys())) return
    this.#proposedMs = nowMs
    this.#takeUp(proposal)
  }

  #tell(peer: NodeId): void {
    this.#outbox.send(peer, { type: 'weights', tables: this.#held.map(({ table }) => table) })
  }
}

/** What a frame has room for. One proposal every ten seconds would last for a thousand years. */
const DEMAND_MAX = 0xffff_ffff
const VERSION_MAX = 0xffff_ffff
const NOTHING_SAID: WeightReport = { demand: 0, held: [new HeldTable(EQUAL_WEIGHTS)] }
